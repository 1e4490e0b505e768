"""The demo's configuration: a newcomer's own, as ``usher init`` writes it, with the demo's tenants and this
machine's addresses in it. It owns what the demo changes there and nothing of the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from connector.demo.sites import Site
from connector.foundation.config_initial import write_initial

REALM_KEY = "main"
"""The key of the realm in the configuration that ``usher init`` writes."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything of one demo is. URLs have no slash at their end."""

    usher_port: int
    keycloak: str
    realm: str
    portal: str
    smtp_port: int

    @property
    def usher(self) -> str:
        """Usher's public URL."""
        return f"http://{HOST}:{self.usher_port}"

    @property
    def issuer(self) -> str:
        """The realm's URL, as in its tokens."""
        return f"{self.keycloak}/realms/{self.realm}"


def write_settings(folder: Path, where: Addresses, sites: Sequence[Site]) -> Path:
    """Write a configuration for these tenants, with keys, into ``folder``; its path.

    :raises ConfigError: there is one already.
    """
    first = sites[0].tenant
    path = write_initial(folder, first)
    yaml = YAML()
    config = yaml.load(path)
    config["public_url"] = where.usher
    config["server"] = {"host": HOST, "port": where.usher_port}
    config["management"] = {"port": 0}
    config["keycloak"]["realms"][REALM_KEY] |= {"url": where.keycloak, "realm": where.realm}
    del config["mail"]["files"]
    config["mail"]["smtp"] = {"host": HOST, "port": where.smtp_port, "tls": "none"}
    newcomer = dict(config["tenants"][first])
    config["tenants"] = {site.tenant: newcomer | site.configuration(where.portal) for site in sites}
    yaml.dump(config, path)
    return path

"""A first installation's files, ready to be edited: the configuration, its keys, the folder for secrets. It
owns what a newcomer starts from, and must not overwrite anything.
"""

from pathlib import Path

from ruamel.yaml import YAML

from connector.foundation.config_values import parse_key
from connector.foundation.faults import ConfigError
from connector.foundation.keys import create_keys
from connector.foundation.private_files import make_private_folder

CONFIG_FILE = "config.yaml"

_TEXT = """\
# Usher's configuration. Check it after each change:  usher --config config.yaml config check
# config.example.yaml of the distribution explains every key there is.

# Where browsers and Keycloak reach Usher.
public_url: http://localhost:8000

# Paths are relative to this file.
database: sqlite:///usher.db
keys: keys/

keycloak:
  realms:
    main:
      url: http://localhost:8080
      realm: main
      # Secrets are files (mode 0600) or environment variables, never in here.
      # `usher keycloak apply` makes the files that are absent.
      runtime: {client_id: usher-runtime, client_secret: file:secrets/runtime}
      setup: {client_id: usher-setup, client_secret: file:secrets/setup}
      invite_client_secret: file:secrets/invite
      provider_client_secret: file:secrets/provider

mail:
  # Mails become files in this folder; put `smtp: {host: …}` in its place to send them.
  files: mails/
  from: portal@example.com
  allow_default_sender: true

tenants:
  TENANT:
    name: "TITLE"
    realm: main
    # Where people go once they are in.
    portal_url: http://localhost:8080/realms/main/account/
    locale: en
    time_zone: UTC
    policy: {invitation_life: 7d}
    brand: {primary: "#1f4e79", accent: "#1f4e79"}
"""


def example_config(tenant: str) -> str:
    """The text of a first configuration.

    :raises ConfigError: ``tenant`` is no name that can stand in URLs.
    """
    try:
        parse_key(tenant)
    except ValueError as error:
        raise ConfigError.of(f"the tenant {tenant!r} {error}") from None
    key = tenant if isinstance(YAML(typ="safe").load(tenant), str) else f'"{tenant}"'
    return _TEXT.replace("TENANT", key).replace("TITLE", tenant.replace("-", " ").title())


def write_initial(folder: Path, tenant: str) -> Path:
    """Write ``config.yaml``, ``keys/`` and ``secrets/``; the path of the first.

    :raises ConfigError: there is a configuration already, or the folder cannot be written.
    """
    path = folder / CONFIG_FILE
    text = example_config(tenant)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        make_private_folder(folder / "secrets")
        create_keys(folder / "keys")
    except FileExistsError:
        message = "is there already and stays as it is; name another folder"
        raise ConfigError.of(message, file=path) from None
    except OSError as error:
        raise ConfigError.of(f"cannot be written: {error.strerror}", file=path) from None
    return path

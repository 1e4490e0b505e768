"""Puts a whole Usher up beside a Keycloak and an inbox: configuration, realm, ``usher run``, a token, the
sample portal. It owns the order and the ends; what is done with it is the demo's or a test's.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from connector.demo.inbox import Inbox
from connector.demo.keycloak import RunningKeycloak
from connector.demo.portal import portal_app
from connector.demo.process import Child, free_port
from connector.demo.realm import CLIENT, add_sample_portal
from connector.demo.relying_party import RelyingParty
from connector.demo.scim import ScimCaller
from connector.demo.settings import REALM_KEY, Addresses, write_settings
from connector.demo.sites import Site
from connector.demo.steps import Steps
from connector.demo.usher import UsherCommand
from connector.demo.web import HOST, serving
from connector.domain.model import TenantId
from connector.foundation.config import Settings, load
from connector.foundation.private_files import write_private

READY_SECONDS = 60.0
CONNECTION = "entra"
"""The name of the SCIM connection; it owns the holds that it puts."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A tenant's identity provider, and the file with the token that it calls with."""

    scim: ScimCaller
    token_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running Usher with all that is around it, as ``tenant`` sees it."""

    where: Addresses
    settings: Settings
    usher: UsherCommand
    keycloak: RunningKeycloak
    inbox: Inbox
    callers: Mapping[str, Caller]
    tenant: str
    process: Child | None = None
    """None if somebody else has started it."""

    def seen_by(self, tenant: str) -> "System":
        """The same, as another tenant sees it."""
        return replace(self, tenant=tenant)

    @property
    def scim(self) -> ScimCaller:
        """The tenant's identity provider."""
        return self.callers[self.tenant].scim

    @property
    def token_file(self) -> Path:
        """Its token is in there."""
        return self.callers[self.tenant].token_file

    @property
    def tenant_name(self) -> str:
        """What people call the tenant."""
        return self.settings.tenants[TenantId(self.tenant)].name

    @property
    def portal_url(self) -> str:
        """The tenant's site."""
        return f"{self.where.portal}/{self.tenant}"

    def state_of(self, user: str) -> str:
        """What ``usher user show`` says of a user."""
        return str(self.usher.json("user", "show", self.tenant, user)["state"])


@contextmanager
def running_system(
    folder: Path,
    keycloak: RunningKeycloak,
    inbox: Inbox,
    *,
    realm: str,
    sites: Sequence[Site],
    steps: Steps,
    env: Mapping[str, str],
) -> Iterator[System]:
    """Usher and the sample portals of ``sites`` over a new realm, as the first of them sees it; stopped at
    the end.

    :raises DemoError: something did not come up.
    """
    ports = [free_port() for _ in range(2)]
    where = Addresses(
        usher_port=ports[0],
        keycloak=keycloak.url,
        realm=realm,
        portal=f"http://{HOST}:{ports[1]}",
        smtp_port=inbox.port,
    )
    usher = UsherCommand(config=write_settings(folder, where, sites), env=env)
    with ExitStack() as stack:
        steps.working("Setting up the realm")
        _apply(usher, keycloak)
        settings = load(usher.config)
        stack.enter_context(serving(_portal(keycloak, where, settings), ports[1]))
        process = stack.enter_context(_started(usher, where, folder, steps))
        yield System(
            where=where,
            settings=settings,
            usher=usher,
            process=process,
            keycloak=keycloak,
            inbox=inbox,
            callers={site.tenant: _caller(usher, where, site.tenant, folder) for site in sites},
            tenant=sites[0].tenant,
        )


def _caller(usher: UsherCommand, where: Addresses, tenant: str, folder: Path) -> Caller:
    token = usher.run("token", "create", tenant, "--name", CONNECTION).strip()
    token_file = folder / f"{tenant}.scim-token"
    write_private(token_file, token.encode())
    return Caller(ScimCaller(f"{where.usher}/scim/{tenant}/v2", token), token_file)


def _apply(usher: UsherCommand, keycloak: RunningKeycloak) -> None:
    usher.run(
        *("keycloak", "apply", "--create-realm", "--admin", keycloak.admin_user),
        secrets={"USHER_ADMIN_PASSWORD": keycloak.admin_password},
    )


def _portal(keycloak: RunningKeycloak, where: Addresses, settings: Settings) -> Any:
    secret = add_sample_portal(keycloak, where.realm, where.portal)
    client = RelyingParty(issuer=where.issuer, client_id=CLIENT, client_secret=secret, portal=where.portal)
    return portal_app({str(key): tenant for key, tenant in settings.tenants.items()}, client, where.portal)


@contextmanager
def _started(usher: UsherCommand, where: Addresses, folder: Path, steps: Steps) -> Iterator[Child]:
    with Child("Usher", usher.line("run"), log=folder / "usher.log", env=usher.env) as process:
        process.wait_until(
            lambda: _answers(f"{where.usher}/oidc/{REALM_KEY}/jwks"),
            seconds=READY_SECONDS,
            tell=lambda: steps.working("Starting Usher"),
        )
        yield process


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False

"""The clients of the realm that are ours: the one through which an invited person comes back, and the
accounts Usher itself calls with. It owns these clients and the administrative roles of their service
accounts.
"""

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

from connector.domain.errors import Misconfigured
from connector.foundation.config import ClientSettings, Fence, Secret
from connector.keycloak.client import path
from connector.keycloak.names import INVITE_CLIENT, INVITE_FLOW
from connector.keycloak.setup.flows import can_redirect, flow_id
from connector.keycloak.setup.secrets import is_absent
from connector.keycloak.setup.steps import (
    Change,
    Representation,
    Site,
    Step,
    differences,
    merged,
    step,
)

RUNTIME_ROLES = {
    Fence.STRICT: frozenset({"query-users", "query-groups", "view-events"}),
    Fence.OFF: frozenset({"manage-users", "view-events"}),
}
"""Of ``realm-management``, and no more than these."""

SETUP_ROLES = frozenset({"manage-realm", "manage-identity-providers", "manage-clients", "view-users"})
"""Enough to plan everything and to apply all but the group and the roles of service accounts, which
Keycloak lets only an administrator of the whole realm give (measured on 26.7.3).
"""

_CLOSED = {
    "protocol": "openid-connect",
    "enabled": True,
    "publicClient": False,
    "bearerOnly": False,
    "clientAuthenticatorType": "client-secret",
    "standardFlowEnabled": False,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "serviceAccountsEnabled": False,
    "redirectUris": [],
    "webOrigins": [],
}
"""A confidential client that may do nothing yet."""

_NO_OTHER_GRANTS = {
    "oauth2.device.authorization.grant.enabled": "false",
    "oidc.ciba.grant.enabled": "false",
    "standard.token.exchange.enabled": "false",
}


def invite_client(site: Site) -> Iterator[Step]:
    """Client ``usher-invite``: code flow with PKCE, exact addresses, nothing else."""
    yield from _client(site, invite_settings(site), site.realm.invite_client_secret)
    yield from _flow_override(site)


def invite_settings(site: Site) -> dict[str, Any]:
    """The client ``usher-invite`` as it must be, but for its secret. ``baseUrl`` is where "back to
    application" leads on the error pages that end a way at Keycloak.
    """
    ours = f"{site.settings.public_url}/invite"
    return _CLOSED | {
        "clientId": INVITE_CLIENT,
        "name": "Usher: accepting an invitation",
        "standardFlowEnabled": True,
        "consentRequired": False,
        "fullScopeAllowed": False,
        "baseUrl": f"{ours}/back",
        "redirectUris": [f"{ours}/done", f"{ours}/probe"],
        "attributes": {
            **_NO_OTHER_GRANTS,
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{ours}/go",
            "use.refresh.tokens": "false",
        },
    }


def portal_clients(site: Site) -> Iterator[Step]:
    """The portals' own clients, by which Keycloak's mail leads on: nothing of ours, but they must be there.

    :raises Misconfigured: one is not.
    """
    for tenant in site.tenants:
        if tenant.portal_client and client_id(site, tenant.portal_client) is None:
            raise Misconfigured(
                f"There is no client '{tenant.portal_client}' in realm '{site.realm.realm}'. Create it, or "
                f"correct 'portal_client' of tenant '{tenant.id}'."
            )
    yield from ()


def runtime_client(site: Site) -> Iterator[Step]:
    """The account Usher runs with."""
    yield from _service_account(site, site.realm.runtime, "Usher", RUNTIME_ROLES[site.realm.fence])


def setup_client(site: Site) -> Iterator[Step]:
    """The set-up account; only an administrator makes it."""
    if site.as_administrator:
        yield from _service_account(site, site.realm.setup, "Usher: set-up", SETUP_ROLES)


def client_id(site: Site, name: str) -> str | None:
    """Keycloak's id of a client."""
    real = _find(site, name)
    return real["id"] if real else None


def service_account_id(site: Site, client: str) -> str:
    """The user id of a client's service account."""
    return str(site.admin.get(path("clients", client, "service-account-user"))["id"])


def _service_account(
    site: Site, client: ClientSettings, name: str, roles: Collection[str]
) -> Iterator[Step]:
    wanted = _CLOSED | {
        "clientId": client.client_id,
        "name": name,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,
        "attributes": dict(_NO_OTHER_GRANTS),
    }
    yield from _client(site, wanted, client.client_secret)
    yield from _roles(site, client.client_id, roles)


def _client(site: Site, wanted: dict[str, Any], secret: Secret) -> Iterator[Step]:
    thing = f"client {wanted['clientId']}"
    real = _find(site, wanted["clientId"])
    if real is None:
        yield step(thing, "make it", lambda: _make(site, wanted, secret))
        return
    changes = (*differences(thing, wanted, real), *_secret_changes(thing, secret, real))
    if changes:
        yield Step(changes=changes, write=lambda: _change(site, real, wanted, secret))


def _make(site: Site, wanted: Representation, secret: Secret) -> None:
    site.admin.create("clients", {**wanted, "secret": secret.read()})


def _change(site: Site, real: Representation, wanted: Representation, secret: Secret) -> None:
    body = {**merged(real, wanted), "secret": secret.read()}
    site.admin.put(path("clients", real["id"]), body)


def _secret_changes(thing: str, secret: Secret, real: Representation) -> Iterator[Change]:
    if is_absent(secret) or real.get("secret") != secret.read():
        yield Change(thing=thing, what="secret another → ours")


def _flow_override(site: Site) -> Iterator[Step]:
    """Bound to our own flow only where the realm's cannot be sent to a provider."""
    wanted = "" if can_redirect(site) else (flow_id(site, INVITE_FLOW) or INVITE_FLOW)
    real = _find(site, INVITE_CLIENT) or {}
    bound = (real.get("authenticationFlowBindingOverrides") or {}).get("browser") or ""
    if bound != wanted:
        what = f"browser flow → {INVITE_FLOW if wanted else 'that of the realm'}"
        yield step(f"client {INVITE_CLIENT}", what, lambda: _bind_flow(site))


def _bind_flow(site: Site) -> None:
    real = _find(site, INVITE_CLIENT) or {}
    flow = "" if can_redirect(site) else flow_id(site, INVITE_FLOW)
    bound = merged(real, {"authenticationFlowBindingOverrides": {"browser": flow}})
    site.admin.put(path("clients", real["id"]), bound)


def _roles(site: Site, client: str, wanted: Collection[str]) -> Iterator[Step]:
    """Exactly these roles of ``realm-management``: one too many may be the whole realm."""
    thing = f"service account of {client}"
    present = _present_roles(site, client)
    for role in sorted(set(wanted) - present):
        yield step(thing, f"role {role} no → yes", partial(_give_role, site, client, role))
    for role in sorted(present - set(wanted)):
        yield step(thing, f"role {role} yes → no", partial(_take_role, site, client, role))


def _present_roles(site: Site, client: str) -> set[str]:
    at = _role_mappings(site, client)
    return {role["name"] for role in site.admin.list(at)} if at else set()


def _give_role(site: Site, client: str, name: str) -> None:
    site.admin.post(_role_mappings(site, client) or "", [_role(site, name)])


def _take_role(site: Site, client: str, name: str) -> None:
    site.admin.delete(_role_mappings(site, client) or "", [_role(site, name)])


def _role_mappings(site: Site, client: str) -> str | None:
    """Where the administrative roles of a client's service account are, None without the client."""
    ours, management = client_id(site, client), client_id(site, "realm-management")
    if ours is None or management is None:
        return None
    user = service_account_id(site, ours)
    return path("users", user, "role-mappings", "clients", management)


def _role(site: Site, name: str) -> dict[str, Any]:
    management = client_id(site, "realm-management") or ""
    return site.admin.get(path("clients", management, "roles", name))


def _find(site: Site, name: str) -> dict[str, Any] | None:
    """A client by its client id, compared exactly."""
    found = site.admin.list("clients", clientId=name)
    return next((client for client in found if client["clientId"] == name), None)

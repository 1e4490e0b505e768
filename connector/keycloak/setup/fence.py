"""The fence around what Usher may touch: one group, and a fine-grained permission on it and on nothing
else. It owns both; it must never add anybody to the group.

``manage-users`` alone lets its holder reset the password of an administrator of the realm, and so
become one (measured on 26.7.3). With the permission on a group, only the group's members can be
touched, and people get in only by being created in it. An administrator who is put into the group by
hand is inside the fence.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.foundation.config import Fence
from connector.keycloak.client import path
from connector.keycloak.names import GROUP
from connector.keycloak.setup.clients import client_id, service_account_id
from connector.keycloak.setup.steps import Part, Site, Step, differences, step

SCOPES = ("manage-members", "manage-membership", "view", "view-members")
PERMISSIONS_CLIENT = "admin-permissions"
"""The client that Keycloak makes when fine-grained permissions are switched on."""

POLICY = "usher-runtime"
PERMISSION = GROUP


def fence(site: Site) -> Iterator[Step]:
    """What the realm's ``fence`` asks for; the configuration takes no other kinds than these."""
    for part in _PARTS[site.realm.fence]:
        yield from part(site)


def _group(site: Site) -> Iterator[Step]:
    if group_id(site) is None:
        yield step(f"group {GROUP}", "make it", lambda: site.admin.create("groups", {"name": GROUP}))


def _policy(site: Site) -> Iterator[Step]:
    """Names our service account, so that the permission can."""
    thing = f"policy {POLICY}"
    real = _policy_of(site)
    if real is None:
        yield step(thing, "make it", lambda: _make(site, "policy/user", _policy_body(site)))
    elif real["users"] != [_account_id(site)] or real["logic"] != "POSITIVE":
        yield step(
            thing,
            "account another → ours",
            lambda: site.admin.put(_at(site, "policy", "user", real["id"]), _policy_body(site)),
        )


def _permission(site: Site) -> Iterator[Step]:
    thing = f"permission {PERMISSION}"
    real = _permission_of(site)
    if real is None:
        yield step(thing, "make it", lambda: _make(site, "permission/scope", _permission_body(site)))
        return
    wanted = _permission_body(site)
    compared = {name: wanted[name] for name in ("resources", "scopes", "policies")}
    changes = tuple(differences(thing, compared, real))
    if changes:
        at = _at(site, "permission", "scope", real["id"])
        yield Step(changes=changes, write=lambda: site.admin.put(at, _permission_body(site)))


def group_id(site: Site) -> str | None:
    """Keycloak's id of the group."""
    found = site.admin.list("groups", search=GROUP, exact="true")
    return next((group["id"] for group in found if group["path"] == f"/{GROUP}"), None)


def policy_path(site: Site) -> str | None:
    """Where the policy is, None if it is not there."""
    found = _named(site, "policy", POLICY)
    return _at(site, "policy", found["id"]) if found else None


def permission_path(site: Site) -> str | None:
    """Where the permission is, None if it is not there."""
    found = _named(site, "permission", PERMISSION)
    return _at(site, "policy", found["id"]) if found else None


_PARTS: Mapping[Fence, tuple[Part, ...]] = {
    Fence.STRICT: (_group, _policy, _permission),
    Fence.OFF: (),
}


def _policy_body(site: Site) -> dict[str, Any]:
    return {"name": POLICY, "users": [_account_id(site)], "logic": "POSITIVE"}


def _permission_body(site: Site) -> dict[str, Any]:
    policy = _policy_of(site)
    return {
        "name": PERMISSION,
        "resourceType": "Groups",
        "resources": [group_id(site)],
        "scopes": list(SCOPES),
        "policies": [policy["id"] if policy else None],
        "decisionStrategy": "UNANIMOUS",
    }


def _policy_of(site: Site) -> dict[str, Any] | None:
    found = _named(site, "policy", POLICY)
    return site.admin.get(_at(site, "policy", "user", found["id"])) if found else None


def _permission_of(site: Site) -> dict[str, Any] | None:
    """Id, resources (group ids), scopes (names) and policies (ids) of the permission."""
    found = _named(site, "permission", PERMISSION)
    if found is None:
        return None

    def related(kind: str, key: str) -> list[str]:
        items = site.admin.list(_at(site, "policy", found["id"], kind))
        return [item[key] for item in items]

    return {
        "id": found["id"],
        "resources": related("resources", "name"),
        "scopes": related("scopes", "name"),
        "policies": related("associatedPolicies", "id"),
    }


def _named(site: Site, kind: str, name: str) -> dict[str, Any] | None:
    if client_id(site, PERMISSIONS_CLIENT) is None:
        return None
    found = site.admin.list(_at(site, kind), name=name)
    return next((item for item in found if item["name"] == name), None)


def _make(site: Site, kind: str, body: dict[str, Any]) -> None:
    site.admin.post(_at(site, *kind.split("/")), body)


def _at(site: Site, *rest: str) -> str:
    client = client_id(site, PERMISSIONS_CLIENT) or ""
    return path("clients", client, "authz", "resource-server", *rest)


def _account_id(site: Site) -> str | None:
    client = client_id(site, site.realm.runtime.client_id)
    return service_account_id(site, client) if client else None

"""The way back: takes out of a realm what the set-up made there, in parts like those that made it. It owns
the order, in which nothing is removed that something of ours still stands on; it must not remove an
account, nor turn back a switch of the realm, whose former position nobody knows.
"""

from collections.abc import Iterator
from functools import partial

from connector.keycloak.client import path
from connector.keycloak.names import (
    ATTRIBUTE_GROUP,
    DENY_FLOW,
    GROUP,
    INVITE_CLIENT,
    INVITE_FLOW,
    PROVIDER,
    USHER_ID,
)
from connector.keycloak.setup.clients import client_id
from connector.keycloak.setup.fence import group_id, permission_path, policy_path
from connector.keycloak.setup.flows import flow_id
from connector.keycloak.setup.provider import INSTANCES
from connector.keycloak.setup.steps import Part, Representation, Site, Step, step

KEPT = (
    "Stays: accounts with their attributes; the realm's events, languages, mail server, fine-grained "
    "permissions and 'forgot password'; the secret files."
)
"""What removing leaves, for people."""


def no_identity_provider(site: Site) -> Iterator[Step]:
    """The entry ``usher``, and with it every link to it."""
    if any(provider["alias"] == PROVIDER for provider in site.admin.list(INSTANCES)):
        at = f"{INSTANCES}/{path(PROVIDER)}"
        yield step(f"identity provider {PROVIDER}", "remove it", lambda: site.admin.delete(at))


def no_invite_client(site: Site) -> Iterator[Step]:
    """Client ``usher-invite``."""
    yield from _no_client(site, INVITE_CLIENT)


def no_flows(site: Site) -> Iterator[Step]:
    """Flows ``usher-redirect`` and ``usher-deny``; Keycloak refuses while something else uses one."""
    for alias in (INVITE_FLOW, DENY_FLOW):
        if found := flow_id(site, alias):
            at = path("authentication", "flows", found)
            yield step(f"flow {alias}", "remove it", partial(site.admin.delete, at))


def no_fence(site: Site) -> Iterator[Step]:
    """Permission, policy and group; the group's members stay, outside of it."""
    for thing, find in (("permission", permission_path), ("policy", policy_path)):
        if at := find(site):
            yield step(f"{thing} of the fence", "remove it", partial(site.admin.delete, at))
    if found := group_id(site):
        at = path("groups", found)
        yield step(f"group {GROUP}", "remove it; its members stay", partial(site.admin.delete, at))


def no_profile(site: Site) -> Iterator[Step]:
    """Our attributes of the user profile, and their section if nobody else's are in it."""
    profile = site.admin.get("users/profile")
    ours = [a["name"] for a in profile["attributes"] if _is_ours(site, a)]
    for name in ours:
        yield step(f"user profile {name}", "remove it", partial(_undeclare, site, name))
    foreign = [a for a in profile["attributes"] if a.get("group") == ATTRIBUTE_GROUP]
    section = any(group["name"] == ATTRIBUTE_GROUP for group in profile.get("groups") or [])
    if section and len(foreign) == len(ours):
        thing = f"user profile section {ATTRIBUTE_GROUP}"
        yield step(thing, "remove it", lambda: _drop_section(site))


def no_runtime_client(site: Site) -> Iterator[Step]:
    """The account Usher runs with."""
    yield from _no_client(site, site.realm.runtime.client_id)


def no_setup_client(site: Site) -> Iterator[Step]:
    """The set-up account."""
    yield from _no_client(site, site.realm.setup.client_id)


BROKERING: tuple[Part, ...] = (no_identity_provider, no_invite_client, no_flows)
"""What stands in a realm into which people come through our provider, and in no other."""

PARTS: tuple[Part, ...] = (*BROKERING, no_fence, no_profile, no_runtime_client, no_setup_client)


def _no_client(site: Site, name: str) -> Iterator[Step]:
    if found := client_id(site, name):
        at = path("clients", found)
        yield step(f"client {name}", "remove it", lambda: site.admin.delete(at))


def _is_ours(site: Site, attribute: Representation) -> bool:
    names = {USHER_ID, *site.settings.mapping.attributes}
    return attribute["name"] in names and attribute.get("group") == ATTRIBUTE_GROUP


def _undeclare(site: Site, name: str) -> None:
    profile = site.admin.get("users/profile")
    profile["attributes"] = [a for a in profile["attributes"] if a["name"] != name]
    site.admin.put("users/profile", profile)


def _drop_section(site: Site) -> None:
    profile = site.admin.get("users/profile")
    profile["groups"] = [group for group in profile["groups"] if group["name"] != ATTRIBUTE_GROUP]
    site.admin.put("users/profile", profile)

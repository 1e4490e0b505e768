"""Our attributes in the realm's user profile, shown to administrators in a section of their own. It
owns the section and every attribute ``usher.*``; it must not touch another attribute or the policy for
undeclared ones.

Administrators must be allowed to edit: with nobody allowed, Keycloak drops our own writes and answers
204.
"""

from collections.abc import Iterator
from typing import Any

from connector.keycloak.names import ATTRIBUTE_GROUP, USHER_ID
from connector.keycloak.setup.steps import Change, Representation, Site, Step, differences, merged

_PREFIX = "usher."
_GROUP = {
    "name": ATTRIBUTE_GROUP,
    "displayHeader": "Portal",
    "displayDescription": "Written by Usher; a change made here is put back.",
}


def user_profile(site: Site) -> Iterator[Step]:
    """The section and each attribute that the mapping writes."""
    profile = site.admin.get("users/profile")
    changes = (
        *_list_changes("user profile section", [_GROUP], profile.get("groups") or []),
        *_list_changes("user profile", _attributes(site, profile), profile["attributes"]),
    )
    if changes:
        yield Step(changes=changes, write=lambda: _write(site))


def _write(site: Site) -> None:
    profile = site.admin.get("users/profile")
    profile["groups"] = _laid_over(profile.get("groups") or [], [_GROUP])
    profile["attributes"] = _laid_over(profile["attributes"], _attributes(site, profile))
    site.admin.put("users/profile", profile)


def _attributes(site: Site, profile: Representation) -> list[dict[str, Any]]:
    """What must be declared: ours in any case, others of the mapping where nobody has."""
    declared = {attribute["name"] for attribute in profile["attributes"]}
    names = sorted({USHER_ID, *site.settings.mapping.attributes})
    return [_attribute(n) for n in names if n.startswith(_PREFIX) or n not in declared]


def _attribute(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "displayName": name,
        "group": ATTRIBUTE_GROUP,
        "multivalued": False,
        "permissions": {"view": ["admin"], "edit": ["admin"]},
    }


def _list_changes(thing: str, wanted: list[dict[str, Any]], real: list[dict[str, Any]]) -> Iterator[Change]:
    present = {item["name"]: item for item in real}
    for item in wanted:
        name = f"{thing} {item['name']}"
        if item["name"] in present:
            yield from differences(name, item, present[item["name"]])
        else:
            yield Change(thing=name, what="make it")


def _laid_over(real: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ours = {item["name"]: item for item in wanted}
    kept = [merged(item, ours.pop(item["name"], {})) for item in real]
    return [*kept, *ours.values()]

"""A user's SCIM document as the lifecycle and the store see it: the profile in it and its index values, by
one pure function each, for every way in. It owns folding; it must not know how a document was parsed.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.domain.errors import Invalid
from connector.domain.model import Profile

SCIM_SOURCE = "scim"
"""Under which key of ``Profile.external_ids`` a SCIM caller's ``externalId`` is kept."""


def fold(text: str) -> str:
    """The key under which text compares that is not case-exact; folding twice changes nothing."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What the store keeps beside a document to find it by. Keys are folded; ``realm`` and
    ``account_name`` are where and how the user's account is named at the identity provider.
    """

    realm: str
    account_name: str
    email_key: str
    user_key: str
    external_id: str
    display_key: str
    given_key: str
    family_key: str
    email_values: tuple[tuple[str, str], ...] = ()
    """(folded type, folded value) of every e-mail in the document, in order."""


def profile_of(document: Mapping[str, Any]) -> Profile:
    """The profile in a SCIM document (RFC 7643 §4.1 names, canonical case).

    :raises Invalid: ``userName`` is missing, has space around it, or holds control characters.
    """
    name = _mapping(document.get("name"))
    external = _text(document.get("externalId"))
    return Profile(
        user_name=_checked_user_name(document.get("userName")),
        email=_address(document.get("emails")),
        given_name=_text(name.get("givenName")),
        family_name=_text(name.get("familyName")),
        display_name=_text(document.get("displayName")) or _text(name.get("formatted")),
        locale=_text(document.get("locale")) or _text(document.get("preferredLanguage")),
        time_zone=_text(document.get("timezone")),
        kind=_text(document.get("userType")),
        external_ids={SCIM_SOURCE: external} if external else {},
    )


def index_of(profile: Profile, document: Mapping[str, Any], *, realm: str, account_name: str) -> Index:
    """The index values of a user, from what it is and what its caller sent."""
    return Index(
        realm=realm,
        account_name=fold(account_name),
        email_key=fold(profile.email),
        user_key=fold(profile.user_name),
        external_id=profile.external_ids.get(SCIM_SOURCE, ""),
        display_key=fold(_text(document.get("displayName"))),
        given_key=fold(profile.given_name),
        family_key=fold(profile.family_name),
        email_values=tuple(
            (fold(_text(item.get("type"))), fold(_text(item.get("value"))))
            for item in _items(document.get("emails"))
        ),
    )


def changed_values(before: Profile, after: Profile) -> dict[str, tuple[Any, Any]]:
    """Which fields of a profile differ, with their values before and after."""
    fields = Profile.__dataclass_fields__
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in fields}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _checked_user_name(value: Any) -> str:
    text = _text(value)
    if not text.strip():
        raise Invalid("userName", "must not be empty")
    if text != text.strip():
        raise Invalid("userName", "must not begin or end with a space")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise Invalid("userName", "must not hold control characters")
    return text


def _address(emails: Any) -> str:
    """The primary e-mail, else the first of type work, else the first."""
    items = [item for item in _items(emails) if _text(item.get("value"))]
    wanted = (
        *(item for item in items if item.get("primary") is True),
        *(item for item in items if fold(_text(item.get("type"))) == "work"),
        *items,
    )
    return _text(wanted[0]["value"]) if wanted else ""


def _items(value: Any) -> Iterator[Mapping[str, Any]]:
    candidates: Iterable[Any] = value if isinstance(value, list | tuple) else ()
    return (item for item in candidates if isinstance(item, Mapping))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

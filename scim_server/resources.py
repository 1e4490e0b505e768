"""Reads: stored documents glued to answers, projections, lists. It owns what a resource looks like
on the wire; no model is built on the way of a read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from connector.application.records import ReadyDocument
from connector.domain.model import PortalUser
from connector.domain.query import Page
from scim_server.errors import bad_path, bad_value
from scim_server.names import ENTERPRISE, ENTERPRISE_NAMES, LIST_RESPONSE, unqualified
from scim_server.profiles import Client, Switch
from scim_server.times import text_of

DEFAULT_COUNT = 100
MAX_COUNT = 1000

_ALWAYS = frozenset({"id", "schemas"})
_LONGEST_NAMES = 8192
"""Characters in ``attributes``, as many as a filter may have; every user shown is held against them."""
_BRACKETS = re.compile(r"\[[^\]]*\]?")
"""One that is never closed takes the rest along: to look for an end from each of many takes long."""
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FARTHEST = 2**53
"""Beyond any list's end, and every database's integers hold it."""


def etag(version: int) -> str:
    """A version as ``ETag`` and ``meta.version`` have it (RFC 7644 §3.14)."""
    return f'W/"{version}"'


def location(base: str, user_id: str) -> str:
    """A user's absolute URL."""
    return f"{base}/Users/{user_id}"


def user_bytes(ready: ReadyDocument, base: str) -> bytes:
    """A user as JSON: the stored document, and around it what is never stored."""
    meta = (
        f'"meta":{{"resourceType":"User","created":"{text_of(ready.created_at)}",'
        f'"lastModified":"{text_of(ready.modified_at)}","location":"{location(base, ready.id)}",'
        f'"version":"W/\\"{ready.version}\\""}}'
    )
    active = "true" if ready.active else "false"
    head, tail = f'{{"id":"{ready.id}",', f',"active":{active},{meta}}}'
    return b"".join((head.encode(), ready.document[1:-1], tail.encode()))


def ready_of(user: PortalUser) -> ReadyDocument:
    """A user just saved, in the form of a read."""
    return ReadyDocument(
        id=user.id,
        document=orjson.dumps(user.document),
        version=user.version,
        created_at=user.created_at,
        modified_at=user.modified_at,
        active=not user.holds,
    )


def list_bytes(users: Sequence[bytes], page: Page[Any], start: int) -> bytes:
    """A ListResponse (RFC 7644 §3.4.2) of rendered users."""
    head = (
        f'{{"schemas":["{LIST_RESPONSE}"],"totalResults":{page.total},'
        f'"startIndex":{start},"itemsPerPage":{len(users)},"Resources":['
    )
    return b"".join((head.encode(), b",".join(users), b"]}"))


# --- paging ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is wanted: ``count`` from the ``start``-th on, from 1."""

    start: int = 1
    count: int = DEFAULT_COUNT


def slice_of(parameters: Mapping[str, Any]) -> Slice:
    """The slice that ``startIndex`` and ``count`` ask for (RFC 7644 §3.4.2.4), within our limits.

    :raises ScimError: 400 ``invalidValue``: one is no integer.
    """
    start = _integer(parameters, "startIndex", 1)
    count = _integer(parameters, "count", DEFAULT_COUNT)
    return Slice(start=max(1, start), count=min(max(0, count), MAX_COUNT))


def _integer(parameters: Mapping[str, Any], name: str, default: int) -> int:
    sent = parameters.get(name.lower())
    if sent is None:
        return default
    text = str(sent).strip()
    if isinstance(sent, bool) or not _INTEGER.fullmatch(text):
        raise bad_value(name, "must be an integer")
    # Python refuses to read integers of thousands of digits, and none of them matters.
    bound = text[:18]
    return max(-_FARTHEST, min(int(bound), _FARTHEST))


# --- projection ------------------------------------------------------------------------------------


class _Names:
    """Names that a request tells, folded. What is told below one of them is looked up once, however
    many users are shown.
    """

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        self._names = names
        self._below: dict[str, _Names] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def below(self, name: str) -> "_Names":
        """The parts of the attribute ``name`` that are told."""
        if name not in self._below:
            heads, start = (f"{name}.", f"{name}:"), len(name) + 1
            parts = (told[start:] for told in self._names if told.startswith(heads))
            self._below[name] = _Names(frozenset(parts))
        return self._below[name]


@dataclass(frozen=True, slots=True)
class Projection:
    """What of a resource is wanted: ``attributes`` alone, or all but ``excluded`` (RFC 7644 §3.9).
    Names are without the core schema's URN; an extension's attribute keeps its URN.
    """

    attributes: _Names
    excluded: _Names

    def __bool__(self) -> bool:
        return bool(self.attributes or self.excluded)

    def apply(self, user: bytes) -> bytes:
        """A rendered user, projected."""
        return orjson.dumps(self._projected(orjson.loads(user))) if self else user

    def _projected(self, user: Mapping[str, Any]) -> dict[str, Any]:
        if self.attributes:
            kept = ((name, _kept(name.lower(), value, self.attributes)) for name, value in user.items())
        else:
            kept = ((name, _left(name.lower(), value, self.excluded)) for name, value in user.items())
        return {name: value for name, value in kept if value is not None}


def projection_of(parameters: Mapping[str, Any], client: Client) -> Projection:
    """The projection that ``attributes`` and ``excludedAttributes`` ask for; unknown names mean
    nothing.

    :raises ScimError: 400: both are there, one is too long, or a strict client selects values.
    """
    attributes = _names(parameters, "attributes", client)
    excluded = _names(parameters, "excludedAttributes", client)
    if attributes and excluded:
        raise bad_value("attributes", "and 'excludedAttributes' exclude each other")
    return Projection(attributes=attributes, excluded=excluded)


def _names(parameters: Mapping[str, Any], parameter: str, client: Client) -> _Names:
    sent = parameters.get(parameter.lower())
    texts = sent if isinstance(sent, list) else [sent]
    joined = ",".join(text for text in texts if isinstance(text, str))
    if len(joined) > _LONGEST_NAMES:
        raise bad_value(parameter, f"must be at most {_LONGEST_NAMES} characters")
    if "[" in joined and not client.takes(Switch.FILTER_IN_ATTRIBUTES):
        raise bad_path("attributes")
    names = (unqualified(name.strip()).lower() for name in _BRACKETS.sub("", joined).split(","))
    return _Names(frozenset(_qualified(name) for name in names if name))


def _qualified(name: str) -> str:
    head = name.partition(".")[0]
    return f"{ENTERPRISE.lower()}:{name}" if head in ENTERPRISE_NAMES else name


def _kept(name: str, value: Any, wanted: _Names) -> Any:
    """What is kept of a member when only ``wanted`` names are; None for nothing."""
    if name in _ALWAYS or name in wanted:
        return value
    parts = wanted.below(name)
    return _deeper(value, lambda part, inner: _kept(part, inner, parts)) if parts else None


def _left(name: str, value: Any, unwanted: _Names) -> Any:
    """What is left of a member without ``unwanted`` names; None for nothing."""
    if name in _ALWAYS:
        return value
    if name in unwanted:
        return None
    parts = unwanted.below(name)
    return _deeper(value, lambda part, inner: _left(part, inner, parts)) if parts else value


def _deeper(value: Any, select: Any) -> Any:
    if isinstance(value, list):
        items = [_deeper(item, select) for item in value]
        return [item for item in items if item is not None] or None
    if not isinstance(value, Mapping):
        return value
    selected = ((name, select(name.lower(), inner)) for name, inner in value.items())
    return {name: inner for name, inner in selected if inner is not None} or None

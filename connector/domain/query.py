"""What a way in may ask the store for: a filter tree over known attributes, and a page. It owns the shape;
reading it from text is the asker's, making SQL of it the store's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from connector.domain.model import State

T = TypeVar("T")


class Attribute(StrEnum):
    """What can be compared; the names are SCIM's paths. An e-mail is compared by ``EmailItem``."""

    ID = "id"
    USER_NAME = "userName"
    EXTERNAL_ID = "externalId"
    DISPLAY_NAME = "displayName"
    GIVEN_NAME = "name.givenName"
    FAMILY_NAME = "name.familyName"
    ACTIVE = "active"
    CREATED = "meta.created"
    MODIFIED = "meta.lastModified"


class Operator(StrEnum):
    """How to compare (RFC 7644 §3.4.2.2); text knows ``EQ`` alone."""

    EQ = "eq"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True)
class Compare:
    """An attribute compared with a value: folded text unless the attribute is case-exact (``id``,
    ``externalId``), a Boolean for ``active``, epoch seconds for times.
    """

    attribute: Attribute
    operator: Operator
    value: str | bool | float


@dataclass(frozen=True, slots=True)
class EmailItem:
    """The user has one e-mail with both; keys are folded, None stands for any."""

    type_key: str | None
    value_key: str | None


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class InState:
    """The user is in one of these states at ``now``."""

    states: frozenset[State]
    now: float


Filter = Compare | EmailItem | And | InState


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter (None: everybody) and the slice wanted: ``count`` items after the first ``skip``."""

    filter: Filter | None = None
    skip: int = 0
    count: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One slice and the exact number of all matches."""

    items: Sequence[T]
    total: int

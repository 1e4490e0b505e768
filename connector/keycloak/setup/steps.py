"""How a set-up is described: a part compares one thing of the realm with what is wanted and yields
steps, each a sentence and the write that makes it true. It owns these shapes and the comparison; it
must not know any part.

A part is a generator that looks, yields, and looks on. Applying, the runner writes each step before it
asks for the next; planning, it writes none. So what a step needs (an id, a secret) is looked up when it
writes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.domain.model import Tenant
from connector.foundation.config import RealmSettings, Settings
from connector.keycloak.client import AdminClient

Representation = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, for people; ``what`` never holds a secret."""

    thing: str
    what: str

    def __str__(self) -> str:
        return f"{self.thing}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Differences that one write settles. After a ``barrier`` nothing can be read before it is written,
    so a plan ends there.
    """

    changes: tuple[Change, ...]
    write: Callable[[], object] = field(repr=False)
    barrier: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The realm being set up and what is wanted of it. ``as_administrator``: the caller is a person with
    all rights, not the set-up account.
    """

    settings: Settings
    realm: RealmSettings
    admin: AdminClient
    create_realm: bool = False
    as_administrator: bool = False

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """Whose people live in this realm, by id."""
        found = [t for t in self.settings.tenants.values() if t.realm == self.realm.key]
        return tuple(sorted(found, key=lambda tenant: tenant.id))


Part = Callable[[Site], Iterator[Step]]


def step(thing: str, what: str, write: Callable[[], object], *, barrier: bool = False) -> Step:
    """A step with a single change."""
    return Step(changes=(Change(thing=thing, what=what),), write=write, barrier=barrier)


def differences(thing: str, wanted: Representation, real: Representation) -> Iterator[Change]:
    """Where ``real`` is not as ``wanted``; what is not wanted at all is not looked at."""
    for name, value in wanted.items():
        present = real.get(name)
        if isinstance(value, Mapping):
            yield from differences(thing, value, present or {})
        elif _comparable(present) != _comparable(value):
            yield Change(thing=thing, what=f"{name} {_shown(present)} → {_shown(value)}")


def merged(real: Representation, wanted: Representation) -> dict[str, Any]:
    """``real`` with what is wanted over it, one level deep (``config``, ``attributes``)."""
    both = {
        name: {**(real.get(name) or {}), **value} if isinstance(value, Mapping) else value
        for name, value in wanted.items()
    }
    return {**real, **both}


def _comparable(value: Any) -> Any:
    """Keycloak leaves out what is empty or off, and orders lists as it likes."""
    return sorted(value) if isinstance(value, list | tuple) and value else value or None


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(sorted(map(str, value))) or "nothing"
        case _:
            return str(value or "nothing")

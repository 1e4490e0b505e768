"""Which key does what at a moment. It owns how a key's life goes and the times of it; the files are
``keys.py``'s.

A new key is there before it is used: whoever has to know it (Keycloak, which keeps our key set for a while;
other machines, which it is copied to) gets the time to. The one before stays good for what it was used on.

==========  ===================================  =====================================================
stage       a key that signs tokens              a key that seals links
==========  ===================================  =====================================================
next        published already, signs from        opens links already, seals from then on
            ``since`` on
current     signs                                seals, opens
former      published for a day more             opens the links it sealed, as long as its file is there
retired     published no more; the next          (none)
            rotation removes its file
==========  ===================================  =====================================================

All of it follows from the files and the time, so that every process and machine comes to the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from connector.foundation.keys import (
    SIGNING_ALGORITHM,
    LinkKey,
    SigningKey,
    load_link_keys,
    load_signing_keys,
)

KEPT = 86400.0
"""Seconds for which a signing key stays published after it stopped signing; its tokens live 60."""

_K = TypeVar("_K", bound=LinkKey | SigningKey)


class Use(StrEnum):
    """What keys are for."""

    TOKENS = "tokens"
    LINKS = "links"


class Stage(StrEnum):
    """How far a key's life has come."""

    NEXT = "next"
    CURRENT = "current"
    FORMER = "former"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLife:
    """One key as `usher keys list` shows it. ``since``: when it is or was first used; ``until``: when it
    is published no longer, None as long as nothing takes its place.
    """

    use: Use
    name: str
    algorithm: str
    stage: Stage
    since: float
    until: float | None
    file: Path


def lives(folder: Path, *, now: float) -> list[KeyLife]:
    """Every key there is.

    :raises ConfigError: as the files say.
    """
    return [*signing_lives(load_signing_keys(folder), now), *link_lives(load_link_keys(folder), now)]


def signing_lives(keys: Sequence[SigningKey], now: float) -> list[KeyLife]:
    """Where each key stands; ``keys`` by the time from which on they sign."""
    current = in_use(keys, now)
    return [
        KeyLife(
            use=Use.TOKENS,
            name=key.kid,
            algorithm=SIGNING_ALGORITHM,
            stage=_stage(key, current, until, now),
            since=key.since,
            until=until,
            file=key.file,
        )
        for key, until in zip(keys, _ends(keys), strict=True)
    ]


def link_lives(keys: Sequence[LinkKey], now: float) -> list[KeyLife]:
    """Where each key stands; ``keys`` by the time from which on they seal."""
    current = in_use(keys, now)
    return [
        KeyLife(
            use=Use.LINKS,
            name=key.file.stem,
            algorithm="HS256",
            stage=_stage(key, current, None, now),
            since=key.since,
            until=None,
            file=key.file,
        )
        for key in keys
    ]


def _ends(keys: Sequence[SigningKey]) -> list[float | None]:
    """When each key is published no longer: so long after the next one began."""
    return [*(key.since + KEPT for key in keys[1:]), None]


def _stage(key: _K, current: _K, until: float | None, now: float) -> Stage:
    if key is current:
        return Stage.CURRENT
    if key.since > current.since:
        return Stage.NEXT
    return Stage.RETIRED if until is not None and until <= now else Stage.FORMER


def in_use(keys: Sequence[_K], now: float) -> _K:
    """The newest that has begun; should the clock say that none has, the first."""
    begun = [key for key in keys if key.since <= now]
    return begun[-1] if begun else keys[0]

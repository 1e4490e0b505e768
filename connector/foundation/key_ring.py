"""Which key does what at a moment, and how one takes another's place. It owns the times of a rotation; the
files themselves are ``keys.py``'s.

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

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from connector.domain.errors import UsherError
from connector.foundation.faults import ConfigError
from connector.foundation.keys import (
    LINK_KEY_FILES,
    SIGNING_ALGORITHM,
    SIGNING_KEY_FILES,
    LinkKey,
    SigningKey,
    SigningKeys,
    create_link_key,
    create_signing_key,
    load_link_keys,
    load_signing_keys,
)

LEAD = 600.0
"""Seconds from a new key's publication to its first use. Keycloak looks for keys it does not know, but not
more often than every ten seconds, and it may have looked a moment ago.
"""
KEPT = 86400.0
"""Seconds for which a signing key stays published after it stopped signing; its tokens live 60."""

log = structlog.get_logger()

_K = TypeVar("_K", bound=LinkKey | SigningKey)


class RotationUnderWay(UsherError):
    """A new key waits for its time already."""


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


# --- rings -----------------------------------------------------------------------------------------


class _Folder(Generic[_K]):
    """What a folder's key files hold, read again when one of them has changed: a running server takes a
    new key without a restart. One that cannot be read is an error in the log (and in ``/readyz``), while
    the keys that were good stay in use: a mistake with the next key must not end what works with this one.
    """

    def __init__(self, folder: Path, pattern: str, load: Callable[[Path], tuple[_K, ...]]) -> None:
        self._folder = folder
        self._pattern = pattern
        self._load = load
        self._seen = self._look()
        self._keys = load(folder)

    def keys(self) -> tuple[_K, ...]:
        """By the time from which on they count."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._reload()
        return self._keys

    def _reload(self) -> None:
        try:
            self._keys = self._load(self._folder)
        except ConfigError as error:
            log.error("keys_unreadable", detail=str(error))
        else:
            log.info("keys_read", files=self._pattern, count=len(self._keys))

    def _look(self) -> list[tuple[str, int]]:
        """What changes with a file's content, mode or owner. One may vanish while it is looked at."""
        try:
            with os.scandir(self._folder) as files:
                wanted = [file for file in files if Path(file.name).match(self._pattern)]
                return sorted((file.name, file.stat().st_ctime_ns) for file in wanted)
        except OSError:
            return []


class SigningKeyRing:
    """The keys that ID tokens are signed with. Safe for many threads.

    :raises ConfigError: as ``load_signing_keys``, at the beginning.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = _Folder(folder, SIGNING_KEY_FILES, load_signing_keys)

    def at(self, now: float) -> SigningKeys:
        """What signs and what is published at a time (epoch seconds)."""
        keys = self._folder.keys()
        lives = zip(keys, signing_lives(keys, now), strict=True)
        published = tuple(key.public for key, life in lives if life.stage is not Stage.RETIRED)
        return SigningKeys(current=_in_use(keys, now).key, published=published)


class LinkKeyRing:
    """The keys of mailed links; implements :class:`~connector.foundation.links.LinkKeys`.

    :raises ConfigError: as ``load_link_keys``, at the beginning.
    """

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder = _Folder(folder, LINK_KEY_FILES, load_link_keys)
        self._now = now

    def at(self, when: float | None = None) -> LinkKey:
        """See the protocol."""
        return _in_use(self._folder.keys(), self._now() if when is None else when)

    def all(self) -> Sequence[LinkKey]:
        """See the protocol."""
        return self._folder.keys()


def _in_use(keys: Sequence[_K], now: float) -> _K:
    """The newest that has begun; should the clock say that none has, the first."""
    begun = [key for key in keys if key.since <= now]
    return begun[-1] if begun else keys[0]


# --- the life of keys ------------------------------------------------------------------------------


def signing_lives(keys: Sequence[SigningKey], now: float) -> list[KeyLife]:
    """Where each key stands; ``keys`` by the time from which on they sign."""
    current = _in_use(keys, now)
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
    current = _in_use(keys, now)
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


# --- rotation --------------------------------------------------------------------------------------


def lives(folder: Path, *, now: float) -> list[KeyLife]:
    """Every key there is.

    :raises ConfigError: as the files say.
    """
    return [*signing_lives(load_signing_keys(folder), now), *link_lives(load_link_keys(folder), now)]


def rotate(folder: Path, use: Use, *, now: float, lead: float = LEAD, stolen: bool = False) -> KeyLife:
    """Make the key that takes the current one's place ``lead`` seconds from now, and remove what is
    retired; the new key. ``stolen``: all others are removed and the new one counts at once.

    Two at the same moment make two keys, both published before they are used, which harms nothing.

    :raises RotationUnderWay: there is a next key already. :raises ConfigError: as the files say.
    """
    before = [life for life in lives(folder, now=now) if life.use is use]
    if not stolen:
        _check_none_is_next(before, now)
    new = _MAKERS[use](folder, since=int(now + (0.0 if stolen else lead)))
    for life in before:
        if stolen or life.stage is Stage.RETIRED:
            life.file.unlink(missing_ok=True)
    (made,) = (life for life in lives(folder, now=now) if life.file == new)
    return made


_MAKERS = {Use.TOKENS: create_signing_key, Use.LINKS: create_link_key}


def _check_none_is_next(found: Sequence[KeyLife], now: float) -> None:
    coming = next((life for life in found if life.stage is Stage.NEXT), None)
    if coming is not None:
        begins = datetime.fromtimestamp(coming.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise RotationUnderWay(
            f"A rotation is under way: {coming.name} takes over at {begins}, "
            f"in {max(1, round((coming.since - now) / 60))} minutes. Rotate again after that."
        )

"""The keys that a running process uses. It owns that what it uses is what the key files say at this moment;
which key does what is ``key_lives.py``'s.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from connector.foundation.faults import ConfigError
from connector.foundation.key_lives import Stage, in_use, signing_lives
from connector.foundation.keys import (
    LINK_KEY_FILES,
    SIGNING_KEY_FILES,
    LinkKey,
    SigningKey,
    SigningKeys,
    load_link_keys,
    load_signing_keys,
)

log = structlog.get_logger()

_K = TypeVar("_K", bound=LinkKey | SigningKey)


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
        return SigningKeys(current=in_use(keys, now).key, published=published)


class LinkKeyRing:
    """The keys of mailed links; implements :class:`~connector.foundation.links.LinkKeys`.

    :raises ConfigError: as ``load_link_keys``, at the beginning.
    """

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder = _Folder(folder, LINK_KEY_FILES, load_link_keys)
        self._now = now

    def at(self, when: float | None = None) -> LinkKey:
        """See the protocol."""
        return in_use(self._folder.keys(), self._now() if when is None else when)

    def all(self) -> Sequence[LinkKey]:
        """See the protocol."""
        return self._folder.keys()

"""The folder that the processes of one `usher` command count into. It owns its making and its end, also of
those whose owners were killed; it must not know what is counted.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import TextIO

_PREFIX = "usher-figures-"
_LOCK = "owner.lock"
_YOUNG = 60.0
"""Seconds for which a folder may be without a lock because its owner is only just making it."""


@contextmanager
def figures_folder() -> Iterator[Path]:
    """An empty folder, removed at the end. Its owner holds a lock in it, which the operating system
    releases however the owner ends; folders of dead ones are removed first.
    """
    _remove_dead(Path(gettempdir()))
    with TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def _remove_dead(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        if _is_dead(folder):
            rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    """Whether nobody holds the folder. Another user's, which we may not open, is none of our business."""
    try:
        if time.time() - folder.stat().st_mtime < _YOUNG:
            return False
        with (folder / _LOCK).open("a") as lock:
            return _is_free(lock)
    except OSError:
        return False


def _is_free(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

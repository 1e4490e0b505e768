"""Keeps SQLite's write-ahead log short: one thread that moves it into the database when it has grown. It
owns when that is done; connections never do it themselves (``wal_autocheckpoint=0``).

Each process that lives on has one, the worker and the web server alike, since either may run alone, and
`worker --once`, which may have much to do. A lock file lets one of them work at a time. Other verbs of the
command line need none: SQLite itself empties the log when the last connection to the file closes, and while
others are open these look after it.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from connector.store.engine import is_sqlite, parsed_url
from connector.store.sqlite import is_sound, size_of, sqlite_module

LIMIT = 4 * 1024 * 1024
"""Bytes of the log from which on it is worth the work."""

_LOOK = 0.5
"""Seconds between two looks at the log's size."""

# A checkpoint that empties the log takes the write lock, then waits for readers and keeps every writer out
# meanwhile. So it waits for a moment only, and comes again, soon at first: between two writers the lock is
# free for an instant. Without the lock SQLite copies what it can and empties nothing; a version that could
# lose commits by that must not, and waits instead.
_PATIENCE = 0.25 if is_sound(sqlite_module().sqlite_version_info) else 60.0
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1

log = structlog.get_logger()


class Checkpointer:
    """The thread of one process; does nothing for a database that is no file of SQLite's."""

    def __init__(self, url: str) -> None:
        parsed = parsed_url(url)
        self._path = Path(parsed.database or "") if is_sqlite(parsed) else None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)

    def start(self) -> None:
        """Begin to look after the log."""
        if self._path is not None:
            self._thread.start()

    def stop(self) -> None:
        """End, when what was begun is finished."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK):
            try:
                self._look()
            except (OSError, sqlite_module().Error) as error:
                log.warning("checkpoint_failed", detail=str(error))

    def _look(self) -> None:
        if self._path is None or size_of(Path(f"{self._path}-wal")) <= LIMIT:
            return
        with alone(self._path) as is_alone:
            pause = _FIRST_PAUSE
            while is_alone and not checkpoint(self._path) and not self._stopping.wait(pause):
                pause = min(2 * pause, _LONGEST_PAUSE)


def checkpoint(path: Path) -> bool:
    """Move the log into the database and empty it; False if somebody stood in the way."""
    connection = sqlite_module().connect(str(path), timeout=_PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        row: Any = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    return not row[0]


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether no other process checkpoints; none begins before the block ends."""
    with path.with_name(f"{path.name}.checkpoint.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True

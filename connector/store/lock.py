"""Lets one worker at a time drain a SQLite database: a lock file beside it, which the operating system
releases however its holder ends. It must not know what a worker does.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.domain.errors import Misconfigured
from connector.store.engine import is_sqlite, parsed_url


@contextmanager
def only_worker(url: str) -> Iterator[bool]:
    """Hold the lock of the database at ``url``; True. A PostgreSQL has as many workers as one likes: False.

    :raises Misconfigured: another process has it.
    """
    parsed = parsed_url(url)
    if not is_sqlite(parsed):
        yield False
        return
    path = Path(f"{parsed.database}.worker.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                "Another worker drains this database. A SQLite database has one: stop the other first."
            ) from error
        yield True

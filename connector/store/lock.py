"""Lets one worker at a time drain a SQLite database: a lock file beside it, which the operating system
releases however its holder ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from connector.domain.errors import Misconfigured


@contextmanager
def only_worker(url: str) -> Iterator[None]:
    """Hold the lock of the database at ``url``.

    :raises Misconfigured: another process has it.
    """
    path = Path(f"{make_url(url).database}.worker.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                "Another worker drains this database. A SQLite database has one: stop the other first."
            ) from error
        yield

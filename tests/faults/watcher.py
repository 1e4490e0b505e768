"""Looks at the database all the while and remembers what must never be seen there. It owns its
thread and its own connection; it writes nothing.
"""

import threading

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from connector.store.engine import make_engines

_EVERY = 0.02

_TWICE = text(
    "SELECT subject, count(*) AS rows FROM outbox "
    "WHERE finished_at IS NULL AND state = 'running' AND lane = 0 GROUP BY subject HAVING count(*) > 1"
)
_MAIL_FIRST = text(
    "SELECT m.subject, m.id AS rows FROM outbox m JOIN outbox a ON a.subject = m.subject AND a.id < m.id "
    "WHERE m.finished_at IS NULL AND m.state = 'running' AND m.lane = 1 "
    "AND a.finished_at IS NULL AND a.lane = 0"
)


class Watcher:
    """A look every 20 ms until the block ends. ``seen`` has what was wrong, ``looks`` counts."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher")
        self.seen: list[str] = []
        self.looks = 0

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        engines = make_engines(self._database)
        while not self._stopping.wait(_EVERY):
            try:
                with engines.read.begin() as connection:
                    twice = connection.execute(_TWICE).all()
                    first = connection.execute(_MAIL_FIRST).all()
            except DBAPIError:
                continue  # the database is down, as a fault wants it
            self.looks += 1
            self.seen += [f"two account rows of {subject} ran at once" for subject, _ in twice]
            self.seen += [
                f"mail row {row} of {subject} ran before an account row" for subject, row in first
            ]
        engines.dispose()

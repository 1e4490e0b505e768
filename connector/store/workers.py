"""The repository of workers: who says that it drains this database. It owns their rows; who is missed, and
since when, is for the reader to tell.
"""

from dataclasses import asdict

from sqlalchemy import Connection, text

from connector.application.records import WorkerSeen

_SEEN = text(
    """
    INSERT INTO worker (id, host, version, started_at, seen_at)
    VALUES (:id, :host, :version, :started_at, :seen_at)
    ON CONFLICT (id) DO UPDATE SET
        host = excluded.host, version = excluded.version, started_at = excluded.started_at,
        seen_at = excluded.seen_at
    """
)
_ALL = text("SELECT * FROM worker ORDER BY id")
_FORGET = text("DELETE FROM worker WHERE id = :id")


class SqlWorkers:
    """:class:`~connector.application.repositories.Workers` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def seen(self, worker: WorkerSeen) -> None:
        """See the port."""
        self._db.execute(_SEEN, asdict(worker))

    def all(self) -> list[WorkerSeen]:
        """See the port."""
        return [WorkerSeen(**row) for row in self._db.execute(_ALL).mappings()]

    def forget(self, worker: str) -> None:
        """See the port."""
        self._db.execute(_FORGET, {"id": worker})

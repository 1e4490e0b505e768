"""The repository of the other sides that are away. It owns their rows, and that one worker of several tries
whether a side is back.
"""

from dataclasses import asdict

from sqlalchemy import Connection, text

from connector.application.records import Sink
from connector.store.keys import kept

_GET = text("SELECT * FROM sink WHERE name = :name")
_ALL = text("SELECT * FROM sink ORDER BY name")
_OPEN = text(
    """
    INSERT INTO sink (name, opened_at, open_until, openings, reason, detail, probe_until)
    VALUES (:name, :opened_at, :open_until, :openings, :reason, :detail, :probe_until)
    ON CONFLICT (name) DO UPDATE SET
        opened_at = excluded.opened_at, open_until = excluded.open_until, openings = excluded.openings,
        reason = excluded.reason, detail = excluded.detail, probe_until = excluded.probe_until
    """
)
_WIN_PROBE = text(
    """
    UPDATE sink SET probe_until = :until
    WHERE name = :name AND open_until <= :now AND (probe_until IS NULL OR probe_until <= :now)
    """
)
_HURRY = text(
    """
    UPDATE sink SET
        open_until = CASE WHEN open_until > :now THEN :now ELSE open_until END, probe_until = NULL
    WHERE :name = '' OR name = :name
    """
)
_CLOSE = text("DELETE FROM sink WHERE name = :name")


class SqlSinks:
    """:class:`~connector.application.repositories.Sinks` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, name: str) -> Sink | None:
        """See the port."""
        row = self._db.execute(_GET, {"name": name}).mappings().one_or_none()
        return Sink(**row) if row else None

    def all(self) -> list[Sink]:
        """See the port."""
        return [Sink(**row) for row in self._db.execute(_ALL).mappings()]

    def open(self, sink: Sink) -> None:
        """See the port."""
        self._db.execute(_OPEN, asdict(sink) | {"detail": kept(sink.detail)})

    def win_probe(self, name: str, *, until: float, now: float) -> bool:
        """See the port."""
        values = {"name": name, "until": until, "now": now}
        return self._db.execute(_WIN_PROBE, values).rowcount == 1

    def hurry(self, *, now: float, name: str = "") -> None:
        """See the port."""
        self._db.execute(_HURRY, {"now": now, "name": name})

    def close(self, name: str) -> None:
        """See the port."""
        self._db.execute(_CLOSE, {"name": name})

"""The repositories of rounds and tallies: whose turn it is, and how often something was done. Each is one
statement, so that of many processes that ask at once each gets an answer of its own.
"""

from sqlalchemy import Connection, text

from connector.application.records import Tally

_WIN = text(
    """
    INSERT INTO round (name, due_at) VALUES (:name, :next)
    ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
    WHERE round.due_at <= :now OR round.due_at > excluded.due_at
    """
)
_IS_DUE = text("SELECT 1 FROM round WHERE name = :name AND due_at > :now AND due_at <= :next")

_COUNT = text(
    """
    INSERT INTO tally (name, count, ends_at) VALUES (:name, 1, :end)
    ON CONFLICT (name) DO UPDATE SET
        count = CASE WHEN tally.ends_at <= :now OR tally.ends_at > :end THEN 1 ELSE tally.count + 1 END,
        ends_at = CASE WHEN tally.ends_at <= :now OR tally.ends_at > :end THEN :end ELSE tally.ends_at END
    RETURNING count, ends_at
    """
)
_FORGET = text(
    """
    DELETE FROM tally WHERE name IN
        (SELECT name FROM tally WHERE ends_at <= :before ORDER BY ends_at LIMIT :limit)
    """
)


class SqlRounds:
    """:class:`~connector.application.repositories.Rounds` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def is_due(self, name: str, *, every: float, now: float) -> bool:
        """See the port."""
        values = {"name": name, "now": now, "next": now + every}
        return self._db.execute(_IS_DUE, values).first() is None

    def win(self, name: str, *, every: float, now: float) -> bool:
        """See the port."""
        return self._db.execute(_WIN, {"name": name, "now": now, "next": now + every}).rowcount == 1


class SqlTallies:
    """:class:`~connector.application.repositories.Tallies` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def count(self, name: str, *, window: float, now: float) -> Tally:
        """See the port."""
        row = self._db.execute(_COUNT, {"name": name, "now": now, "end": now + window}).one()
        return Tally(count=row[0], ends_at=row[1])

    def forget(self, *, before: float, limit: int) -> int:
        """See the port."""
        return self._db.execute(_FORGET, {"before": before, "limit": limit}).rowcount

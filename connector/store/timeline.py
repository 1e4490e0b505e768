"""The repository of timelines and of the record of mails: append-only. It owns their rows."""

from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from connector.application.records import Entry, MailAttempt
from connector.domain.model import State, TenantId, UserId
from connector.store.keys import kept
from connector.store.tables import mail_attempt, timeline

_ADD = insert(timeline)
_ADD_MAIL = insert(mail_attempt)
_NO_CHANGES = orjson.dumps({})


class SqlTimeline:
    """:class:`~connector.application.repositories.Timeline` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, entry: Entry) -> None:
        """See the port."""
        values = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
        self._db.execute(_ADD, values | {"changes": orjson.dumps(entry.changes)})

    def of(self, tenant: TenantId, user: UserId) -> list[Entry]:
        """See the port."""
        rows = self._db.execute(
            select(timeline).where(*_mine(timeline, tenant, user)).order_by(timeline.c.seq)
        )
        return [_entry(row) for row in rows.mappings()]

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """See the port."""
        forgotten = {"changes": _NO_CHANGES, "reason": ""}
        self._db.execute(update(timeline).where(*_mine(timeline, tenant, user)).values(forgotten))


class SqlMailAttempts:
    """:class:`~connector.application.repositories.MailAttempts` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, attempt: MailAttempt) -> None:
        """See the port."""
        values = {name: getattr(attempt, name) for name in MailAttempt.__dataclass_fields__}
        self._db.execute(_ADD_MAIL, values | {"answer": kept(attempt.answer)})

    def of(self, tenant: TenantId, user: UserId) -> list[MailAttempt]:
        """See the port."""
        mine = _mine(mail_attempt, tenant, user)
        rows = self._db.execute(select(mail_attempt).where(*mine).order_by(mail_attempt.c.seq)).mappings()
        return [MailAttempt(**{k: v for k, v in row.items() if k != "seq"}) for row in rows]

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """See the port."""
        self._db.execute(delete(mail_attempt).where(*_mine(mail_attempt, tenant, user)))


def _mine(table: Any, tenant: TenantId, user: UserId) -> tuple[Any, Any]:
    return table.c.tenant == tenant, table.c.user_id == user


def _entry(row: RowMapping) -> Entry:
    values = {k: v for k, v in row.items() if k != "seq"}
    changes = {name: tuple(pair) for name, pair in orjson.loads(row["changes"]).items()}
    return Entry(
        **values | {"before": State(row["before"]), "after": State(row["after"]), "changes": changes}
    )

"""The repository of timelines: append-only. It owns their rows."""

from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, insert, select, update

from connector.application.records import Entry
from connector.domain.model import State, TenantId, UserId
from connector.store.tables import timeline

_ADD = insert(timeline)
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
        rows = self._db.execute(select(timeline).where(*_mine(tenant, user)).order_by(timeline.c.seq))
        return [_entry(row) for row in rows.mappings()]

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """See the port."""
        forgotten = {"changes": _NO_CHANGES, "reason": ""}
        self._db.execute(update(timeline).where(*_mine(tenant, user)).values(forgotten))


def _mine(tenant: TenantId, user: UserId) -> tuple[Any, Any]:
    return timeline.c.tenant == tenant, timeline.c.user_id == user


def _entry(row: RowMapping) -> Entry:
    values = {k: v for k, v in row.items() if k != "seq"}
    changes = {name: tuple(pair) for name, pair in orjson.loads(row["changes"]).items()}
    return Entry(
        **values | {"before": State(row["before"]), "after": State(row["after"]), "changes": changes}
    )

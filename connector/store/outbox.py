"""The repository of the outbox: what must still happen outside, in order per user. It owns the rows' life
(ready, running, quarantined, then done or skipped) by the statements of ``outbox_sql``; what a row means is
the worker's.

One open row stands for one (subject, effect, target). A change that comes while the row runs raises
``wanted`` and makes it run again. ``attempt`` fences: whoever lost the lease cannot finish the row.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Connection, CursorResult, RowMapping, TextClause

from connector.application.records import SINGLE, URGENT, OutboxFigures, OutboxRow
from connector.domain.effects import Effect, Lane
from connector.domain.model import TenantId, UserId
from connector.store import outbox_sql as sql
from connector.store.keys import kept
from connector.store.users import LockUser


class SqlOutbox:
    """:class:`~connector.application.repositories.Outbox` in one transaction. ``has_news`` once something
    was enqueued or made due, which a worker may want to hear of.
    """

    def __init__(self, connection: Connection, lock_user: LockUser) -> None:
        self._db = connection
        self._lock_user = lock_user
        self._own = sql.statements(connection.dialect.name)
        self.has_news = False

    # --- what a change asks for --------------------------------------------------------------------

    def enqueue(
        self,
        tenant: TenantId,
        user: UserId,
        effect: Effect,
        *,
        sink: str,
        request_id: str,
        now: float,
        prio: int = SINGLE,
    ) -> None:
        """See the port."""
        values = {
            "tenant": tenant,
            "request_id": request_id,
            "now": now,
            "subject": subject_of(tenant, user),
            "effect": effect.name,
            "target": effect.target,
            "lane": int(effect.lane),
            "sink": sink,
            "prio": URGENT if effect.urgent else prio,
            "due": now if effect.due is None else effect.due,
        }
        self._wake(sql.ENQUEUE, values)

    def renew(self, row: OutboxRow, *, now: float) -> None:
        """See the port. The user is locked first, as for every new row: its id must not be lower than that
        of a row which others see already.
        """
        self._lock_user(row.tenant, row.user_id)
        names = ("tenant", "request_id", "subject", "effect", "target", "sink", "prio")
        values = {name: getattr(row, name) for name in names}
        self._wake(sql.ENQUEUE, values | {"lane": int(row.lane), "now": now, "due": now})

    # --- taking rows -------------------------------------------------------------------------------

    def has_due(self, lane: Lane, *, urgent_alone: bool = False, now: float) -> bool:
        """See the port."""
        claim = self._claim_of(lane)
        look = claim.look_urgent if urgent_alone else claim.look
        return bool(self._run(look, {"lane": int(lane), "now": now}).scalar_one())

    def claim(
        self, lane: Lane, prio: int | None, count: int, *, lease: float, now: float, sink: str = ""
    ) -> list[OutboxRow]:
        """See the port."""
        claim = self._claim_of(lane)
        pick = claim.pick_any if prio is None else claim.pick
        which = {"lane": int(lane), "prio": prio, "sink": sink}
        found = self._run(pick, which | {"count": count, "now": now}).all()
        ids = _one_a_subject(found) if claim is self._own.heads else [row.id for row in found]
        if not ids:
            return []
        started = self._run(claim.start, {"rows": _json(ids), "now": now, "lease": lease}).mappings()
        return sorted((_row(row) for row in started), key=lambda row: row.id)

    def take(
        self, tenant: TenantId, user: UserId, effect: str, target: str, *, lease: float, now: float
    ) -> OutboxRow | None:
        """See the port."""
        subject = subject_of(tenant, user)
        if self._db.dialect.name == "postgresql":
            self._run(sql.LOCK_SUBJECT, {"subject": subject})
        named = {"subject": subject, "effect": effect, "target": target}
        row = self._run(self._own.take, named | {"lease": lease, "now": now}).mappings().one_or_none()
        return _row(row) if row else None

    def give_back(self, rows: Iterable[tuple[int, int]], *, now: float) -> None:
        """See the port."""
        self._wake(self._own.give_back, {"rows": _json(rows), "now": now})

    def extend(self, rows: Iterable[tuple[int, int]], *, until: float) -> set[int]:
        """See the port."""
        return set(self._run(self._own.extend, {"rows": _json(rows), "until": until}).scalars())

    # --- how a try ended ---------------------------------------------------------------------------

    def acknowledge(self, rows: Iterable[tuple[int, int]], *, now: float) -> set[int]:
        """See the port."""
        return set(self._run(self._own.acknowledge, {"rows": _json(rows), "now": now}).scalars())

    def retry(
        self, row: OutboxRow, *, at: float, reason: str, detail: str, now: float, unsure: bool = False
    ) -> bool:
        """See the port."""
        values = {"next": at, "reason": reason, "detail": kept(detail), "now": now}
        return self._one(sql.RETRY_UNSURE if unsure else sql.RETRY, _claimed(row) | values)

    def postpone(self, row: OutboxRow, *, at: float, now: float) -> bool:
        """See the port."""
        return self._one(sql.POSTPONE, _claimed(row) | {"next": at, "now": now})

    def quarantine(self, row: OutboxRow, *, reason: str, detail: str, now: float) -> bool:
        """See the port."""
        return self._one(
            sql.QUARANTINE, _claimed(row) | {"reason": reason, "detail": kept(detail), "now": now}
        )

    def expect(self, row: OutboxRow) -> bool:
        """See the port."""
        return self._one(sql.EXPECT, _claimed(row))

    # --- many rows ---------------------------------------------------------------------------------

    def release_all(self, *, now: float, beyond: float = 0.0) -> int:
        """See the port."""
        return self._wake(sql.RELEASE_ALL, {"now": now, "beyond": beyond})

    def hurry(self, *, now: float) -> int:
        """See the port."""
        return self._wake(self._own.hurry, {"now": now})

    def park(self, sink: str, *, until: float, now: float) -> int:
        """See the port."""
        return self._run(self._own.park, {"sink": sink, "until": until, "now": now}).rowcount

    def unpark(self, sink: str, *, parked_until: float, now: float) -> int:
        """See the port."""
        return self._wake(self._own.unpark, {"sink": sink, "parked_until": parked_until, "now": now})

    def forget_finished(self, *, before: float, limit: int) -> int:
        """See the port."""
        return self._run(self._own.forget_finished, {"before": before, "count": limit}).rowcount

    # --- looking -----------------------------------------------------------------------------------

    def is_behind(self, row: OutboxRow) -> bool:
        """See the port."""
        mine = {"lane": int(row.lane), "effect": row.effect, "sink": row.sink, "id": row.id}
        return bool(self._run(sql.IS_BEHIND, mine).scalar_one())

    def open_rows(self, tenant: TenantId, user: UserId) -> list[OutboxRow]:
        """See the port."""
        found = self._run(sql.OPEN_ROWS, {"subject": subject_of(tenant, user)})
        return [_row(row) for row in found.mappings()]

    def list(
        self,
        *,
        state: str | None = None,
        reason: str | None = None,
        sink: str | None = None,
        due_by: float = 0.0,
        limit: int = 100,
    ) -> list[OutboxRow]:
        """See the port."""
        wanted = {"state": state or "", "reason": reason or "", "sink": sink or "", "due_by": due_by}
        wanted["count"] = limit
        return [_row(row) for row in self._run(sql.LIST, wanted).mappings()]

    def get(self, row: int) -> OutboxRow | None:
        """See the port."""
        found = self._run(sql.GET, {"id": row}).mappings().one_or_none()
        return _row(found) if found else None

    def figures(self, *, now: float) -> OutboxFigures:
        """See the port."""
        return _figures(self._run(sql.FIGURES, {"now": now}).mappings().all(), now)

    # --- what an operator asks for -----------------------------------------------------------------

    def make_due(self, row: int, *, now: float) -> bool:
        """See the port."""
        return self._wake(sql.MAKE_DUE, {"id": row, "now": now}) == 1

    def skip(self, row: int, *, now: float) -> bool:
        """See the port."""
        return self._one(sql.SKIP, {"id": row, "now": now})

    def skip_of(self, tenant: TenantId, user: UserId, effect: str, *, now: float) -> int:
        """See the port."""
        values = {"subject": subject_of(tenant, user), "effect": effect, "now": now}
        return self._run(sql.SKIP_OF_USER, values).rowcount

    # --- parts -------------------------------------------------------------------------------------

    def _claim_of(self, lane: Lane) -> sql.Claim:
        return self._own.loose if lane is Lane.CLOCK else self._own.heads

    def _run(self, statement: TextClause, values: dict[str, Any]) -> CursorResult[Any]:
        return self._db.execute(statement, values)

    def _one(self, statement: TextClause, values: dict[str, Any]) -> bool:
        return self._run(statement, values).rowcount == 1

    def _wake(self, statement: TextClause, values: dict[str, Any]) -> int:
        """Run what makes rows due; how many."""
        count = self._run(statement, values).rowcount
        self.has_news = self.has_news or count > 0
        return count


def subject_of(tenant: TenantId, user: UserId) -> str:
    """Whose order a row keeps."""
    return f"u:{tenant}/{user}"


def _one_a_subject(found: Iterable[Any]) -> list[int]:
    """Of a row and the urgent one that overtakes it, both may be heads at one look."""
    first: dict[str, int] = {}
    for row in found:
        first.setdefault(row.subject, row.id)
    return list(first.values())


def _json(value: Iterable[Any]) -> str:
    return orjson.dumps(list(value)).decode()


def _claimed(row: OutboxRow) -> dict[str, Any]:
    return {"id": row.id, "attempt": row.attempt, "unsure": row.unsure}


def _row(row: RowMapping) -> OutboxRow:
    return OutboxRow(**{**row, "tenant": TenantId(row["tenant"]), "lane": Lane(row["lane"])})


def _figures(groups: Iterable[RowMapping], now: float) -> OutboxFigures:
    open_: dict[tuple[int, str], int] = defaultdict(int)
    oldest: dict[tuple[int, int], float] = {}
    quarantined: dict[str, int] = defaultdict(int)
    for group in groups:
        open_[group["lane"], group["state"]] += group["rows_"]
        if group["reason"]:
            quarantined[group["reason"]] += group["rows_"]
        if group["since"] is not None:
            key = (group["lane"], group["prio"])
            oldest[key] = max(now - group["since"], oldest.get(key, 0.0))
    return OutboxFigures(open=dict(open_), oldest=oldest, quarantined=dict(quarantined))

"""The repository of the outbox: what must still happen outside, in order per user. It owns the rows' life
(ready, running, quarantined, then done or skipped); what a row means is the worker's.

One open row stands for one (subject, effect, target). A change that comes while the row runs raises
``wanted`` and makes it run again. ``attempt`` fences: whoever lost the lease cannot finish the row.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, TextClause, select, text, update

from connector.application.records import OutboxRow
from connector.domain.effects import Effect, Lane
from connector.domain.model import TenantId, UserId
from connector.store.tables import outbox

_ENQUEUE = text(
    """
    INSERT INTO outbox (tenant, request_id, created_at, subject, effect, target, lane, sink, prio,
                        state, due_at, wanted, attempt, failures, unsure)
    VALUES (:tenant, :request_id, :now, :subject, :effect, :target, :lane, :sink, :prio,
            'ready', :due, 1, 0, 0, 0)
    ON CONFLICT (subject, effect, target) WHERE finished_at IS NULL DO UPDATE SET
        wanted = outbox.wanted + 1,
        request_id = excluded.request_id,
        failures = 0, first_failed_at = NULL, unsure = 0, reason = NULL, detail = NULL,
        prio = CASE WHEN excluded.prio < outbox.prio THEN excluded.prio ELSE outbox.prio END,
        state = CASE WHEN outbox.state = 'running' THEN 'running' ELSE 'ready' END,
        due_at = CASE WHEN outbox.state = 'running' THEN outbox.due_at ELSE excluded.due_at END
    """
)

# A row is its subject's head when no older open row of the same or a more urgent lane stands before it.
# Two may pass. What takes access away (prio 0) waits only for what runs and for its own kind: not for a
# row that is put off or stuck. And a mail waits for no other mail that is not due: that may be superseded,
# or refused for good.
_HEAD = """
    NOT EXISTS (SELECT 1 FROM outbox p WHERE p.finished_at IS NULL AND p.subject = o.subject
                AND p.lane <= o.lane AND p.id < o.id
                AND CASE WHEN o.prio = 0 THEN p.state = 'running' OR (p.state = 'ready' AND p.prio = 0)
                         WHEN p.lane = 1 THEN p.due_at <= :now OR p.state = 'running'
                         ELSE TRUE END)
"""

_CLAIM = """
    UPDATE outbox SET state = 'running', attempt = attempt + 1, taken = wanted, due_at = :now + :lease
    WHERE id IN (
        SELECT o.id FROM outbox o
        WHERE o.finished_at IS NULL AND o.lane = :lane AND o.prio = :prio AND o.due_at <= :now
        {head}
        ORDER BY o.due_at, o.id LIMIT :count)
    RETURNING *
"""
_CLAIM_HEADS = text(_CLAIM.format(head=f"AND {_HEAD}"))
_CLAIM_ANY = text(_CLAIM.format(head=""))

_TAKE = text(
    f"""
    UPDATE outbox AS o SET state = 'running', attempt = attempt + 1, taken = wanted, due_at = :now + :lease
    WHERE o.finished_at IS NULL AND o.subject = :subject AND o.effect = :effect AND o.target = :target
      AND (o.state <> 'running' OR o.due_at <= :now) AND {_HEAD}
    RETURNING *
    """  # noqa: S608 (a constant of this module)
)

_ACKNOWLEDGE = text(
    """
    UPDATE outbox SET
        state = CASE WHEN wanted > taken THEN 'ready' ELSE 'done' END,
        due_at = CASE WHEN wanted > taken THEN :now END,
        finished_at = CASE WHEN wanted > taken THEN NULL ELSE :now END,
        failures = 0, first_failed_at = NULL, reason = NULL, detail = NULL
    WHERE id = :id AND attempt = :attempt AND state = 'running'
    """
)

# A change that came meanwhile runs at once and starts afresh.
_RETRY = text(
    """
    UPDATE outbox SET
        state = 'ready',
        due_at = CASE WHEN wanted > taken THEN :now ELSE :next END,
        failures = CASE WHEN wanted > taken THEN 0 ELSE failures + 1 END,
        first_failed_at = CASE WHEN wanted > taken THEN NULL ELSE COALESCE(first_failed_at, :now) END,
        reason = :reason, detail = :detail
    WHERE id = :id AND attempt = :attempt AND state = 'running'
    """
)

_QUARANTINE = text(
    """
    UPDATE outbox SET
        state = CASE WHEN wanted > taken THEN 'ready' ELSE 'quarantined' END,
        due_at = CASE WHEN wanted > taken THEN :now END,
        failures = CASE WHEN wanted > taken THEN 0 ELSE failures + 1 END,
        first_failed_at = CASE WHEN wanted > taken THEN NULL ELSE COALESCE(first_failed_at, :now) END,
        reason = :reason, detail = :detail
    WHERE id = :id AND attempt = :attempt AND state = 'running'
    """
)

_POSTPONE = text(
    """
    UPDATE outbox SET state = 'ready', due_at = CASE WHEN wanted > taken THEN :now ELSE :next END
    WHERE id = :id AND attempt = :attempt AND state = 'running'
    """
)

_OPEN = outbox.c.finished_at.is_(None)


class SqlOutbox:
    """:class:`~connector.application.ports.Outbox` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def enqueue(
        self, tenant: TenantId, user: UserId, effect: Effect, *, sink: str, request_id: str, now: float
    ) -> None:
        """See the port."""
        values = {
            "tenant": tenant,
            "request_id": request_id,
            "now": now,
            "subject": subject_of(tenant, user),
            "effect": effect.name,
            "target": effect.target,
            "lane": effect.lane,
            "sink": sink,
            "prio": 0 if effect.urgent else 1,
            "due": now if effect.due is None else effect.due,
        }
        self._db.execute(_ENQUEUE, values)

    def has_due(self, lane: Lane, *, now: float) -> bool:
        """See the port."""
        due = (_OPEN, outbox.c.lane == int(lane), outbox.c.due_at <= now)
        return self._db.execute(select(outbox.c.id).where(*due).limit(1)).first() is not None

    def claim(self, lane: Lane, prio: int, count: int, *, lease: float, now: float) -> list[OutboxRow]:
        """See the port."""
        statement = _CLAIM_ANY if lane is Lane.CLOCK else _CLAIM_HEADS
        values = {"lane": int(lane), "prio": prio, "count": count, "lease": lease, "now": now}
        rows = self._db.execute(statement, values).mappings().all()
        return sorted((_row(row) for row in rows), key=lambda row: row.id)

    def take(
        self, tenant: TenantId, user: UserId, effect: str, target: str, *, lease: float, now: float
    ) -> OutboxRow | None:
        """See the port."""
        values = {"subject": subject_of(tenant, user), "effect": effect, "target": target}
        row = self._db.execute(_TAKE, values | {"lease": lease, "now": now}).mappings().one_or_none()
        return _row(row) if row else None

    def acknowledge(self, rows: Iterable[tuple[int, int]], *, now: float) -> set[int]:
        """See the port."""
        return {
            row
            for row, attempt in rows
            if self._one(_ACKNOWLEDGE, {"id": row, "attempt": attempt, "now": now})
        }

    def retry(self, row: OutboxRow, *, at: float, reason: str, detail: str, now: float) -> bool:
        """See the port."""
        values = {"next": at, "reason": reason, "detail": detail, "now": now}
        return self._one(_RETRY, _key(row) | values)

    def postpone(self, row: OutboxRow, *, at: float, now: float) -> bool:
        """See the port."""
        return self._one(_POSTPONE, _key(row) | {"next": at, "now": now})

    def quarantine(self, row: OutboxRow, *, reason: str, detail: str, now: float) -> bool:
        """See the port."""
        return self._one(_QUARANTINE, _key(row) | {"reason": reason, "detail": detail, "now": now})

    def renew(self, row: OutboxRow, *, now: float) -> None:
        """See the port."""
        names = ("tenant", "request_id", "subject", "effect", "target", "sink", "prio")
        values = {name: getattr(row, name) for name in names}
        self._db.execute(_ENQUEUE, values | {"lane": int(row.lane), "now": now, "due": now})

    def extend(self, rows: Iterable[tuple[int, int]], *, until: float) -> None:
        """See the port."""
        for row, attempt in rows:
            mine = (outbox.c.id == row, outbox.c.attempt == attempt, outbox.c.state == "running")
            self._db.execute(update(outbox).where(*mine).values(due_at=until))

    def release_all(self, *, now: float) -> int:
        """See the port."""
        running = update(outbox).where(outbox.c.state == "running")
        return self._db.execute(running.values(state="ready", due_at=now)).rowcount

    def is_behind(self, row: OutboxRow) -> bool:
        """See the port."""
        others = (outbox.c.effect == row.effect, outbox.c.sink == row.sink, outbox.c.id < row.id)
        alive = (_OPEN, outbox.c.lane == int(row.lane), outbox.c.state != "quarantined")
        return self._db.execute(select(outbox.c.id).where(*alive, *others).limit(1)).first() is not None

    def open_rows(self, tenant: TenantId, user: UserId) -> list[OutboxRow]:
        """See the port."""
        statement = select(outbox).where(_OPEN, outbox.c.subject == subject_of(tenant, user))
        return [_row(row) for row in self._db.execute(statement.order_by(outbox.c.id)).mappings()]

    def list(self, *, state: str | None = None, limit: int = 100) -> list[OutboxRow]:
        """See the port."""
        statement = select(outbox).where(_OPEN).order_by(outbox.c.id).limit(limit)
        if state:
            statement = statement.where(outbox.c.state == state)
        return [_row(row) for row in self._db.execute(statement).mappings()]

    def get(self, row: int) -> OutboxRow | None:
        """See the port."""
        found = self._db.execute(select(outbox).where(outbox.c.id == row)).mappings().one_or_none()
        return _row(found) if found else None

    def make_due(self, row: int, *, now: float) -> bool:
        """See the port."""
        waiting = (outbox.c.id == row, _OPEN, outbox.c.state != "running")
        afresh = {"state": "ready", "due_at": now, "failures": 0, "first_failed_at": None}
        cleared = {"unsure": 0, "reason": None, "detail": None}
        return self._db.execute(update(outbox).where(*waiting).values(afresh | cleared)).rowcount == 1

    def skip(self, row: int, *, now: float) -> bool:
        """See the port."""
        waiting = (outbox.c.id == row, _OPEN, outbox.c.state != "running")
        done = {"state": "skipped", "due_at": None, "finished_at": now}
        return self._db.execute(update(outbox).where(*waiting).values(done)).rowcount == 1

    def _one(self, statement: TextClause, values: dict[str, Any]) -> bool:
        return self._db.execute(statement, values).rowcount == 1


def subject_of(tenant: TenantId, user: UserId) -> str:
    """Whose order a row keeps."""
    return f"u:{tenant}/{user}"


def _key(row: OutboxRow) -> dict[str, Any]:
    return {"id": row.id, "attempt": row.attempt}


def _row(row: RowMapping) -> OutboxRow:
    return OutboxRow(**{**row, "tenant": TenantId(row["tenant"]), "lane": Lane(row["lane"])})

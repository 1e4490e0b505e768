"""The outbox's statements, each a constant: what a row goes through, in SQL that SQLite and PostgreSQL both
read. It owns the rules that need the database (who is a head, who has lost a row); what a row means and
when it is tried is the worker's.

Two databases differ in three places alone, which :class:`Dialect` names. PostgreSQL has several workers at
once. A claim therefore has two steps there: the first finds heads that nobody else is about to take, and
takes each subject's lock; the second looks again, in a snapshot that is newer than the locks, and starts
what is still a head. With the first step alone an urgent row and the one it overtakes could start at the
same moment, each seeing the other as it was before.
"""

# ruff: noqa: S608 (every statement is put together from constants of this module)

from dataclasses import dataclass
from functools import cache

from sqlalchemy import TextClause, text

ENQUEUE = text(
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
# or refused for good. Who was overtaken waits until the other has run: never two account rows at once.
_HEAD = """
    NOT EXISTS (SELECT 1 FROM outbox p WHERE p.finished_at IS NULL AND p.subject = o.subject
                AND p.lane <= o.lane AND p.id <> o.id
                AND CASE
                    -- p came later: an account row waits for one that overtook it and runs
                    WHEN p.id > o.id THEN o.lane = 0 AND p.state = 'running' AND p.due_at > :now
                    -- o takes access away: for what runs, and for its own kind
                    WHEN o.prio = 0 THEN p.state = 'running' OR (p.state = 'ready' AND p.prio = 0)
                    -- p is a mail: for one that is due or runs
                    WHEN p.lane = 1 THEN p.due_at <= :now OR p.state = 'running'
                    -- for any older one
                    ELSE TRUE END)
"""

_RUN = "state = 'running', attempt = attempt + 1, taken = wanted, due_at = :now + :lease"

_MINE = "id = :id AND attempt = :attempt AND state = 'running'"

# A change that came meanwhile runs at once and starts afresh.
_BLAMED = """
    failures = CASE WHEN wanted > taken THEN 0 ELSE failures + 1 END,
    first_failed_at = CASE WHEN wanted > taken THEN NULL ELSE COALESCE(first_failed_at, :now) END,
    reason = :reason, detail = :detail
"""

_RETRY = f"""
    UPDATE outbox SET
        state = 'ready', due_at = CASE WHEN wanted > taken THEN :now ELSE :next END, {_BLAMED}
"""
# What a try was expected to leave unknown is known again, save where the caller says it is not.
_AS_CLAIMED = "unsure = CASE WHEN wanted > taken THEN 0 ELSE :unsure END"

RETRY = text(f"{_RETRY}, {_AS_CLAIMED} WHERE {_MINE}")
RETRY_UNSURE = text(f"{_RETRY} WHERE {_MINE}")

QUARANTINE = text(
    f"""
    UPDATE outbox SET
        state = CASE WHEN wanted > taken THEN 'ready' ELSE 'quarantined' END,
        due_at = CASE WHEN wanted > taken THEN :now END, {_BLAMED}, {_AS_CLAIMED}
    WHERE {_MINE}
    """
)

POSTPONE = text(
    f"""
    UPDATE outbox SET
        state = 'ready', due_at = CASE WHEN wanted > taken THEN :now ELSE :next END, {_AS_CLAIMED}
    WHERE {_MINE}
    """
)

EXPECT = text(f"UPDATE outbox SET unsure = unsure + 1 WHERE {_MINE}")

RELEASE_ALL = text(
    """
    UPDATE outbox SET state = 'ready', due_at = :now
    WHERE finished_at IS NULL AND state = 'running' AND due_at > :beyond
    """
)

MAKE_DUE = text(
    """
    UPDATE outbox SET state = 'ready', due_at = :now, failures = 0, first_failed_at = NULL,
                      unsure = 0, reason = NULL, detail = NULL
    WHERE id = :id AND finished_at IS NULL AND state <> 'running'
    """
)

SKIP = text(
    """
    UPDATE outbox SET state = 'skipped', due_at = NULL, finished_at = :now
    WHERE id = :id AND finished_at IS NULL AND state <> 'running'
    """
)

SKIP_OF_USER = text(
    """
    UPDATE outbox SET state = 'skipped', due_at = NULL, finished_at = :now
    WHERE subject = :subject AND effect = :effect AND finished_at IS NULL AND state <> 'running'
    """
)

IS_BEHIND = text(
    """
    SELECT EXISTS (SELECT 1 FROM outbox WHERE finished_at IS NULL AND lane = :lane AND effect = :effect
                   AND sink = :sink AND state <> 'quarantined' AND id < :id)
    """
)

GET = text("SELECT * FROM outbox WHERE id = :id")

OPEN_ROWS = text("SELECT * FROM outbox WHERE finished_at IS NULL AND subject = :subject ORDER BY id")

LIST = text(
    """
    SELECT * FROM outbox WHERE finished_at IS NULL
        AND (:state = '' OR state = :state) AND (:reason = '' OR reason = :reason)
        AND (:sink = '' OR sink = :sink) AND (:due_by = 0.0 OR lane < 2 OR due_at <= :due_by)
    ORDER BY id LIMIT :count
    """
)

FIGURES = text(
    """
    SELECT lane, prio, state, CASE WHEN state = 'quarantined' THEN reason END AS reason, COUNT(*) AS rows_,
           MIN(CASE WHEN state <> 'ready' THEN NULL WHEN lane < 2 THEN created_at
                    WHEN due_at <= :now THEN due_at END) AS since
    FROM outbox WHERE finished_at IS NULL GROUP BY 1, 2, 3, 4
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where the databases differ. ``each`` makes rows of a JSON list bound as ``:rows``; ``leave_locked``
    passes over rows that somebody else is changing; ``alone`` keeps, of the rows of a query with a
    ``subject``, those whose subject nobody else is taking rows of.
    """

    each: str
    leave_locked: str
    alone: str


_PRIOS = ("o.prio = 0", "o.prio = 1", "o.prio = 2")

_SUBJECTS = 0x5573_6865
"""Tells the advisory locks of subjects from others in the database (the first key of two)."""

_DIALECTS = {
    "sqlite": Dialect(each="json_each(:rows)", leave_locked="", alone="TRUE"),
    "postgresql": Dialect(
        each="jsonb_array_elements(CAST(:rows AS jsonb))",
        leave_locked="FOR UPDATE OF o SKIP LOCKED",
        alone=f"pg_try_advisory_xact_lock({_SUBJECTS}, hashtext(subject))",
    ),
}

LOCK_SUBJECT = text(f"SELECT pg_advisory_xact_lock({_SUBJECTS}, hashtext(:subject))")
"""Wait until no claim holds the subject; PostgreSQL only, in a transaction on SQLite nobody else writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How rows of a lane are taken: which could be (``pick`` of ``:prio``, ``pick_any``), whether any
    could (``look``, ``look_urgent``), and to start those of the bound ids (``start``).
    """

    pick: TextClause
    pick_any: TextClause
    look: TextClause
    look_urgent: TextClause
    start: TextClause


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What is written differently for each database."""

    heads: Claim
    loose: Claim
    take: TextClause
    acknowledge: TextClause
    extend: TextClause
    give_back: TextClause
    hurry: TextClause
    park: TextClause
    unpark: TextClause
    forget_finished: TextClause


@cache
def statements(dialect: str) -> Statements:
    """The statements of a dialect, by SQLAlchemy's name."""
    own = _DIALECTS[dialect]
    mine = f"""
        (id, attempt) IN (SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM {own.each})
        AND state = 'running'
    """
    return Statements(
        heads=_claim(own, _HEAD, own.alone),
        loose=_claim(own, "TRUE", "TRUE"),
        take=text(
            f"""
            UPDATE outbox AS o SET {_RUN}
            WHERE o.finished_at IS NULL AND o.subject = :subject AND o.effect = :effect
              AND o.target = :target AND (o.state <> 'running' OR o.due_at <= :now) AND {_HEAD}
            RETURNING *
            """
        ),
        acknowledge=text(
            f"""
            UPDATE outbox SET
                state = CASE WHEN wanted > taken THEN 'ready' ELSE 'done' END,
                due_at = CASE WHEN wanted > taken THEN :now END,
                finished_at = CASE WHEN wanted > taken THEN NULL ELSE :now END,
                failures = 0, first_failed_at = NULL, unsure = 0, reason = NULL, detail = NULL
            WHERE {mine} RETURNING id
            """
        ),
        extend=text(f"UPDATE outbox SET due_at = :until WHERE {mine} RETURNING id"),
        give_back=text(f"UPDATE outbox SET state = 'ready', due_at = :now WHERE {mine}"),
        hurry=_move(own, ":now", "o.lane IN (0, 1) AND o.due_at > :now"),
        park=_move(own, ":until", "o.lane IN (0, 1, 2) AND o.due_at <= :now AND o.sink = :sink"),
        unpark=_move(own, ":now", "o.lane IN (0, 1, 2) AND o.due_at = :parked_until AND o.sink = :sink"),
        forget_finished=text(
            f"""
            DELETE FROM outbox WHERE id IN (
                SELECT o.id FROM outbox o WHERE o.finished_at < :before
                ORDER BY o.finished_at LIMIT :count {own.leave_locked})
            """
        ),
    )


def _claim(own: Dialect, head: str, alone: str) -> Claim:
    return Claim(
        pick=_pick(own, head, alone, ("o.prio = :prio",)),
        pick_any=_pick(own, head, alone, _PRIOS),
        look=_look(head, _PRIOS),
        look_urgent=_look(head, ("o.prio = 0",)),
        start=text(
            f"""
            UPDATE outbox AS o SET {_RUN}
            WHERE o.id IN (SELECT CAST(value AS BIGINT) FROM {own.each}) AND {head}
            RETURNING *
            """
        ),
    )


def _look(head: str, prios: tuple[str, ...]) -> TextClause:
    """Each priority by itself and in the index's order, so that PostgreSQL, whose plan for a statement that
    is run often knows no values, never joins all open rows to find out that none is due.
    """
    arms = " OR ".join(
        f"""
        EXISTS (SELECT 1 FROM outbox o WHERE o.finished_at IS NULL AND o.lane = :lane
                AND {prio} AND o.due_at <= :now AND {head} ORDER BY o.due_at, o.id LIMIT 1)
        """
        for prio in prios
    )
    return text(f"SELECT {arms}")


def _pick(own: Dialect, head: str, alone: str, prios: tuple[str, ...]) -> TextClause:
    """Each priority by itself, so that the index gives the oldest and nothing need be sorted."""
    arms = " UNION ALL ".join(
        f"""
        SELECT * FROM (
            SELECT o.id, o.subject, o.due_at FROM outbox o
            WHERE o.finished_at IS NULL AND o.lane = :lane AND {prio} AND o.due_at <= :now
              AND (:sink = '' OR o.sink = :sink) AND {head}
            ORDER BY o.due_at, o.id LIMIT :count {own.leave_locked}) AS arm
        """
        for prio in prios
    )
    return text(
        f"""
        WITH picked AS MATERIALIZED ({arms})
        SELECT id, subject FROM picked WHERE {alone} ORDER BY due_at, id LIMIT :count
        """
    )


def _move(own: Dialect, due: str, which: str) -> TextClause:
    """Other times for many ready rows. Who meets a row that is being changed leaves it: its new state comes
    with its own time, and waiting for one another could end in a deadlock.
    """
    return text(
        f"""
        UPDATE outbox SET due_at = {due} WHERE id IN (
            SELECT o.id FROM outbox o
            WHERE o.finished_at IS NULL AND o.state = 'ready' AND o.prio IN (0, 1, 2) AND {which}
            {own.leave_locked})
        """
    )

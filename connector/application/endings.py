"""Writes down what came of tries: done, again, later, quarantined; many in one commit. It owns what an
error means for its row; whether its whole sink is away is ``breakers``'s.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import structlog

from connector.application.attempts import Ending, names_of
from connector.application.breakers import Breakers, Finding
from connector.application.leases import Leases
from connector.application.pace import BATCH, WorkerSettings, backoff
from connector.application.performers import Again
from connector.application.ports import Clock
from connector.application.records import OutboxRow
from connector.application.repeat import repeated
from connector.application.repositories import Outbox, Store, UnitOfWork
from connector.domain.effects import Lane
from connector.domain.errors import (
    GAVE_UP,
    REFUSED,
    Busy,
    Forbidden,
    Misconfigured,
    OutsideError,
    Unavailable,
    UsherError,
)
from connector.foundation import metrics

log = structlog.get_logger()


class Endings:
    """The ends of tries, one worker's. ``put`` from any thread; one thread ``run``s. ``written`` is called
    after each commit: what waited for these rows may be due.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        breakers: Breakers,
        leases: Leases,
        settings: WorkerSettings,
        chance: Callable[[], float],
        written: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._breakers = breakers
        self._leases = leases
        self._settings = settings
        self._chance = chance
        self._written = written
        self._queue: SimpleQueue[_Judged | None] = SimpleQueue()

    def put(self, ending: Ending) -> None:
        """Write an ending down: a mail's before this returns, so that the time in which a crash means a
        second copy stays short; another's soon, together with more. What it says of its sink counts now.
        """
        judged = _Judged(ending, self._finding(ending))
        if ending.row.lane is Lane.MAIL:
            self._write([judged])
        else:
            self._queue.put(judged)

    def _finding(self, ending: Ending) -> Finding:
        error = ending.outcome if isinstance(ending.outcome, UsherError) else None
        return self._breakers.judge(ending.row, error, was_answered=ending.was_answered)

    def close(self) -> None:
        """Let ``run`` return when all that was put is written."""
        self._queue.put(None)

    def run(self) -> None:
        """Write what is put, in groups, until closed."""
        while group := self._next_group():
            try:
                self._write(group)
            except Exception:
                log.exception("endings_crashed")

    def flush(self) -> None:
        """Write what was put, at once, where no thread runs for it."""
        group = []
        while not self._queue.empty():
            if judged := self._queue.get():
                group.append(judged)
        self._write(group)

    # --- grouping ----------------------------------------------------------------------------------

    def _next_group(self) -> list["_Judged"]:
        """At most a batch, at most a group's time after its first; empty when closed."""
        first = self._queue.get()
        if first is None:
            return []
        group = [first]
        end = time.monotonic() + self._settings.group
        while len(group) < BATCH and (left := end - time.monotonic()) > 0:
            try:
                judged = self._queue.get(timeout=left)
            except Empty:
                break
            if judged is None:
                self.close()
                break
            group.append(judged)
        return group

    # --- writing -----------------------------------------------------------------------------------

    def _write(self, group: Sequence["_Judged"]) -> None:
        """Write endings down in one commit; a row whose ending cannot be written is left to its lease."""
        if not group:
            return
        try:
            kept = repeated(lambda: self._written_rows(group))
        except Exception as error:
            self._write_apart(group, error)
            return
        self._leases.drop(judged.row for judged in group)
        for judged in group:
            _tell(judged, kept=judged.row.id in kept)
        self._written()

    def _write_apart(self, group: Sequence["_Judged"], error: Exception) -> None:
        """One ending that cannot be written must not take the others with it."""
        if len(group) > 1:
            for judged in group:
                self._write([judged])
            return
        (judged,) = group
        names = names_of(judged.row)
        if isinstance(error, Busy):
            log.warning("row_left_to_its_lease", detail=str(error), **names)
        else:
            log.error("row_left_to_its_lease", exc_info=error, **names)
        self._breakers.written(judged.finding)
        self._leases.drop([judged.row])

    def _written_rows(self, group: Sequence["_Judged"]) -> set[int]:
        """One commit; the ids of the rows that were still ours."""
        now = self._clock.now()
        with self._store.write() as work:
            kept = _acknowledged(work.outbox, group, now)
            for judged in group:
                paused_until = self._breakers.apply(work, judged.finding, now=now)
                if judged.outcome is not None and self._settle(work.outbox, judged, paused_until, now):
                    kept.add(judged.row.id)
            _renew_lost(work, (judged.row for judged in group if judged.row.id not in kept), now)
        return kept

    def _settle(self, outbox: Outbox, judged: "_Judged", paused_until: float | None, now: float) -> bool:
        """Write the end of a try that is not done; False if another worker has the row by now."""
        row = judged.row
        match judged.outcome:
            case Again(at):
                return outbox.postpone(row, at=at, now=now)
            case Unavailable() | Misconfigured() as error if paused_until or not self._is_tired(row, now):
                at = now + self._pause(row, error)
                if judged.finding.was_probe and paused_until:
                    # Behind the rows that were parked, so that another is tried next time.
                    at = max(at, paused_until + 1)
                unsure = isinstance(error, Unavailable) and error.unsure
                return outbox.retry(
                    row, at=at, reason=error.reason, detail=_detail(error), now=now, unsure=unsure
                )
            case Forbidden() as error if not row.failures:
                # Keycloak also says so of an account that somebody else, or a try of ours that was cut off,
                # removes at this moment.
                at = now + self._pause(row, error)
                return outbox.retry(row, at=at, reason=error.reason, detail=_detail(error), now=now)
            case error:
                reason = _quarantine_reason(error)
                return outbox.quarantine(row, reason=reason, detail=_detail(error), now=now)

    def _is_tired(self, row: OutboxRow, now: float) -> bool:
        since = row.first_failed_at
        return since is not None and now - since > self._settings.give_up_after

    def _pause(self, row: OutboxRow, error: OutsideError) -> float:
        """How long to wait: what the other side asked for, else backoff."""
        longest = self._settings.longest_backoff
        if isinstance(error, Unavailable) and error.retry_after is not None:
            return min(error.retry_after, longest)
        return backoff(row.failures + 1, longest=longest, chance=self._chance)


@dataclass(frozen=True, slots=True)
class _Judged:
    """An ending, and what it says of its sink."""

    ending: Ending
    finding: Finding

    @property
    def row(self) -> OutboxRow:
        return self.ending.row

    @property
    def outcome(self) -> Again | UsherError | None:
        """What is written down for the row: the finding's word goes first."""
        return self.ending.outcome if self.finding.error is None else self.finding.error


def _acknowledged(outbox: Outbox, group: Sequence[_Judged], now: float) -> set[int]:
    done = [judged.row.key for judged in group if judged.outcome is None]
    return outbox.acknowledge(done, now=now) if done else set()


def _renew_lost(work: UnitOfWork, rows: Iterable[OutboxRow], now: float) -> None:
    """What we wrote may be older than the work of whoever has the row now, so it is looked at once more. A
    mail is not: that would be one more copy.
    """
    for row in rows:
        if row.lane is not Lane.MAIL:
            work.outbox.renew(row, now=now)


def _tell(judged: _Judged, *, kept: bool) -> None:
    row, detail, seconds = judged.row, _detail(judged.outcome), judged.ending.seconds
    kind = type(judged.outcome).__name__ if judged.outcome else "Done"
    tell = log.warning if _needs_somebody(judged.outcome) else log.info
    tell(
        "effect",
        outcome=kind,
        kept=kept,
        detail=detail,
        ms=round(seconds * 1000),
        row=row.id,
        attempt=row.attempt,
        sink=row.sink,
        **names_of(row),
    )
    metrics.effect(row.effect, kind, seconds)
    if judged.finding.opens:
        log.warning("sink_away", sink=row.sink, detail=detail)
    if judged.finding.closes:
        log.info("sink_back", sink=row.sink)


def _needs_somebody(outcome: Again | UsherError | None) -> bool:
    """Whether the row may now wait for a person: what is retried by itself does not."""
    return isinstance(outcome, UsherError) and not isinstance(outcome, Unavailable)


def _detail(outcome: Again | UsherError | None) -> str:
    return str(outcome)[:500] if isinstance(outcome, UsherError) else ""


def _quarantine_reason(error: Again | UsherError | None) -> str:
    """A word of the closed list: what failed for too long gave up, all else names itself."""
    if isinstance(error, Unavailable | Misconfigured):
        return GAVE_UP
    return error.reason if isinstance(error, OutsideError) else REFUSED

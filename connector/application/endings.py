"""Writes down what came of tries: done, again, later, quarantined; many in one commit. It owns what an
error means for its row; whether its whole sink is away is ``breakers``'s.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue

import structlog

from connector.application.attempts import Ending, names_of
from connector.application.breakers import Breakers, Verdict
from connector.application.leases import Leases
from connector.application.pace import BATCH, WorkerSettings, backoff
from connector.application.performers import Again
from connector.application.ports import Clock, Outbox, Store, UnitOfWork
from connector.application.records import OutboxRow
from connector.application.repeat import repeated
from connector.domain.effects import Lane
from connector.domain.errors import Busy, Misconfigured, OutsideError, Unavailable, UsherError
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
        self._queue: SimpleQueue[Ending | None] = SimpleQueue()

    def put(self, ending: Ending) -> None:
        """Write an ending down: a mail's before this returns, so that the time in which a crash means a
        second copy stays short; another's soon, together with more.
        """
        if ending.row.lane is Lane.MAIL:
            self.write([ending])
        else:
            self._queue.put(ending)

    def close(self) -> None:
        """Let ``run`` return when all that was put is written."""
        self._queue.put(None)

    def run(self) -> None:
        """Write what is put, in groups, until closed."""
        while group := self._next_group():
            self.write(group)

    def write(self, endings: Sequence[Ending]) -> None:
        """Write endings down in one commit; a row whose ending cannot be written is left to its lease."""
        if not endings:
            return
        try:
            repeated(lambda: self._write_all(endings))
        except Exception as error:
            self._write_apart(endings, error)
        else:
            self._leases.drop(ending.row for ending in endings)
            self._written()

    # --- grouping ----------------------------------------------------------------------------------

    def _next_group(self) -> list[Ending]:
        """At most a batch, at most a group's time after its first; empty when closed."""
        first = self._queue.get()
        if first is None:
            return []
        group = [first]
        end = time.monotonic() + self._settings.group
        while len(group) < BATCH and (left := end - time.monotonic()) > 0:
            try:
                ending = self._queue.get(timeout=left)
            except Empty:
                break
            if ending is None:
                self.close()
                break
            group.append(ending)
        return group

    def _write_apart(self, endings: Sequence[Ending], error: Exception) -> None:
        """One ending that cannot be written must not take the others with it."""
        if len(endings) > 1:
            for ending in endings:
                self.write([ending])
            return
        (ending,) = endings
        names = names_of(ending.row)
        if isinstance(error, Busy):
            log.warning("row_left_to_its_lease", detail=str(error), **names)
        else:
            log.error("row_left_to_its_lease", exc_info=error, **names)
        self._leases.drop([ending.row])

    # --- writing -----------------------------------------------------------------------------------

    def _write_all(self, endings: Sequence[Ending]) -> None:
        now = self._clock.now()
        verdicts = [self._breakers.judge(ending.row, _error(ending)) for ending in endings]
        with self._store.write() as work:
            kept = self._acknowledge(work.outbox, endings, now)
            for ending, verdict in zip(endings, verdicts, strict=True):
                paused_until = self._breakers.apply(work, verdict, now=now)
                if ending.outcome is not None and self._settle(work, ending, verdict, paused_until, now):
                    kept.add(ending.row.id)
            _renew_lost(work, (e.row for e in endings if e.row.id not in kept), now)
        for ending, verdict in zip(endings, verdicts, strict=True):
            _tell(ending, verdict, kept=ending.row.id in kept)

    def _acknowledge(self, outbox: Outbox, endings: Sequence[Ending], now: float) -> set[int]:
        done = [(e.row.id, e.row.attempt) for e in endings if e.outcome is None]
        return outbox.acknowledge(done, now=now) if done else set()

    def _settle(
        self, work: UnitOfWork, ending: Ending, verdict: Verdict, paused_until: float | None, now: float
    ) -> bool:
        """Write the end of a try that is not done; False if another worker has the row by now."""
        row, outbox = ending.row, work.outbox
        match ending.outcome if verdict.error is None else verdict.error:
            case Again(at):
                return outbox.postpone(row, at=at, now=now)
            case Unavailable() | Misconfigured() as error if paused_until or not self._is_tired(row, now):
                at = now + self._pause(row, error)
                if verdict.was_probe and paused_until:
                    # Behind the rows that were parked, so that another is tried next time.
                    at = max(at, paused_until + 1)
                unsure = isinstance(error, Unavailable) and error.unsure
                return outbox.retry(
                    row, at=at, reason=error.reason, detail=_detail(error), now=now, unsure=unsure
                )
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


def _renew_lost(work: UnitOfWork, rows: Iterable[OutboxRow], now: float) -> None:
    """What we wrote may be older than the work of whoever has the row now, so it is looked at once more. A
    mail is not: that would be one more copy.
    """
    for row in rows:
        if row.lane is not Lane.MAIL:
            work.outbox.renew(row, now=now)


def _error(ending: Ending) -> UsherError | None:
    return ending.outcome if isinstance(ending.outcome, UsherError) else None


def _tell(ending: Ending, verdict: Verdict, *, kept: bool) -> None:
    outcome = ending.outcome if verdict.error is None else verdict.error
    kind = type(outcome).__name__ if outcome else "Done"
    milliseconds = round(ending.seconds * 1000)
    log.info(
        "effect", outcome=kind, kept=kept, detail=_detail(outcome), ms=milliseconds, **names_of(ending.row)
    )
    metrics.effect(ending.row.effect, kind, ending.seconds)
    if verdict.opens:
        log.warning("sink_away", sink=ending.row.sink, detail=_detail(outcome))
    if verdict.closes:
        log.info("sink_back", sink=ending.row.sink)


def _detail(outcome: Again | UsherError | None) -> str:
    return str(outcome)[:500] if isinstance(outcome, UsherError) else ""


def _quarantine_reason(error: Again | UsherError | None) -> str:
    """A word of the closed list: what failed for too long gave up, all else names itself."""
    if isinstance(error, Unavailable | Misconfigured):
        return "gave_up"
    return error.reason if isinstance(error, OutsideError) else "refused"

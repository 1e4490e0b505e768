"""A breaker for each other side: when it is away, its rows are put off together instead of failing one
by one. It owns when a breaker opens and closes, and what happens to the rows then; what a failure means
for its own row is ``endings``'s.

How often a sink failed in a row is counted in this process. That it is away stands in the database, for
all workers: then its due rows are parked, without blame, until its pause is over. One worker wins the
probe, and a success lets all the rows go on.
"""

from dataclasses import dataclass, field, replace
from threading import Lock

from connector.application.pace import WorkerSettings
from connector.application.records import SELF, OutboxRow, Sink
from connector.application.repositories import UnitOfWork
from connector.domain.effects import Lane
from connector.domain.errors import Busy, Forbidden, Misconfigured, OutsideError, Unavailable, UsherError


@dataclass(slots=True)
class _Count:
    """What this process has met of one sink since its last success."""

    failures: int = 0
    subjects: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one try says of its sink. ``opens``: it is away; ``closes``: it answers. ``error`` is the row's
    outcome, in place of what the try came to.
    """

    row: OutboxRow
    error: UsherError | None
    opens: bool = False
    closes: bool = False
    was_probe: bool = False


class Breakers:
    """The breakers, as one worker process sees them; safe to share between threads."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._counts: dict[str, _Count] = {}
        self._away: set[str] = set()
        self._probes: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    # --- before a claim ----------------------------------------------------------------------------

    def gate(self, work: UnitOfWork, lane: Lane, *, now: float) -> list[OutboxRow]:
        """Put off what is due for sinks that are away; the rows to try them with, claimed."""
        sinks = work.sinks.all()
        with self._lock:
            self._away = {sink.name for sink in sinks}
        probes = []
        for sink in sinks:
            probe = self._probe(work, sink, lane, now) if _closed_until(sink) <= now else None
            if probe:
                probes.append(probe)
            newest = work.sinks.get(sink.name)
            if newest and _closed_until(newest) > now:
                work.outbox.park(sink.name, until=_closed_until(newest), now=now)
        return probes

    def _probe(self, work: UnitOfWork, sink: Sink, lane: Lane, now: float) -> OutboxRow | None:
        lease = self._settings.lease
        rows = work.outbox.claim(lane, None, 1, lease=lease, now=now, sink=sink.name)
        if not rows:
            return None
        (row,) = rows
        if not work.sinks.win_probe(sink.name, until=now + lease, now=now):
            work.outbox.give_back([(row.id, row.attempt)], now=now)
            return None
        with self._lock:
            self._probes[sink.name] = (row.id, row.attempt)
        return row

    def blocks(self, row: OutboxRow) -> bool:
        """Whether a row that was claimed had better not be tried now: its sink was found away since."""
        with self._lock:
            return row.sink in self._away and self._probes.get(row.sink) != (row.id, row.attempt)

    # --- after a try -------------------------------------------------------------------------------

    def judge(self, row: OutboxRow, error: UsherError | None) -> Verdict:
        """Count what a try came to; what that says of its sink."""
        if row.sink == SELF or isinstance(error, Busy):
            return Verdict(row=row, error=error)
        with self._lock:
            was_probe = self._probes.get(row.sink) == (row.id, row.attempt)
            if was_probe:
                del self._probes[row.sink]
            verdict = self._judged(row, error, self._counts.setdefault(row.sink, _Count()))
            opens = verdict.opens or (was_probe and _is_wide(verdict.error))
            if opens:
                self._away.add(row.sink)
            if verdict.closes:
                self._away.discard(row.sink)
        return replace(verdict, was_probe=was_probe, opens=opens)

    def _judged(self, row: OutboxRow, error: UsherError | None, count: _Count) -> Verdict:
        if isinstance(error, Forbidden):
            return _forbidden(row, error, count)
        if not _is_wide(error):
            self._counts[row.sink] = _Count()
            return Verdict(row=row, error=error, closes=row.sink in self._away)
        count.failures += 1
        count.subjects.add(row.subject)
        is_many = count.failures >= self._settings.breaker_failures and len(count.subjects) > 1
        opens = row.sink not in self._away and (is_many or isinstance(error, Misconfigured))
        return Verdict(row=row, error=error, opens=opens)

    def apply(self, work: UnitOfWork, verdict: Verdict, *, now: float) -> float | None:
        """Write a verdict down; until when its sink's rows wait, None if they do not."""
        sink = work.sinks.get(verdict.row.sink)
        if verdict.opens:
            return self._open(work, sink, verdict, now)
        if verdict.closes and sink is not None:
            work.sinks.close(sink.name)
            work.outbox.unpark(sink.name, parked_until=_closed_until(sink), now=now)
            return None
        return _closed_until(sink) if sink else None

    def _open(self, work: UnitOfWork, sink: Sink | None, verdict: Verdict, now: float) -> float:
        if sink is not None and not verdict.was_probe and _closed_until(sink) > now:
            return _closed_until(sink)
        opened = self._opened(sink, verdict, now)
        if sink is not None:
            work.outbox.unpark(sink.name, parked_until=_closed_until(sink), now=opened.open_until)
        work.sinks.open(opened)
        work.outbox.park(opened.name, until=opened.open_until, now=now)
        return opened.open_until

    def _opened(self, before: Sink | None, verdict: Verdict, now: float) -> Sink:
        openings = before.openings + 1 if before else 1
        doubled = self._settings.breaker_pause * 2.0 ** min(openings - 1, 30)
        return Sink(
            name=verdict.row.sink,
            opened_at=before.opened_at if before else now,
            open_until=now + min(self._settings.longest_breaker_pause, doubled),
            openings=openings,
            reason=verdict.error.reason if isinstance(verdict.error, OutsideError) else "unavailable",
            detail=str(verdict.error)[:500],
        )


def _forbidden(row: OutboxRow, error: Forbidden, count: _Count) -> Verdict:
    """One account we may not touch is that account's matter; a second one says that our rights are gone."""
    count.forbidden.add(row.subject)
    if len(count.forbidden) < 2:
        return Verdict(row=row, error=error)
    lost = Misconfigured(f"Keycloak refuses us more than one account: {error}")
    return Verdict(row=row, error=lost, opens=True)


def _is_wide(error: UsherError | None) -> bool:
    """Whether other rows of the sink would fail the same way now."""
    return isinstance(error, Unavailable | Misconfigured) and error.sink_wide


def _closed_until(sink: Sink) -> float:
    """Until when nobody may try: the pause, and the probe that runs."""
    return max(sink.open_until, sink.probe_until or 0.0)

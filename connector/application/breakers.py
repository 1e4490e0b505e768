"""A breaker for each other side (sink): when it is away, its rows are put off together instead of failing
one by one. It owns when a breaker opens and closes, and what happens to the rows then; what a failure means
for its own row is ``endings``'s.

============  =======================  =============================  ====================================
a sink is     table ``sink``           its due rows                   it becomes
============  =======================  =============================  ====================================
well          no row                   are tried                      away: several failures in a row over
                                                                      several users, or one that only an
                                                                      operator can mend (``judge``)
away          ``open_until`` ahead     are parked to that time        probed, by the first worker that finds
                                       (``gate``)                     a due row after it (``gate``)
probed        ``probe_until`` ahead    are parked to that time, all   well: any answer of the sink
                                       but one                        (``apply``); away for twice as long:
                                                                      the probe failed; probed by another:
                                                                      it asked nobody, or its time is over
============  =======================  =============================  ====================================

The table has the last word. What a process remembers beside it (``_away``, with what it has found but
not written yet) only keeps rows that it has claimed already from being tried. Failures in a row are counted
in each process, not in the database: a success would otherwise cost a write.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from connector.application.pace import WorkerSettings
from connector.application.parking import try_now
from connector.application.records import SELF, OutboxRow, Sink
from connector.application.repositories import UnitOfWork
from connector.domain.effects import Lane
from connector.domain.errors import Forbidden, Misconfigured, OutsideError, Unavailable, UsherError


@dataclass(slots=True)
class _Count:
    """What this process has met of one sink since its last answer."""

    failures: int = 0
    subjects: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one try says of its row's sink. ``opens``: it is away; ``closes``: it answers. ``error`` is the
    row's outcome, in place of what the try came to.
    """

    row: OutboxRow
    error: UsherError | None
    opens: bool = False
    closes: bool = False
    was_probe: bool = False

    @property
    def says_nothing(self) -> bool:
        """Whether the row simply went through: nobody need look what is known of its sink."""
        return self.error is None and not (self.opens or self.closes or self.was_probe)


class Breakers:
    """The breakers, as one worker process sees them; safe to share between threads."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._counts: dict[str, _Count] = {}
        self._away: set[str] = set()
        self._unwritten: set[str] = set()
        self._probes: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    # --- before a claim ----------------------------------------------------------------------------

    def gate(self, work: UnitOfWork, lane: Lane, *, now: float) -> list[OutboxRow]:
        """Put off what is due for sinks that are away; the rows to probe them with, claimed."""
        sinks = work.sinks.all()
        self._learn({sink.name for sink in sinks})
        probes = []
        for sink in sinks:
            if sink.waits_until <= now and (probe := self._probe(work, sink.name, lane, now)):
                probes.append(probe)
            newest = work.sinks.get(sink.name)
            if newest and newest.waits_until > now:
                work.outbox.park(sink.name, until=newest.waits_until, now=now)
        return probes

    def _learn(self, away: set[str]) -> None:
        """Take over what the table says. A sink that is well again, whoever saw it, begins anew."""
        with self._lock:
            known = away | self._unwritten
            for name in self._away - known:
                self._counts.pop(name, None)
            self._away = known

    def _probe(self, work: UnitOfWork, sink: str, lane: Lane, now: float) -> OutboxRow | None:
        lease = self._settings.lease
        rows = work.outbox.claim(lane, None, 1, lease=lease, now=now, sink=sink)
        if not rows:
            return None
        (row,) = rows
        if not work.sinks.win_probe(sink, until=now + lease, now=now):
            work.outbox.give_back([row.key], now=now)
            return None
        with self._lock:
            self._probes[sink] = row.key
        return row

    def blocks(self, row: OutboxRow) -> bool:
        """Whether a row that was claimed had better not be tried now: its sink was found away since."""
        with self._lock:
            return row.sink in self._away and self._probes.get(row.sink) != row.key

    # --- after a try -------------------------------------------------------------------------------

    def judge(self, row: OutboxRow, error: UsherError | None, *, was_answered: bool) -> Finding:
        """Count what a try came to; what that says of its sink. ``was_answered``: the sink itself answered
        something; a row that asked nobody, or that we failed on ourselves, says nothing.
        """
        if row.sink == SELF:
            return Finding(row=row, error=error)
        with self._lock:
            was_probe = self._probes.get(row.sink) == row.key
            if was_probe:
                del self._probes[row.sink]
            if _is_wide(error):
                return self._failed(row, error, was_probe=was_probe)
            if isinstance(error, Forbidden):
                return self._forbidden(row, error, was_probe=was_probe)
            if was_answered:
                return self._answered(row, error, was_probe=was_probe)
        return Finding(row=row, error=error, was_probe=was_probe)

    def _failed(self, row: OutboxRow, error: UsherError | None, *, was_probe: bool) -> Finding:
        count = self._counts.setdefault(row.sink, _Count())
        count.failures += 1
        count.subjects.add(row.subject)
        is_many = count.failures >= self._settings.breaker_failures and len(count.subjects) > 1
        is_new = row.sink not in self._away and (is_many or isinstance(error, Misconfigured))
        if is_new or was_probe:
            self._away.add(row.sink)
            self._unwritten.add(row.sink)
        return Finding(row=row, error=error, opens=is_new or was_probe, was_probe=was_probe)

    def _forbidden(self, row: OutboxRow, error: Forbidden, *, was_probe: bool) -> Finding:
        """One account we may not touch is its own matter; a second one says that our rights are gone."""
        count = self._counts.setdefault(row.sink, _Count())
        count.forbidden.add(row.subject)
        if len(count.forbidden) < 2:
            return Finding(row=row, error=error, was_probe=was_probe)
        lost = Misconfigured(f"Keycloak refuses us more than one account: {error}")
        return self._failed(row, lost, was_probe=was_probe)

    def _answered(self, row: OutboxRow, error: UsherError | None, *, was_probe: bool) -> Finding:
        closes = row.sink in self._away
        self._counts.pop(row.sink, None)
        self._away.discard(row.sink)
        return Finding(row=row, error=error, closes=closes, was_probe=was_probe)

    def apply(self, work: UnitOfWork, finding: Finding, *, now: float) -> float | None:
        """Write a finding down; until when its sink's rows wait, None if they do not."""
        if finding.row.sink == SELF:
            return None
        self.written(finding)
        if finding.says_nothing:
            return None
        sink = work.sinks.get(finding.row.sink)
        if finding.opens:
            return self._open(work, sink, finding, now)
        if finding.closes and sink is not None:
            work.sinks.close(sink.name)
            work.outbox.unpark(sink.name, parked_until=sink.waits_until, now=now)
            return None
        if finding.was_probe and sink is not None:
            # It asked nobody: the turn is the next row's.
            try_now(work, sink, now=now)
            return None
        return sink.waits_until if sink else None

    def give_back(self, work: UnitOfWork, rows: Iterable[OutboxRow], *, now: float) -> None:
        """Rows were not begun; a probe among them was none."""
        for row in rows:
            with self._lock:
                was_probe = self._probes.get(row.sink) == row.key
                if was_probe:
                    del self._probes[row.sink]
            if was_probe and (sink := work.sinks.get(row.sink)):
                try_now(work, sink, now=now)

    def written(self, finding: Finding) -> None:
        """A finding was written down, or never will be: from now on the table alone counts."""
        with self._lock:
            self._unwritten.discard(finding.row.sink)

    def _open(self, work: UnitOfWork, before: Sink | None, finding: Finding, now: float) -> float:
        if before is not None and not finding.was_probe and before.waits_until > now:
            return before.waits_until
        opened = self._opened(before, finding, now)
        if before is not None:
            work.outbox.unpark(before.name, parked_until=before.waits_until, now=opened.open_until)
        work.sinks.open(opened)
        work.outbox.park(opened.name, until=opened.open_until, now=now)
        return opened.open_until

    def _opened(self, before: Sink | None, finding: Finding, now: float) -> Sink:
        openings = before.openings + 1 if before else 1
        doubled = self._settings.breaker_pause * 2.0 ** min(openings - 1, 30)
        return Sink(
            name=finding.row.sink,
            opened_at=before.opened_at if before else now,
            open_until=now + min(self._settings.longest_breaker_pause, doubled),
            openings=openings,
            reason=finding.error.reason if isinstance(finding.error, OutsideError) else "unavailable",
            detail=str(finding.error)[:500],
        )


def _is_wide(error: UsherError | None) -> bool:
    """Whether other rows of the sink would fail the same way now."""
    return isinstance(error, Unavailable | Misconfigured) and error.sink_wide

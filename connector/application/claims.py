"""Takes due rows for one worker: a look that locks nothing, then one transaction. It owns in which order
rows are taken; how long they are held is ``leases``'s.
"""

from collections import Counter
from collections.abc import Iterable

from connector.application.breakers import Breakers
from connector.application.leases import Leases
from connector.application.pace import ANY_TURN, WorkerSettings
from connector.application.ports import Clock
from connector.application.records import MANY, SINGLE, URGENT, OutboxRow
from connector.application.repeat import repeated
from connector.application.repositories import Store
from connector.domain.effects import Lane

_REST, _LONGEST_REST = 9, 1.0
_PRIORITIES = (URGENT, SINGLE, MANY)


class Claims:
    """One worker's claims."""

    def __init__(
        self, store: Store, clock: Clock, breakers: Breakers, leases: Leases, settings: WorkerSettings
    ) -> None:
        self._store = store
        self._clock = clock
        self._breakers = breakers
        self._leases = leases
        self._settings = settings
        self._turns: Counter[Lane] = Counter()
        self._rests: dict[Lane, float] = {}

    def take(self, lane: Lane, count: int) -> list[OutboxRow]:
        """At most ``count`` due rows (and one probe for each sink that was away), the most urgent first.
        After a look in vain urgent ones alone, for nine times as long as the look took, at most a second:
        where ten thousand mails wait for the accounts of their users, looking for one that need not wait
        must not take more than a tenth of a core.

        :raises Busy: the database did not take it.
        """
        if self._leases.mark() < self._rests.get(lane, 0.0):
            return self.take_urgent(lane, count)
        self._turns[lane] += 1
        ignores_priorities = self._turns[lane] % ANY_TURN == 0
        return self._take(lane, (None,) if ignores_priorities else _PRIORITIES, count)

    def take_urgent(self, lane: Lane, count: int) -> list[OutboxRow]:
        """As ``take``, of rows that take access away alone."""
        return self._take(lane, (URGENT,), count)

    def give_back(self, rows: Iterable[OutboxRow]) -> None:
        """Return rows that were not begun; others may take them at once. If that fails they are left to
        their leases, which nobody extends any more.
        """
        rows = list(rows)
        if not rows:
            return
        self._leases.drop(rows)
        keys, now = [row.key for row in rows], self._clock.now()
        with self._store.write() as work:
            work.outbox.give_back(keys, now=now)
            self._breakers.give_back(work, rows, now=now)

    def _take(self, lane: Lane, priorities: tuple[int | None, ...], count: int) -> list[OutboxRow]:
        if not self._has_due(lane, urgent_alone=priorities == (URGENT,)):
            return []
        since = self._leases.mark()
        rows = repeated(lambda: self._claimed(lane, priorities, count))
        self._leases.took(rows, since=since)
        return rows

    def _has_due(self, lane: Lane, *, urgent_alone: bool) -> bool:
        began = self._leases.mark()
        with self._store.read() as work:
            found = work.outbox.has_due(lane, urgent_alone=urgent_alone, now=self._clock.now())
        if not found and not urgent_alone:
            ended = self._leases.mark()
            self._rests[lane] = ended + min(_LONGEST_REST, _REST * (ended - began))
        return found

    def _claimed(self, lane: Lane, priorities: tuple[int | None, ...], count: int) -> list[OutboxRow]:
        now, lease = self._clock.now(), self._settings.lease
        with self._store.write() as work:
            rows = self._breakers.gate(work, lane, now=now)
            for prio in priorities:
                if (wanted := count - len(rows)) > 0:
                    rows += work.outbox.claim(lane, prio, wanted, lease=lease, now=now)
        return rows

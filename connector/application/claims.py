"""Takes due rows for one worker: a look that locks nothing, then one transaction. It owns in which order
rows are taken; how long they are held is ``leases``'s.
"""

from collections import Counter
from collections.abc import Iterable

from connector.application.breakers import Breakers
from connector.application.leases import Leases
from connector.application.pace import ANY_TURN, WorkerSettings
from connector.application.ports import Clock
from connector.application.records import OutboxRow
from connector.application.repeat import repeated
from connector.application.repositories import Store
from connector.domain.effects import Lane

URGENT = 0
_PRIORITIES = (URGENT, 1, 2)


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

    def take(self, lane: Lane, count: int) -> list[OutboxRow]:
        """At most ``count`` due rows (and one probe for each sink that was away), the most urgent first.

        :raises Busy: the database did not take it.
        """
        self._turns[lane] += 1
        ignores_priorities = self._turns[lane] % ANY_TURN == 0
        return self._take(lane, (None,) if ignores_priorities else _PRIORITIES, count)

    def take_urgent(self, lane: Lane, count: int) -> list[OutboxRow]:
        """As ``take``, of rows that take access away alone."""
        return self._take(lane, (URGENT,), count)

    def give_back(self, rows: Iterable[OutboxRow]) -> None:
        """Return rows that were not begun; others may take them at once."""
        rows = list(rows)
        if not rows:
            return
        keys = [(row.id, row.attempt) for row in rows]
        with self._store.write() as work:
            work.outbox.give_back(keys, now=self._clock.now())
        self._leases.drop(rows)

    def _take(self, lane: Lane, priorities: tuple[int | None, ...], count: int) -> list[OutboxRow]:
        with self._store.read() as work:
            urgent_alone = priorities == (URGENT,)
            if not work.outbox.has_due(lane, urgent_alone=urgent_alone, now=self._clock.now()):
                return []
        since = self._leases.mark()
        rows = repeated(lambda: self._claimed(lane, priorities, count))
        self._leases.took(rows, since=since)
        return rows

    def _claimed(self, lane: Lane, priorities: tuple[int | None, ...], count: int) -> list[OutboxRow]:
        now, lease = self._clock.now(), self._settings.lease
        with self._store.write() as work:
            rows = self._breakers.gate(work, lane, now=now)
            for prio in priorities:
                if (wanted := count - len(rows)) > 0:
                    rows += work.outbox.claim(lane, prio, wanted, lease=lease, now=now)
        return rows

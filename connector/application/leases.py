"""The rows that one worker holds, and how long each lease still runs. It owns that memory; the database has
the last word.

A process that was stopped for a while, or a machine that slept, comes back with rows that others have taken
since. So nothing begins that might not end within its lease, by a clock that goes on meanwhile.
"""

from collections.abc import Callable, Iterable
from threading import Lock

from connector.application.records import OutboxRow

Key = tuple[int, int]
"""A row's id and attempt."""


class Leases:
    """Held rows; safe to share between threads. ``elapsed`` gives seconds that run on while the machine or
    the process sleeps; ``length`` is a lease's.
    """

    def __init__(self, length: float, elapsed: Callable[[], float]) -> None:
        self._length = length
        self._elapsed = elapsed
        self._ends: dict[Key, float] = {}
        self._lock = Lock()

    def mark(self) -> float:
        """The moment to count a lease from: ask before the statement that takes or extends it."""
        return self._elapsed()

    def took(self, rows: Iterable[OutboxRow], *, since: float) -> None:
        """Remember rows that were claimed after ``since``."""
        with self._lock:
            self._ends.update({(row.id, row.attempt): since + self._length for row in rows})

    def extended(self, asked: Iterable[Key], kept: set[int], *, since: float) -> None:
        """Remember which leases go on; the other rows belong to somebody else by now."""
        with self._lock:
            for key in asked:
                if key not in self._ends:
                    continue
                if key[0] in kept:
                    self._ends[key] = since + self._length
                else:
                    del self._ends[key]

    def allows(self, row: OutboxRow, seconds: float) -> bool:
        """Whether so many seconds are left of the row's lease."""
        with self._lock:
            end = self._ends.get((row.id, row.attempt))
        return end is not None and self._elapsed() + seconds <= end

    def drop(self, rows: Iterable[OutboxRow]) -> None:
        """Forget rows: they are ended, or given back."""
        with self._lock:
            for row in rows:
                self._ends.pop((row.id, row.attempt), None)

    def held(self) -> list[Key]:
        """Every row held."""
        with self._lock:
            return list(self._ends)

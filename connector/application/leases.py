"""The rows that one worker holds, and how long each lease still runs. It owns that memory; the database has
the last word.

A process that was stopped for a while, or a machine that slept, comes back with rows that others have taken
since. So nothing begins that might not end within its lease, by a clock that goes on meanwhile.
"""

from collections.abc import Callable, Iterable
from math import inf
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
        self._limits: dict[Key, float] = {}
        self._lock = Lock()

    def mark(self) -> float:
        """The moment to count a lease from: ask before the statement that takes or extends it."""
        return self._elapsed()

    def took(self, rows: Iterable[OutboxRow], *, since: float) -> None:
        """Remember rows that were claimed after ``since``."""
        with self._lock:
            self._ends.update({row.key: since + self._length for row in rows})

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

    def begin(self, row: OutboxRow, seconds: float) -> bool:
        """Whether so many seconds are left of the row's lease. If so it counts as begun, and its lease goes
        on no longer than these: a try that hangs must not keep its row for ever.
        """
        with self._lock:
            limit = self._elapsed() + seconds
            is_ours = limit <= self._ends.get(row.key, -inf)
            if is_ours:
                self._limits[row.key] = limit
            return is_ours

    def drop(self, rows: Iterable[OutboxRow]) -> None:
        """Forget rows: they are ended, or given back."""
        with self._lock:
            for row in rows:
                self._ends.pop(row.key, None)
                self._limits.pop(row.key, None)

    def to_extend(self) -> list[Key]:
        """Every row held, but those that were begun and should have ended by now."""
        now = self._elapsed()
        with self._lock:
            return [key for key in self._ends if self._limits.get(key, now) >= now]

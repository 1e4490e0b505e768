"""Forgets what nobody will ask for any more. It owns what is kept for how long."""

from collections.abc import Callable
from typing import Protocol

from connector.application.pace import DAY
from connector.application.ports import Clock
from connector.application.repositories import Store, UnitOfWork


class _ForgetSome(Protocol):
    """Deletes at most ``limit`` that are older than a time; how many there were."""

    def __call__(self, *, before: float, limit: int) -> int: ...


class Housekeeping:
    """Deletes in small transactions, so that nobody waits for long."""

    EVERY = 60.0
    """Seconds between two runs."""

    _AT_ONCE = 500

    def __init__(self, store: Store, clock: Clock, *, keep_finished: float, keep_mails: float) -> None:
        self._store = store
        self._clock = clock
        self._keep_finished = keep_finished
        self._keep_mails = keep_mails

    def run(self) -> None:
        """Delete rows of the outbox and records of mails that are old enough, hand-overs that came to
        nothing a day ago, tallies whose window is over, and workers not seen for a day.
        """
        self._forget(lambda work: work.outbox.forget_finished, self._keep_finished)
        self._forget(lambda work: work.mails.forget, self._keep_mails)
        self._forget(lambda work: work.handovers.forget, DAY)
        self._forget(lambda work: work.tallies.forget, 0.0)
        self._forget_workers()

    def _forget(self, forgetting: Callable[[UnitOfWork], _ForgetSome], keep: float) -> None:
        """What is older than ``keep`` seconds."""
        before, count = self._clock.now() - keep, self._AT_ONCE
        while count == self._AT_ONCE:
            with self._store.write() as work:
                count = forgetting(work)(before=before, limit=self._AT_ONCE)

    def _forget_workers(self) -> None:
        before = self._clock.now() - DAY
        with self._store.read() as work:
            lost = [worker.id for worker in work.workers.all() if worker.seen_at < before]
        if lost:
            with self._store.write() as work:
                for worker in lost:
                    work.workers.forget(worker)

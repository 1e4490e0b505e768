"""Forgets what nobody will ask for any more. It owns what is kept for how long."""

from connector.application.pace import DAY
from connector.application.ports import Clock
from connector.application.repositories import Store


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
        for forget_some in (
            self._forget_finished,
            self._forget_mails,
            self._forget_handovers,
            self._forget_tallies,
        ):
            while forget_some() == self._AT_ONCE:
                pass
        self._forget_workers()

    def _forget_finished(self) -> int:
        before = self._clock.now() - self._keep_finished
        with self._store.write() as work:
            return work.outbox.forget_finished(before=before, limit=self._AT_ONCE)

    def _forget_mails(self) -> int:
        before = self._clock.now() - self._keep_mails
        with self._store.write() as work:
            return work.mails.forget(before=before, limit=self._AT_ONCE)

    def _forget_handovers(self) -> int:
        before = self._clock.now() - DAY
        with self._store.write() as work:
            return work.handovers.forget(before=before, limit=self._AT_ONCE)

    def _forget_tallies(self) -> int:
        with self._store.write() as work:
            return work.tallies.forget(before=self._clock.now(), limit=self._AT_ONCE)

    def _forget_workers(self) -> None:
        before = self._clock.now() - DAY
        with self._store.read() as work:
            lost = [worker.id for worker in work.workers.all() if worker.seen_at < before]
        if lost:
            with self._store.write() as work:
                for worker in lost:
                    work.workers.forget(worker)

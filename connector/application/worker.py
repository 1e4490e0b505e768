"""Drains the outbox: one lane each for accounts, mail and the clock, a heartbeat that keeps the leases. It
owns a worker's beginning and end; it must not know what an effect does (``performers``), what its outcome
means (``endings``) nor how rows are stored.

Read on in ``lane`` (threads and slots), ``claims`` (which rows), ``attempts`` (one try), ``endings`` (what
came of it), ``breakers`` (sinks that are away) and ``leases`` (what a sleeper may still do).
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from connector.application.attempts import Attempts
from connector.application.breakers import Breakers
from connector.application.claims import Claims
from connector.application.endings import Endings
from connector.application.housekeeping import Housekeeping
from connector.application.lane import Lane
from connector.application.leases import Leases
from connector.application.pace import PRESS_LEASE, WorkerSettings
from connector.application.parking import try_now
from connector.application.performers import Performers
from connector.application.ports import Clock, Wake
from connector.application.records import WorkerSeen
from connector.application.repositories import Store
from connector.domain import effects as fx
from connector.domain.errors import Busy

LAST_WORDS = 3.0
"""Seconds, beyond the grace for what runs, to write down what came of it."""

log = structlog.get_logger()


class Worker:
    """One worker: ``run`` until stopped, or ``drain`` what is due now. ``elapsed`` gives seconds that run
    on while the machine sleeps, ``jumped`` whether the clock was set since it was last asked; ``chores``
    are done once a minute, like the housekeeping, and before a drain.
    """

    def __init__(
        self,
        store: Store,
        performers: Performers,
        clock: Clock,
        wake: Wake,
        me: WorkerSeen,
        settings: WorkerSettings | None = None,
        *,
        chance: Callable[[], float] = random.random,
        elapsed: Callable[[], float] = time.monotonic,
        jumped: Callable[[], bool] = lambda: False,
        chores: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._me = me
        self._settings = settings or WorkerSettings()
        self._jumped = jumped
        self._has_jumped = False
        self._stopping = threading.Event()
        self._leases = Leases(self._settings.lease, elapsed)
        breakers = Breakers(self._settings)
        claims = Claims(store, clock, breakers, self._leases, self._settings)
        self._endings = Endings(store, clock, breakers, self._leases, self._settings, chance, wake.notify)
        attempts = Attempts(performers, self._settings, elapsed)
        self._housekeeping = Housekeeping(
            store,
            clock,
            keep_finished=self._settings.keep_finished,
            keep_mails=self._settings.keep_mails,
        )
        self._chores = chores
        self._lanes = [
            Lane(kind, self._settings, claims, attempts, self._endings, self._leases, breakers)
            for kind in fx.Lane
        ]

    def recover(self) -> int:
        """Make due what a dead worker left running and what waits for its look whether a sink is well. Only
        for the single worker of a SQLite database. What a person's press has taken is left to it: its lease
        is short.
        """
        now = self._clock.now()
        with self._store.write() as work:
            for sink in work.sinks.all():
                if sink.probe_until is not None:
                    try_now(work, sink, now=now)
            return work.outbox.release_all(now=now, beyond=now + PRESS_LEASE)

    def stop(self) -> None:
        """Begin nothing more; what was begun is finished."""
        self._stopping.set()
        for lane in self._lanes:
            lane.stop()
        self._wake.notify()

    def run(self) -> bool:
        """Work until ``stop``; then give back what was not begun, and wait for what was, as long as the
        settings allow. Whether all of it came to its end: the rest is left to its lease.
        """
        endings = threading.Thread(target=self._endings.run, name="worker-endings", daemon=True)
        beats = [
            threading.Thread(target=self._every, args=(seconds, deed), name=name, daemon=True)
            for name, seconds, deed in (
                ("worker-heartbeat", self._settings.heartbeat, self._beat),
                ("worker-housekeeping", self._housekeeping.EVERY, self._keep_house),
            )
        ]
        self._quietly(self._beat)
        for thread in (endings, *beats):
            thread.start()
        for lane in self._lanes:
            lane.start()
        while not self._stopping.is_set():
            self._wake.wait(self._settings.poll)
            for lane in self._lanes:
                lane.poke()
        return self._end(endings)

    def drain(self) -> int:
        """Do the chores, then perform what is due until nothing is; how many rows were tried."""
        for chore in self._chores:
            self._quietly(chore)
        tried = 0
        while batch := sum(lane.once() for lane in self._lanes):
            tried += batch
        return tried

    # --- the end -----------------------------------------------------------------------------------

    def _end(self, endings: threading.Thread) -> bool:
        """Come to the end in time, even where the database takes nothing any more."""
        until = time.monotonic() + self._settings.grace
        release = threading.Thread(target=self._release, name="worker-release", daemon=True)
        release.start()
        are_done = [lane.join(until) for lane in self._lanes]
        self._endings.close()
        leave = threading.Thread(
            target=self._quietly, args=(self._leave,), name="worker-leave", daemon=True
        )
        leave.start()
        for thread in (release, endings, leave):
            thread.join(max(0.0, until + LAST_WORDS - time.monotonic()))
        return all(are_done)

    def _release(self) -> None:
        for lane in self._lanes:
            lane.release()

    def _leave(self) -> None:
        with self._store.write() as work:
            work.workers.forget(self._me.id)

    # --- the heartbeat -----------------------------------------------------------------------------

    def _every(self, seconds: float, deed: Callable[[], None]) -> None:
        while not self._stopping.wait(seconds):
            self._quietly(deed)

    def _keep_house(self) -> None:
        for chore in (self._housekeeping.run, *self._chores):
            self._quietly(chore)

    def _quietly(self, deed: Callable[[], object]) -> None:
        """One that fails is made up for by the next."""
        try:
            deed()
        except Busy as error:
            log.warning("database_busy", detail=str(error))
        except Exception:
            log.exception("beat_crashed", beat=deed.__name__)

    def _beat(self) -> None:
        """Keep the leases of what is held, say that we are there, and see whether the clock has jumped."""
        held, since = self._leases.to_extend(), self._leases.mark()
        self._has_jumped = self._jumped() or self._has_jumped
        now = self._clock.now()
        with self._store.write() as work:
            kept = work.outbox.extend(held, until=now + self._settings.lease)
            work.workers.seen(replace(self._me, seen_at=now))
            if self._has_jumped:
                work.sinks.hurry(now=now)
                log.warning("clock_jumped", rows=work.outbox.hurry(now=now))
        self._has_jumped = False
        self._leases.extended(held, kept, since=since)

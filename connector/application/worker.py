"""Drains the outbox: leases rows, performs them, acknowledges, retries later or quarantines. It owns the
rhythm; it must not know what an effect does (``performers.py``) nor how rows are stored.
"""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from connector.application.performers import Again, Performers
from connector.application.ports import Clock, Outbox, Store
from connector.application.records import OutboxRow
from connector.domain.effects import Lane
from connector.domain.errors import (
    Busy,
    Misconfigured,
    OutsideError,
    Refused,
    Unavailable,
    UsherError,
)

HOUR = 3600.0
DAY = 24 * HOUR

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How the worker goes about it; seconds and counts."""

    lease: float = 90.0
    heartbeat: float = 20.0
    poll: float = 0.25
    account_slots: int = 8
    mail_slots: int = 4
    longest_backoff: float = HOUR
    give_up_after: float = DAY


def backoff(failures: int, *, longest: float, chance: Callable[[], float]) -> float:
    """Seconds to wait after that many failures in a row: full jitter, doubling, up to ``longest``."""
    return chance() * min(longest, 2.0 ** min(failures, 30))


class _Slots:
    """How many of a lane's slots are free."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._changed = threading.Condition()

    def wait_for_free(self, seconds: float) -> int:
        """How many are free, after waiting for one at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0, timeout=seconds)
            return self._free

    def take(self) -> None:
        """One more is busy."""
        with self._changed:
            self._free -= 1

    def give_back(self, _done: object = None) -> None:
        """One is free again."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()


class Worker:
    """One worker: ``run`` until stopped, or ``drain`` what is due now."""

    def __init__(
        self,
        store: Store,
        performers: Performers,
        clock: Clock,
        settings: WorkerSettings | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._performers = performers
        self._clock = clock
        self._settings = settings or WorkerSettings()
        self._chance = chance
        self._stopping = threading.Event()
        self._running: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def recover(self) -> int:
        """Make due what a dead worker left running; only for the single worker of a SQLite database."""
        with self._store.write() as work:
            return work.outbox.release_all(now=self._clock.now())

    def stop(self) -> None:
        """Take no more rows; what was begun is finished."""
        self._stopping.set()

    def run(self) -> None:
        """Work until ``stop``; returns when what was begun is finished."""
        threads = [
            threading.Thread(target=self._loop, args=(lane, slots), name=f"worker-{lane.name.lower()}")
            for lane, slots in self._lanes()
        ]
        threads.append(threading.Thread(target=self._beat, name="worker-heartbeat"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def drain(self) -> int:
        """Perform what is due until nothing is; how many rows were tried."""
        tried = 0
        while batch := sum(self._one_batch(lane, slots) for lane, slots in self._lanes()):
            tried += batch
        return tried

    # --- taking rows -------------------------------------------------------------------------------

    def _lanes(self) -> tuple[tuple[Lane, int], ...]:
        return (
            (Lane.ACCOUNT, self._settings.account_slots),
            (Lane.MAIL, self._settings.mail_slots),
            (Lane.CLOCK, 1),
        )

    def _one_batch(self, lane: Lane, slots: int) -> int:
        rows = self._claim(lane, slots)
        with ThreadPoolExecutor(slots) as pool:
            list(pool.map(self._perform, rows))
        return len(rows)

    def _loop(self, lane: Lane, count: int) -> None:
        """Keep a lane's slots busy; a row begins as soon as a slot is free, whatever the others do."""
        slots = _Slots(count)
        with ThreadPoolExecutor(count, thread_name_prefix=f"effect-{lane.name.lower()}") as pool:
            while not self._stopping.is_set():
                free = slots.wait_for_free(self._settings.poll)
                rows = self._claim_patiently(lane, free) if free else []
                for row in rows:
                    slots.take()
                    pool.submit(self._perform, row).add_done_callback(slots.give_back)
                if free and not rows:
                    self._stopping.wait(self._settings.poll)

    def _claim_patiently(self, lane: Lane, count: int) -> list[OutboxRow]:
        """A database that is busy or away is waited for, not died of."""
        try:
            return self._claim(lane, count)
        except Busy as error:
            log.warning("database_busy", lane=lane.name, detail=str(error))
        except Exception:
            log.exception("claim_crashed", lane=lane.name)
        return []

    def _claim(self, lane: Lane, count: int) -> list[OutboxRow]:
        """Due rows of a lane, first those that take access away. Looks before it locks."""
        now = self._clock.now()
        with self._store.read() as work:
            if not work.outbox.has_due(lane, now=now):
                return []
        rows: list[OutboxRow] = []
        with self._store.write() as work:
            for prio in (0, 1, 2):
                lease, wanted = self._settings.lease, count - len(rows)
                if wanted:
                    rows += work.outbox.claim(lane, prio, wanted, lease=lease, now=now)
        with self._lock:
            self._running.update((row.id, row.attempt) for row in rows)
        return rows

    # --- performing one ----------------------------------------------------------------------------

    def _perform(self, row: OutboxRow) -> None:
        structlog.contextvars.bind_contextvars(
            request_id=row.request_id, tenant=row.tenant, user_id=row.user_id, effect=row.effect
        )
        try:
            self._finish(row, self._outcome(row))
        except Busy as error:
            log.warning("row_left_to_its_lease", detail=str(error))
        except Exception:
            log.exception("row_left_to_its_lease")
        finally:
            structlog.contextvars.clear_contextvars()
            with self._lock:
                self._running.discard((row.id, row.attempt))

    def _outcome(self, row: OutboxRow) -> Again | UsherError | None:
        try:
            return self._performers.perform(row)
        except (Busy, Refused) as error:
            # The database was busy, or the user changed between the look and the command: look again.
            return Unavailable(str(error), sink_wide=False)
        except UsherError as error:
            return error
        except Exception:
            log.exception("effect_crashed")
            return Unavailable("Usher failed on this effect; see the log of this time.")

    def _finish(self, row: OutboxRow, outcome: Again | UsherError | None) -> None:
        now = self._clock.now()
        with self._store.write() as work:
            kept = self._settle(work.outbox, row, outcome, now)
            if not kept and row.lane is not Lane.MAIL:
                work.outbox.renew(row, now=now)
        kind = type(outcome).__name__ if outcome else "Done"
        log.info("effect", outcome=kind, kept=kept, detail=_detail(outcome))

    def _settle(
        self, outbox: Outbox, row: OutboxRow, outcome: Again | UsherError | None, now: float
    ) -> bool:
        """Write the end of a try; False if another worker has the row by now."""
        match outcome:
            case None:
                return row.id in outbox.acknowledge([(row.id, row.attempt)], now=now)
            case Again(at):
                return outbox.postpone(row, at=at, now=now)
            case Unavailable() | Misconfigured() if not self._is_tired(row, now):
                at = now + self._pause(row, outcome)
                return outbox.retry(row, at=at, reason=outcome.reason, detail=_detail(outcome), now=now)
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

    def _beat(self) -> None:
        """Keep the leases of what runs; a beat that fails is made up for by the next."""
        while not self._stopping.wait(self._settings.heartbeat):
            try:
                self._extend_leases()
            except Busy as error:
                log.warning("database_busy", detail=str(error))
            except Exception:
                log.exception("heartbeat_crashed")

    def _extend_leases(self) -> None:
        with self._lock:
            running = list(self._running)
        if running:
            with self._store.write() as work:
                work.outbox.extend(running, until=self._clock.now() + self._settings.lease)


def _detail(outcome: Again | UsherError | None) -> str:
    return str(outcome)[:500] if isinstance(outcome, UsherError) else ""


def _quarantine_reason(error: UsherError) -> str:
    """A word of the closed list: what failed for too long gave up, all else names itself."""
    if isinstance(error, Unavailable | Misconfigured):
        return "gave_up"
    return error.reason if isinstance(error, OutsideError) else "refused"

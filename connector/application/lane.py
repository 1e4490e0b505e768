"""One lane of a worker: keeps its slots busy with the rows that are due. It owns the lane's threads and the
rows that wait in front of them; what a try comes to is written down by ``endings``.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from connector.application.attempts import Attempts
from connector.application.breakers import Breakers
from connector.application.claims import Claims
from connector.application.endings import Endings
from connector.application.leases import Leases
from connector.application.pace import BATCH, WorkerSettings
from connector.application.records import URGENT, OutboxRow
from connector.domain import effects as fx
from connector.domain.errors import Busy

log = structlog.get_logger()


class Lane:
    """A claiming thread, and one thread for each slot. All are daemons: a process that must end does not
    wait for an effect that hangs.
    """

    def __init__(
        self,
        kind: fx.Lane,
        settings: WorkerSettings,
        claims: Claims,
        attempts: Attempts,
        endings: Endings,
        leases: Leases,
        breakers: Breakers,
    ) -> None:
        self._kind = kind
        self._settings = settings
        self._claims = claims
        self._attempts = attempts
        self._endings = endings
        self._leases = leases
        self._breakers = breakers
        self._waiting: deque[OutboxRow] = deque()
        self._idle = 0
        self._poked = False
        self._stopping = False
        self._is_stuck = False
        self._changed = threading.Condition()
        name = kind.name.lower()
        self._claimer = _thread(f"claim-{name}", self._claim_rows)
        self._slots = [_thread(f"{name}-{n}", self._perform_rows) for n in range(settings.slots(kind))]

    def start(self) -> None:
        """Begin to work."""
        for thread in (self._claimer, *self._slots):
            thread.start()

    def poke(self) -> None:
        """Something may be due: look now."""
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def release(self) -> None:
        """Give back, after ``stop``, what was not begun."""
        self._claimer.join()
        with self._changed:
            rows = list(self._waiting)
            self._waiting.clear()
        self._give_back(rows)

    def join(self, until: float) -> bool:
        """Wait for what runs until a moment of the monotonic clock; whether all came to its end."""
        for slot in self._slots:
            slot.join(max(0.0, until - time.monotonic()))
        return not any(slot.is_alive() for slot in self._slots)

    def once(self) -> int:
        """Perform one batch of what is due while the caller waits; how many rows."""
        rows = self._claims.take(self._kind, BATCH)
        with ThreadPoolExecutor(self._settings.slots(self._kind)) as pool:
            list(pool.map(self._try, rows))
        self._endings.flush()
        return len(rows)

    # --- claiming ----------------------------------------------------------------------------------

    def _claim_rows(self) -> None:
        while self._wait_for_need():
            rows = self._claimed()
            with self._changed:
                # What takes access away overtakes what was claimed before it, and keeps its own order.
                self._waiting = deque(sorted([*self._waiting, *rows], key=lambda row: row.prio != URGENT))
                self._changed.notify_all()
                if not rows:
                    self._changed.wait_for(lambda: self._poked or self._stopping)

    def _wait_for_need(self) -> bool:
        """Wait until a slot has nothing to do, or something may be due; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._poked or self._stopping or self._idle > len(self._waiting))
            self._poked = False
            return not self._stopping

    def _claimed(self) -> list[OutboxRow]:
        """A database that is busy or away is waited for, not died of."""
        try:
            rows = self._wanted()
        except Busy as error:
            if not self._is_stuck:
                log.warning("database_away", lane=self._kind.name, detail=str(error))
            self._is_stuck = True
            return []
        except Exception:
            log.exception("claim_crashed", lane=self._kind.name)
            return []
        if self._is_stuck:
            log.info("database_back", lane=self._kind.name)
        self._is_stuck = False
        return rows

    def _wanted(self) -> list[OutboxRow]:
        """Rows for slots that have nothing to do, else urgent ones: of these no more than slots could begin
        with, so that other workers get theirs.
        """
        with self._changed:
            is_idle = self._idle > len(self._waiting)
            urgent = sum(row.prio == URGENT for row in self._waiting)
        if is_idle:
            return self._claims.take(self._kind, BATCH)
        room = self._settings.slots(self._kind) - urgent
        return self._claims.take_urgent(self._kind, room) if room > 0 else []

    # --- performing --------------------------------------------------------------------------------

    def _perform_rows(self) -> None:
        while (row := self._next()) is not None:
            try:
                self._try(row)
            except Exception:
                log.exception("slot_crashed", lane=self._kind.name)

    def _try(self, row: OutboxRow) -> None:
        """Perform a row, unless it had to wait here for so long that its turn is over."""
        if not self._breakers.blocks(row) and self._leases.begin(row, self._settings.effect(self._kind)):
            self._endings.put(self._attempts.make(row))
        else:
            self._give_back([row])

    def _next(self) -> OutboxRow | None:
        """The next row, as soon as there is one; None at the end."""
        with self._changed:
            self._idle += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopping or self._waiting)
            self._idle -= 1
            return None if self._stopping else self._waiting.popleft()

    def _give_back(self, rows: list[OutboxRow]) -> None:
        try:
            self._claims.give_back(rows)
        except Busy as error:
            log.warning("rows_left_to_their_lease", lane=self._kind.name, detail=str(error))
        except Exception:
            log.exception("rows_left_to_their_lease", lane=self._kind.name)


def _thread(name: str, deed: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=deed, name=name, daemon=True)

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
from connector.application.records import OutboxRow
from connector.domain import effects as fx
from connector.domain.errors import Busy

_REST = 9
"""A look in vain is followed by a rest so many times as long: where ten thousand mails wait for the
accounts of their users, looking for one that need not wait must not take more than a tenth of a core.
"""

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
        self._rest = 0.0
        self._stopping = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work."""
        name = self._kind.name.lower()
        deeds: list[tuple[str, Callable[[], None]]] = [(f"claim-{name}", self._claim_rows)]
        deeds += [(f"{name}-{n}", self._perform_rows) for n in range(self._settings.slots(self._kind))]
        self._threads = [threading.Thread(target=deed, name=title, daemon=True) for title, deed in deeds]
        for thread in self._threads:
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

    def join(self, until: float) -> bool:
        """Wait for what runs until a moment of the monotonic clock, and give back what was not begun;
        whether all came to its end.
        """
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._give_back(self._take_waiting())
        return not any(thread.is_alive() for thread in self._threads)

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
                for row in sorted(rows, key=lambda row: row.prio):
                    # What takes access away overtakes what was claimed before it.
                    self._waiting.appendleft(row) if row.prio == 0 else self._waiting.append(row)
                self._changed.notify_all()
                if not rows:
                    self._changed.wait_for(lambda: self._stopping, self._rest)
                    self._changed.wait_for(lambda: self._poked or self._stopping)

    def _wait_for_need(self) -> bool:
        """Wait until a slot has nothing to do, or something may be due; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._poked or self._stopping or self._idle > len(self._waiting))
            self._poked = False
            return not self._stopping

    def _claimed(self) -> list[OutboxRow]:
        """A database that is busy or away is waited for, not died of."""
        with self._changed:
            needs_more = self._idle > len(self._waiting)
        take = self._claims.take if needs_more else self._claims.take_urgent
        began, self._rest = time.monotonic(), 0.0
        try:
            rows = take(self._kind, BATCH)
            self._rest = _REST * (time.monotonic() - began)
            return rows
        except Busy as error:
            log.warning("database_busy", lane=self._kind.name, detail=str(error))
        except Exception:
            log.exception("claim_crashed", lane=self._kind.name)
        return []

    # --- performing --------------------------------------------------------------------------------

    def _perform_rows(self) -> None:
        while (row := self._next()) is not None:
            self._try(row)

    def _try(self, row: OutboxRow) -> None:
        """Perform a row, unless it had to wait here for so long that its turn is over."""
        is_ours = self._leases.allows(row, self._settings.effect(self._kind))
        if is_ours and not self._breakers.blocks(row):
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

    def _take_waiting(self) -> list[OutboxRow]:
        with self._changed:
            rows = list(self._waiting)
            self._waiting.clear()
            return rows

    def _give_back(self, rows: list[OutboxRow]) -> None:
        try:
            self._claims.give_back(rows)
        except Busy as error:
            log.warning("rows_left_to_their_lease", lane=self._kind.name, detail=str(error))

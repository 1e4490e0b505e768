"""The time that a database's processes agree on. It owns where the time comes from, and noticing that it
jumped; what to do then is the worker's.

Several machines share a PostgreSQL, and their clocks differ: the server's counts. It is asked now and then,
and carried on by the machine's boot clock, which nobody sets. On SQLite the machine's own clock is the only
one there is.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from sqlalchemy import Engine, text

from connector.store import failures
from connector.store.engine import Engines

JUMP = 5.0
"""Seconds between what a clock says and what it should say by the boot clock; beyond, it was set."""

STALE = 60.0
"""Seconds after which a look at the server's clock is worth another."""

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_ASK = text("SELECT extract(epoch FROM clock_timestamp())")

log = structlog.get_logger()


class StoreClock(Protocol):
    """A :class:`~connector.application.ports.Clock` that notices when it is set."""

    def now(self) -> float:
        """UTC epoch seconds."""
        ...

    def jumped(self) -> bool:
        """Look again; whether the clock was set by more than :data:`JUMP` since the last look.

        :raises Busy: the database whose clock it is does not answer.
        """
        ...


def boot_time() -> float:
    """Seconds since the machine's start, those asleep too."""
    return time.clock_gettime(_BOOT_CLOCK)


def make_clock(engines: Engines) -> StoreClock:
    """The clock of a database.

    :raises Busy: a PostgreSQL that does not answer.
    """
    return SystemClock() if engines.read.dialect.name == "sqlite" else ServerClock(engines.read)


class SystemClock:
    """The machine's time."""

    def __init__(
        self, wall: Callable[[], float] = time.time, boot: Callable[[], float] = boot_time
    ) -> None:
        self._wall = wall
        self._boot = boot
        self._ahead = wall() - boot()

    def now(self) -> float:
        """UTC epoch seconds."""
        return self._wall()

    def jumped(self) -> bool:
        """See the protocol."""
        before, self._ahead = self._ahead, self._wall() - self._boot()
        return abs(self._ahead - before) > JUMP


class ServerClock:
    """A PostgreSQL server's time, as it was told at the last look, carried on by the boot clock. Where
    nobody looks, as in a web process, a look that has grown old is renewed beside the work.
    """

    def __init__(self, engine: Engine, boot: Callable[[], float] = boot_time) -> None:
        self._engine = engine
        self._boot = boot
        self._renewing = threading.Lock()
        self._ahead = self._at_last_look = self._asked()

    def now(self) -> float:
        """UTC epoch seconds; waits for nobody."""
        boot = self._boot()
        if boot - self._asked_at > STALE and self._renewing.acquire(blocking=False):
            threading.Thread(target=self._renew, name="clock", daemon=True).start()
        return boot + self._ahead

    def _renew(self) -> None:
        try:
            self._ahead = self._asked()
        except Exception:
            log.exception("server_time_unknown")
        finally:
            self._renewing.release()

    def jumped(self) -> bool:
        """See the protocol. The server's clock is asked; small differences are taken over.

        :raises Busy: the server does not answer; the time goes on as before.
        """
        before, self._at_last_look = self._at_last_look, self._asked()
        self._ahead = self._at_last_look
        return abs(self._ahead - before) > JUMP

    def _asked(self) -> float:
        """By how much the server's time is ahead of the boot clock; the answer's way counts by half."""
        self._asked_at = self._boot()
        with failures.of_connecting(), self._engine.connect() as connection:
            connection.execute(_ASK).scalar_one()
            begun = self._boot()
            server = float(connection.execute(_ASK).scalar_one())
            return server - (begun + self._boot()) / 2

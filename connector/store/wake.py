"""Tells workers that something was enqueued. It owns the two ways word travels: an event within a process,
and PostgreSQL's NOTIFY between processes. Word may get lost: workers look for themselves now and then.

A NOTIFY inside the change's own transaction would let one commit at a time through the server (it locks
the queue of notifications until the commit is done). So it is sent after the commit, by a thread of its own
on a connection of its own, and not for each commit.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from connector.store import postgres
from connector.store.engine import is_sqlite, parsed_url

if TYPE_CHECKING:
    from psycopg import Connection

CHANNEL = "usher_outbox"

_APART = 0.1
"""Seconds between two notifications of a process."""

_RECONNECT = 1.0
_PATIENCE_AT_THE_END = 2.0
"""Seconds for a thread to end; a server that says nothing must not keep us."""

_PATIENCE = 0.5
"""Seconds until a listener looks whether it should end."""

log = structlog.get_logger()


class StoreWake(Protocol):
    """A :class:`~connector.application.ports.Wake` that can be told of commits."""

    def wait(self, seconds: float) -> None:
        """See the port."""
        ...

    def notify(self) -> None:
        """See the port."""
        ...

    def tell(self) -> None:
        """Something was enqueued by this process: let every waiting worker know. Returns at once."""
        ...

    def close(self) -> None:
        """End the threads, if there are any."""
        ...


def make_wake(url: str, *, listens: bool) -> StoreWake:
    """The wake of a database. ``listens``: a worker runs in this process."""
    parsed = parsed_url(url)
    if is_sqlite(parsed):
        return EventWake()
    return NotifyWake(postgres.connect_arguments(parsed), listens=listens)


class EventWake:
    """Word within one process."""

    def __init__(self) -> None:
        self._news = threading.Event()

    def wait(self, seconds: float) -> None:
        """See the port."""
        self._news.wait(seconds)
        self._news.clear()

    def notify(self) -> None:
        """See the port."""
        self._news.set()

    def tell(self) -> None:
        """See the protocol."""
        self.notify()

    def close(self) -> None:
        """See the protocol."""


class NotifyWake(EventWake):
    """Word between the processes of a PostgreSQL database: a thread sends, another listens."""

    def __init__(self, arguments: dict[str, Any], *, listens: bool) -> None:
        super().__init__()
        self._arguments = arguments
        self._unsent = threading.Event()
        self._closing = threading.Event()
        jobs = [self._send, self._listen] if listens else [self._send]
        self._threads = [
            threading.Thread(target=self._connected, args=(job,), name=f"wake{job.__name__}", daemon=True)
            for job in jobs
        ]
        for thread in self._threads:
            thread.start()

    def tell(self) -> None:
        """See the protocol."""
        self.notify()
        self._unsent.set()

    def close(self) -> None:
        """See the protocol."""
        self._closing.set()
        self._unsent.set()
        for thread in self._threads:
            thread.join(_PATIENCE_AT_THE_END)

    def _connected(self, job: Callable[["Connection[Any]"], None]) -> None:
        """Do a job on a connection of its own, and again on the next one when that breaks."""
        import psycopg

        is_broken = False
        while not self._closing.is_set():
            try:
                with psycopg.connect(**self._arguments, autocommit=True) as connection:
                    is_broken = False
                    job(connection)
            except psycopg.Error as error:
                if not is_broken:
                    log.warning("wake_broken", way=job.__name__.strip("_"), detail=str(error))
                is_broken = True
                self._unsent.set()
                self._closing.wait(_RECONNECT)

    def _send(self, connection: "Connection[Any]") -> None:
        while not self._closing.is_set():
            self._unsent.wait()
            self._unsent.clear()
            connection.execute(f"NOTIFY {CHANNEL}")
            self._closing.wait(_APART)

    def _listen(self, connection: "Connection[Any]") -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        # Word may have come while nobody listened.
        self.notify()
        while not self._closing.is_set():
            for _ in connection.notifies(timeout=_PATIENCE, stop_after=1):
                self.notify()

"""A proxy on loopback that stands before a real server and can be told what goes wrong on the way. It owns
its port, threads and sockets, and ends them with the block; what a fault must lead to is each test's own.

It passes bytes on as they come and knows one thing about them: where a message of the client ends
(``messages.py``). Over HTTP that is a request; anywhere else (SMTP, PostgreSQL) it is what arrives in one
piece, so a rule may name a line or a statement in it.
"""

import re
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread

from tests.support.messages import HttpRequests, Message, Pieces

HOST = "127.0.0.1"
_PIECE = 65536


class Mode(StrEnum):
    """What happens to a message, or to a connection."""

    OK = "ok"
    REFUSE = "refuse"
    """Nobody listens; a connection that is open is reset when it is next used."""
    LATENCY = "latency"
    """Passed on, ``seconds`` late."""
    SLOW = "slow"
    """The answer comes a byte at a time, ``seconds`` apart."""
    BLACKHOLE = "blackhole"
    """Taken, never answered, not passed on; the connection stays dead."""
    RESET_REPLY = "reset_reply"
    """Passed on and done; when the server answers, the client gets a reset instead."""
    HALF_REQUEST = "half_request"
    """The server gets the first half, then the line is cut on both sides."""
    HTML_404 = "html_404"
    """Over HTTP: not passed on; a page as a proxy in between would show it."""
    HTML_502 = "html_502"
    """The same with another status."""


_PAGES: Mapping[Mode, str] = {Mode.HTML_404: "404 Not Found", Mode.HTML_502: "502 Bad Gateway"}


@dataclass(slots=True, kw_only=True)
class _Rule:
    mode: Mode = Mode.OK
    seconds: float = 0.0
    times: int | None = None
    matching: re.Pattern[str] | None = None
    after: int = 0

    def takes(self, start: str) -> bool:
        """Whether what begins so falls to this rule; counts it if so."""
        if self.times == 0 or (self.matching and not self.matching.search(start)):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FaultProxy:
    """A running proxy, safe to be told and asked from any thread. Make one by ``fault_proxy``."""

    def __init__(self, target: tuple[str, int], *, http: bool) -> None:
        self._target, self._http = target, http
        self._lock = Lock()
        self._always = _Rule()
        self._rules: list[_Rule] = []
        self._seen: list[Message] = []
        self._accepted = 0
        self._stopping = Event()
        self._connections: dict[_Connection, Thread] = {}
        self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    # --- telling -------------------------------------------------------------------------------------

    def always(self, mode: Mode, *, seconds: float = 0.0) -> None:
        """From now on, for every message and connection; rules given before are dropped."""
        with self._lock:
            self._rules.clear()
            self._always = _Rule(mode=mode, seconds=seconds)
        if mode is Mode.REFUSE:
            self._deafen()
        elif not self._acceptor.is_alive():
            self._listen(self.port)

    def sometimes(
        self,
        mode: Mode,
        *,
        times: int | None = 1,
        matching: str | None = None,
        after: int = 0,
        seconds: float = 0.0,
    ) -> None:
        """For the next ``times`` (None: all) whose start ``matching`` (a regular expression) is found in,
        not counting the first ``after``. Over HTTP these are requests; elsewhere connections or, with
        ``matching``, messages. Of several rules the oldest that fits decides.
        """
        pattern = re.compile(matching) if matching is not None else None
        rule = _Rule(mode=mode, seconds=seconds, times=times, matching=pattern, after=after)
        with self._lock:
            self._rules.append(rule)

    def hang_up(self) -> None:
        """Close every connection there is, as a server does that has waited long enough."""
        for connection, _ in self._running():
            connection.wake()

    # --- asking --------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where an HTTP client finds it."""
        return f"http://{HOST}:{self.port}"

    @property
    def accepted(self) -> int:
        """How many connections clients have made."""
        with self._lock:
            return self._accepted

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._running())

    def messages(self) -> list[Message]:
        """What the server got whole, oldest first."""
        with self._lock:
            return list(self._seen)

    @property
    def unused(self) -> int:
        """How many rules still wait for a message or a connection that they may spoil."""
        with self._lock:
            return len([rule for rule in self._rules if rule.times != 0])

    def calls(self) -> list[str]:
        """Over HTTP: method and path of each request that the server got whole."""
        return [message.call for message in self.messages()]

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._seen.clear()
            self._accepted = 0

    # --- its life ------------------------------------------------------------------------------------

    def close(self) -> None:
        """End every connection and thread."""
        self._stopping.set()
        self._deafen()
        for connection, thread in self._running():
            connection.wake()
            thread.join()

    def _running(self) -> list[tuple["_Connection", Thread]]:
        with self._lock:
            return list(self._connections.items())

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server((HOST, port))
        self._acceptor = Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._acceptor.start()

    def _deafen(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                connection = _Connection(self, client)
                thread = Thread(target=self._serve, args=(connection,), daemon=True)
                with self._lock:
                    self._accepted += 1
                    self._connections[connection] = thread
                thread.start()

    def _serve(self, connection: "_Connection") -> None:
        connection.run()
        with self._lock:
            del self._connections[connection]

    # --- what its connections ask --------------------------------------------------------------------

    def _for_connection(self) -> _Rule | None:
        """The rule that takes a whole new connection, which there is only where no requests can be told."""
        with self._lock:
            whole = [rule for rule in self._rules if rule.matching is None and not self._http]
            return next((rule for rule in whole if rule.takes("")), None)

    def _for_message(self, message: Message) -> _Rule:
        with self._lock:
            fitting = [rule for rule in self._rules if rule.matching or self._http]
            return next((rule for rule in fitting if rule.takes(message.start)), self._always)

    def _pass_on(self, message: Message, server: socket.socket) -> None:
        with self._lock:
            self._seen.append(message)
        server.sendall(message.data)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise ConnectionAbortedError


class _Connection:
    """One client and the server, in a thread of their own. ``ConnectionAbortedError``: reset the client."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server: socket.socket | None = None
        self._requests = HttpRequests() if proxy._http else Pieces()
        self._whole: _Rule | None = None
        self._last = _Rule()

    def wake(self) -> None:
        """End whatever it waits for; from another thread."""
        for end in (self._client, self._server):
            if end is not None:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Until either side closes, or a fault ends it."""
        with self._client:
            try:
                self._open()
            except OSError:
                with suppress(OSError):
                    self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _open(self) -> None:
        """Over HTTP nothing goes wrong before there is a request; elsewhere the server may speak first."""
        self._whole = self._proxy._for_connection()
        first = self._whole or (_Rule() if self._proxy._http else self._proxy._always)
        match first.mode:
            case Mode.REFUSE:
                raise ConnectionAbortedError
            case Mode.BLACKHOLE:
                self._swallow()
            case Mode.LATENCY:
                self._proxy._wait(first.seconds)
        with socket.create_connection(self._proxy._target) as server:
            self._server = server
            self._talk(server)

    def _talk(self, server: socket.socket) -> None:
        with DefaultSelector() as selector:
            selector.register(self._client, EVENT_READ, self._from_client)
            selector.register(server, EVENT_READ, self._from_server)
            while all(key.data(server) for key, _ in selector.select()):
                pass

    def _from_client(self, server: socket.socket) -> bool:
        data = self._client.recv(_PIECE)
        for message in self._requests.feed(data):
            self._last = self._whole or self._proxy._for_message(message)
            self._act(message, server)
        return bool(data)

    def _act(self, message: Message, server: socket.socket) -> None:
        match self._last.mode:
            case Mode.REFUSE:
                raise ConnectionAbortedError
            case Mode.BLACKHOLE:
                self._swallow()
            case Mode.HALF_REQUEST:
                server.sendall(message.data[: len(message.data) // 2])
                raise ConnectionAbortedError
            case Mode.HTML_404 | Mode.HTML_502 as mode:
                self._client.sendall(_page(_PAGES[mode]))
            case Mode.LATENCY:
                self._proxy._wait(self._last.seconds)
                self._proxy._pass_on(message, server)
            case _:
                self._proxy._pass_on(message, server)

    def _from_server(self, server: socket.socket) -> bool:
        data = server.recv(_PIECE)
        match self._last.mode:
            case Mode.RESET_REPLY:
                raise ConnectionAbortedError
            case Mode.SLOW:
                self._trickle(data)
            case _:
                self._client.sendall(data)
        return bool(data)

    def _trickle(self, data: bytes) -> None:
        for byte in data:
            self._proxy._wait(self._last.seconds)
            self._client.sendall(bytes([byte]))

    def _swallow(self) -> None:
        while self._client.recv(_PIECE):
            pass
        raise ConnectionAbortedError


def _page(status: str) -> bytes:
    body = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


@contextmanager
def fault_proxy(host: str, port: int, *, http: bool = False) -> Iterator[FaultProxy]:
    """A proxy before ``host``:``port`` on a free port of loopback; ``http``: it speaks HTTP/1.1."""
    proxy = FaultProxy((host, port), http=http)
    try:
        yield proxy
    finally:
        proxy.close()

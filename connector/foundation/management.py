"""The management port: whether this process lives, whether it is ready, and its figures, for the machine
that runs it. It owns the listener and the form of the answers; what is checked and counted is handed to it.

============  ========================================================================================
``/healthz``  200 while the process lives
``/readyz``   200 or 503 with JSON: ``ready``; ``failed``, each check that does not hold and why;
              ``degraded``, what is away outside, which never makes us unready
``/metrics``  the figures in Prometheus' text form
============  ========================================================================================
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from connector.domain.errors import UsherError
from connector.foundation.config import ConfigError, ManagementSettings
from connector.foundation.metrics import CONTENT_TYPE
from connector.foundation.observe import mask_text

_LOOK = 0.2
"""Seconds after which the listener sees that it is to end."""

PATIENCE = 10.0
"""Seconds that a connection may say nothing."""

Check = Callable[[], str | None]
"""None if all is well, else a sentence; it may as well raise."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the port tells of. ``degraded`` names what is away; ``figures`` is Prometheus' text."""

    checks: Mapping[str, Check]
    degraded: Callable[[], Sequence[str]]
    figures: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What ``/readyz`` says."""

    failed: Mapping[str, str]
    degraded: Sequence[str]

    @property
    def is_ready(self) -> bool:
        """Whether every check holds."""
        return not self.failed

    def as_json(self) -> dict[str, Any]:
        """The answer's body."""
        return {"ready": self.is_ready, "failed": dict(self.failed), "degraded": list(self.degraded)}


def readiness_of(watched: Watched) -> Readiness:
    """Every check, made now. What is away outside is not known while the database is."""
    answers = {name: _answer(name, check) for name, check in watched.checks.items()}
    failed = {name: answer for name, answer in answers.items() if answer is not None}
    return Readiness(failed=failed, degraded=() if failed else tuple(watched.degraded()))


def _answer(name: str, check: Check) -> str | None:
    try:
        found = check()
    except UsherError as error:
        found = str(error)
    except Exception as error:
        log.exception("check_crashed", check=name)
        found = f"The check failed ({type(error).__name__}); see the log."
    return None if found is None else mask_text(found)


# --- the listener ----------------------------------------------------------------------------------


class ManagementServer:
    """Listens while it is entered; ``port`` 0 means not at all."""

    def __init__(self, settings: ManagementSettings, watched: Watched) -> None:
        self._settings = settings
        self._watched = watched
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> "ManagementServer":
        """:raises ConfigError: the port is taken, or the host is none of this machine's."""
        if self._settings.port:
            self._server = self._listening()
            threading.Thread(
                target=self._server.serve_forever, args=(_LOOK,), name="management", daemon=True
            ).start()
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _listening(self) -> ThreadingHTTPServer:
        host, port = self._settings.host, self._settings.port
        try:
            return _server_class(host)((host, port), _handler(self._watched))
        except OSError as error:
            raise ConfigError.of(
                f"cannot listen on {host} port {port}: {error.strerror or error}. If another `usher` does, "
                "give each a port of its own by management.port or --management-port (0: none).",
                where="management",
            ) from error


def _server_class(host: str) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True
        allow_reuse_address = True

    return Server


def _handler(watched: Watched) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version, sys_version = "usher", ""

        def do_GET(self) -> None:
            """Answer one of the three paths."""
            path = self.path.partition("?")[0]
            try:
                status, kind, body = _ANSWERS.get(path, _nothing)(watched)
            except Exception:
                log.exception("management_crashed")
                status, kind, body = 500, "text/plain", b"see the log\n"
            self._send(status, kind, body)

        def do_HEAD(self) -> None:
            """As GET, without the body."""
            self.do_GET()

        def log_message(self, *_args: Any) -> None:
            """A probe each few seconds is not worth a line."""

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


# --- the answers -----------------------------------------------------------------------------------

_Answer = tuple[int, str, bytes]


def _alive(_watched: Watched) -> _Answer:
    return 200, "text/plain", b"alive\n"


def _ready(watched: Watched) -> _Answer:
    found = readiness_of(watched)
    body = json.dumps(found.as_json()).encode() + b"\n"
    return 200 if found.is_ready else 503, "application/json", body


def _figures(watched: Watched) -> _Answer:
    return 200, CONTENT_TYPE, watched.figures()


def _nothing(_watched: Watched) -> _Answer:
    return 404, "text/plain", b"/healthz, /readyz or /metrics\n"


_ANSWERS: Mapping[str, Callable[[Watched], _Answer]] = {
    "/healthz": _alive,
    "/readyz": _ready,
    "/metrics": _figures,
}

"""``serve``, ``worker`` and ``run``: the processes of an installation. It owns how they start and stop.

SIGTERM or SIGINT: the management port says that we are not ready, nothing new is begun, what was begun is
finished, within half a minute. A second signal: at once.
"""

import errno
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from connector.cli.context import invocation, opened_core
from connector.cli.healthcheck import ManagementPort
from connector.cli.output import console
from connector.foundation.config import ConfigError, ServerSettings
from connector.foundation.metrics import shared_figures
from connector.foundation.observe import configure_logging

if TYPE_CHECKING:
    from connector.application.worker import Worker
    from connector.bootstrap import Core

Host = Annotated[str | None, typer.Option(help="Instead of server.host of the configuration.")]
Port = Annotated[
    int | None, typer.Option(help="Instead of server.port of the configuration.", min=1, max=65535)
]

REQUESTS_AT_A_TIME = min(8, 2 * multiprocessing.cpu_count() + 1)
"""What one web process works on at once; the web server warns of more threads than that."""

_WEB_GRACE = 20
"""Seconds for the requests that run at the end."""

_PORT_PATIENCE = 5.0
"""Seconds to wait for a port that somebody has."""

log = structlog.get_logger()


class Stop:
    """The end of this process, asked for by a signal."""

    def __init__(self) -> None:
        self._deeds: list[Callable[[], object]] = []
        self.is_begun = False
        self.failed = False

    def do(self, deed: Callable[[], object]) -> None:
        """One more thing to do at the first signal; it must return at once."""
        self._deeds.append(deed)

    def listen(self) -> None:
        """Take the signals from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._heard)

    def _heard(self, *_signal: object) -> None:
        if self.is_begun:
            os._exit(1)
        self.is_begun = True
        for deed in self._deeds:
            deed()


def serve(
    context: typer.Context, host: Host = None, port: Port = None, management_port: ManagementPort = None
) -> None:
    """Serve SCIM, the invitation pages and the OpenID provider."""
    configure_logging()
    with shared_figures(), opened_core(context, serves=True) as core:
        stop, web = Stop(), _web(core, host, port)
        with _tended(core, stop, web, management_port):
            _serve(web, invocation(context).path(), stop)


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is due.")] = False,
    management_port: ManagementPort = None,
) -> None:
    """Carry out what waits in the outbox."""
    from connector.bootstrap import checkpoints, opened_worker

    configure_logging()
    with shared_figures(), opened_core(context, works=True) as core, opened_worker(core) as one:
        if once:
            with checkpoints(core):
                console.print(f"{one.drain()} tried.")
            return
        stop = Stop()
        stop.listen()
        with _tended(core, stop, None, management_port), _working(one, stop) as thread:
            thread.join()


def run(
    context: typer.Context, host: Host = None, port: Port = None, management_port: ManagementPort = None
) -> None:
    """Serve and work, together: all that a small installation needs."""
    from connector.bootstrap import opened_worker

    configure_logging()
    with shared_figures(), opened_core(context, works=True) as core, opened_worker(core) as one:
        stop, web = Stop(), _web(core, host, port)
        with _tended(core, stop, web, management_port), _working(one, stop):
            _serve(web, invocation(context).path(), stop)


def _web(core: "Core", host: str | None, port: int | None) -> ServerSettings:
    given = {"host": host, "port": port}
    web = core.settings.server.model_copy(update={k: v for k, v in given.items() if v is not None})
    return web.model_copy(update={"host": _free_address(web)})


def _free_address(web: ServerSettings) -> str:
    """The numeric address to listen on. Tried first, because the web server itself would share a port with
    another Usher without a word, and each would get half of the requests. The web process of one that was
    killed takes a moment to end.

    :raises ConfigError: nobody can listen there.
    """
    until = time.monotonic() + _PORT_PATIENCE
    while True:
        try:
            return _tried_address(web)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            raise ConfigError.of(
                f"cannot listen on {web.host} port {web.port}: {error.strerror or error}. Name another by "
                "server.host and server.port, or --host and --port.",
                where="server",
            ) from error


def _tried_address(web: ServerSettings) -> str:
    family, kind, _, _, address = socket.getaddrinfo(web.host, web.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
    return str(address[0])


@contextmanager
def _tended(core: "Core", stop: Stop, web: ServerSettings | None, port: int | None) -> Iterator[None]:
    """The management port, and the care for the database, meanwhile."""
    from connector.bootstrap import checkpoints, make_management

    with make_management(core, stopping=lambda: stop.is_begun, web=web, port=port), checkpoints(core):
        where = {"host": web.host, "port": web.port} if web else {}
        log.info(
            "started", version=version("portal-usher"), database=core.engines.write.dialect.name, **where
        )
        yield
        log.info("stopped")


@contextmanager
def _working(one: "Worker", stop: Stop) -> Iterator[threading.Thread]:
    """A worker beside whatever happens inside; stopped, and waited for, at the end. It has a thread of its
    own: a signal interrupts the main one, which must then hold no lock that stopping needs.
    """
    thread = threading.Thread(target=_run, args=(one, stop), name="worker")
    stop.do(one.stop)
    thread.start()
    try:
        yield thread
    finally:
        one.stop()
        thread.join()
        if stop.failed:
            raise typer.Exit(1)


def _run(one: "Worker", stop: Stop) -> None:
    """Work to the end. Should the worker break, the process ends with it: whoever started it shall see."""
    try:
        one.run()
    except Exception:
        log.exception("worker_crashed")
        stop.failed = True
        os.kill(os.getpid(), signal.SIGTERM)


def _serve(web: ServerSettings, config: Path, stop: Stop) -> None:
    """Serve until SIGINT or SIGTERM. The web process is a fresh one: nothing of ours is forked into it."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    from connector.wsgi import CONFIG_VARIABLE, PARENT_VARIABLE

    os.environ[CONFIG_VARIABLE] = str(config)
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "connector.wsgi:create_app",
        factory=True,
        address=web.host,
        port=web.port,
        interface=Interfaces.WSGI,
        workers=1,
        workers_kill_timeout=_WEB_GRACE,
        blocking_threads=REQUESTS_AT_A_TIME,
        log_access=False,
        log_level=LogLevels.warning,
        websockets=False,
    )
    stop.do(server.signal_handler_interrupt)
    # The server takes the signals for itself when it starts.
    server.on_startup(stop.listen)
    server.serve()

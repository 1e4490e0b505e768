"""``serve``, ``worker`` and ``run``: the processes of an installation. It owns how they start and stop."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import invocation, opened_core
from connector.cli.output import console
from connector.foundation.config import Settings
from connector.foundation.observe import configure_logging

if TYPE_CHECKING:
    from connector.application.worker import Worker

Host = Annotated[str | None, typer.Option(help="Instead of server.host of the configuration.")]
Port = Annotated[int | None, typer.Option(help="Instead of server.port of the configuration.")]

REQUESTS_AT_A_TIME = min(8, 2 * multiprocessing.cpu_count() + 1)
"""What one web process works on at once; the web server warns of more threads than that."""


def serve(context: typer.Context, host: Host = None, port: Port = None) -> None:
    """Serve SCIM, the invitation pages and the OpenID provider."""
    configure_logging()
    with opened_core(context) as core:
        settings = core.settings
    _serve(settings, invocation(context).path(), host, port)


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is due.")] = False,
) -> None:
    """Carry out what waits in the outbox."""
    from connector.bootstrap import make_worker, opened_store_lock

    configure_logging()
    with opened_core(context) as core, opened_store_lock(core):
        one = make_worker(core)
        one.recover()
        if once:
            console.print(f"{one.drain()} tried.")
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: one.stop())
        one.run()


def run(context: typer.Context, host: Host = None, port: Port = None) -> None:
    """Serve and work, together: all that a small installation needs."""
    from connector.bootstrap import make_worker, opened_store_lock

    configure_logging()
    with opened_core(context) as core, opened_store_lock(core), _working(make_worker(core)):
        _serve(core.settings, invocation(context).path(), host, port)


@contextmanager
def _working(one: "Worker") -> Iterator[None]:
    """A worker beside whatever happens inside; stopped, and waited for, at the end."""
    one.recover()
    thread = threading.Thread(target=one.run, name="worker")
    thread.start()
    try:
        yield
    finally:
        one.stop()
        thread.join()


def _serve(settings: Settings, config: Path, host: str | None, port: int | None) -> None:
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
        address=host or settings.server.host,
        port=port or settings.server.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=REQUESTS_AT_A_TIME,
        log_access=False,
        log_level=LogLevels.warning,
        websockets=False,
    )
    server.serve()

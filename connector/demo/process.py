"""A program that runs beside us, in a process group of its own so that nothing of it outlives us. It
owns starting, watching and stopping; it must not know which program it is.
"""

import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

from connector.demo.errors import DemoError

LOG_LINES = 15
STOP_SECONDS = 15.0
POLL_SECONDS = 0.25


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


SLOW = "A slow or full machine is the usual cause: close other programs and start again."
DEAD = "If the lines above do not say what to change, start again."


class Child:
    """One program. Use as a context manager: it is stopped at the end, whatever the end is.

    :param name: what to call it in an error.
    :param log: file for all its output; begun anew.
    :raises DemoError: at start, when the program is not there.
    """

    def __init__(self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as out:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(
                    f"{name} does not start: {error.strerror} ({command[0]}).",
                    "Check that the file is there and may be executed.",
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._process.poll()

    def wait_until(
        self, ready: Callable[[], bool], *, seconds: float, tell: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until ``ready`` answers True, calling ``tell`` now and then.

        :raises DemoError: it died, or the time is over; with the last lines of its log.
        """
        end = time.monotonic() + seconds
        while not ready():
            if not self.is_running and not ready():
                raise self.death()
            if time.monotonic() > end:
                raise self._failure(f"{self.name} was not ready after {seconds:.0f} seconds", SLOW)
            tell()
            time.sleep(POLL_SECONDS)

    def wait_until_done(self, *, seconds: float, tell: Callable[[], None] = lambda: None) -> None:
        """Wait for a program that ends by itself.

        :raises DemoError: it failed, or the time is over.
        """
        self.wait_until(lambda: self.exit_code == 0, seconds=seconds, tell=tell)

    def death(self) -> DemoError:
        """The error of a program that has ended."""
        return self._failure(f"{self.name} ended with exit code {self.exit_code}", DEAD)

    def _failure(self, what: str, do: str) -> DemoError:
        return DemoError(
            f"{what}. The last lines of its log:\n{self.tail()}", f"{do} The whole log is {self.log}."
        )

    def tail(self, lines: int = LOG_LINES) -> str:
        """The last lines of the log, indented."""
        with self.log.open(encoding="utf-8", errors="replace") as text:
            return "\n".join(f"    {line.rstrip()}" for line in deque(text, lines))

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """Ask the whole group to end, and end it after some seconds; fine if it has ended."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return


def watch(children: Sequence[Child], tell: Callable[[], None] = lambda: None) -> NoReturn:
    """Wait for good, calling ``tell`` now and then.

    :raises DemoError: one of them ended.
    """
    while True:
        for child in children:
            if not child.is_running:
                raise child.death()
        tell()
        time.sleep(POLL_SECONDS)

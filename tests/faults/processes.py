"""Real ``usher`` processes: started, killed, stopped, frozen, by their id. It owns them and ends them with
the block; what they do is Usher's.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_START = 20.0
_LOOK = 0.02


def wait_until(done: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition.

    :raises AssertionError: the time is over.
    """
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(_LOOK)


class Process:
    """One program of ours, with all it says in ``log``."""

    def __init__(self, module: str, *words: str, log: Path) -> None:
        self.log = log
        self._begin = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, "PYTHONFAULTHANDLER": "1"},
                start_new_session=True,  # no signal of theirs is ours, nor ours theirs
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._popen.poll()

    @property
    def said(self) -> str:
        """What it has said since it began."""
        with self.log.open("rb") as text:
            text.seek(self._begin)
            return text.read().decode(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; fine if it has ended."""
        with suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self.send(signal.SIGKILL)
        self._popen.wait()

    def stop(self, seconds: float = 30.0) -> int:
        """Ask it to end; its exit code.

        :raises AssertionError: it did not in time.
        """
        self.send_term()
        return self.wait(seconds)

    def send_term(self) -> None:
        """Ask it to end."""
        self.send(signal.SIGTERM)

    def wait(self, seconds: float) -> int:
        """Its exit code when it has ended by itself.

        :raises AssertionError: it did not in time.
        """
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGABRT)  # it says where each of its threads is
            self._popen.wait()
            raise AssertionError(f"a process did not end within {seconds:.0f} s:\n{self.tail()}") from None

    def tail(self) -> str:
        """The end of what it said."""
        return self.said[-6000:]


class Killer:
    """Starts a process again and again and kills each once it has begun to work, 0.4 to 1 s later."""

    def __init__(
        self, start: Callable[[], Process], is_working: Callable[[Process], bool], pick: random.Random
    ) -> None:
        self._start, self._is_working, self._pick = start, is_working, pick
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer")
        self._error: Exception | None = None
        self.kills = 0

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Leave nothing running.

        :raises AssertionError: a process ended in some other way than by a kill.
        """
        self._stopping.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._one_life()
        except Exception as error:  # a thread's error would be lost
            self._error = error

    def _one_life(self) -> None:
        process = self._start()
        try:
            until = time.monotonic() + LONGEST_START
            while not self._is_working(process) and time.monotonic() < until:
                assert process.exit_code is None, (
                    f"it ended by itself ({process.exit_code}):\n{process.tail()}"
                )
                if self._stopping.wait(_LOOK):
                    return
            self._stopping.wait(self._pick.uniform(0.4, 1.0))
            assert process.exit_code is None, f"it ended by itself ({process.exit_code}):\n{process.tail()}"
        finally:
            process.kill()
        self.kills += 1


@contextmanager
def killing(*killers: Killer) -> Iterator[None]:
    """Killers at work until the block ends."""
    with ExitStack() as stack:
        for killer in killers:
            killer.begin()
            stack.callback(killer.end)
        yield

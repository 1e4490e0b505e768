"""How the demo tells what it is doing. It owns the two ways of telling: a live line on a terminal,
plain lines with seconds elsewhere; it must not decide what is done.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.status import Status

MEGABYTE = 1_000_000


class Steps(Protocol):
    """Somebody who wants to know how far we are."""

    def say(self, line: str) -> None:
        """One finished line."""
        ...

    def working(self, text: str, *, brief: bool = False) -> None:
        """What goes on right now; may be called often, also within one step. ``brief``: it is over so
        soon that a line of its own would be too much.
        """
        ...


class PlainSteps:
    """Lines in a file or a pipe: each kind of work is told once, never how far it is."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._told = ""

    def say(self, line: str) -> None:
        """Print the line at once."""
        self._told = ""
        print(line, file=self._out, flush=True)

    def working(self, text: str, *, brief: bool = False) -> None:
        """Print the text up to its colon, unless it is brief or was just printed."""
        kind = text.partition(":")[0]
        if not brief and kind != self._told:
            self._told = kind
            print(f"… {kind}", file=self._out, flush=True)


class TerminalSteps:
    """A spinner with the seconds of the current work, above it what is finished."""

    def __init__(self, console: Console, status: Status, clock: Callable[[], float]) -> None:
        self._console = console
        self._status = status
        self._clock = clock
        self._kind = ""
        self._since = clock()

    def say(self, line: str) -> None:
        """Print the line above the spinner."""
        self._kind = ""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        self._status.update("")

    def working(self, text: str, *, brief: bool = False) -> None:
        """Show the text beside the spinner."""
        kind = text.partition(":")[0]
        if kind != self._kind:
            self._kind, self._since = kind, self._clock()
        self._status.update(f"{text} [dim]{self._clock() - self._since:.0f} s[/dim]")


@contextmanager
def timed(steps: Steps, done: str) -> Iterator[None]:
    """Do what is inside, then say that it is ``done`` and how many seconds it took."""
    since = time.monotonic()
    yield
    steps.say(f"ok {time.monotonic() - since:6.1f} s  {done}")


@contextmanager
def telling() -> Iterator[Steps]:
    """The way that fits standard output."""
    console = Console()
    if not console.is_terminal:
        yield PlainSteps()
        return
    with console.status("") as status:
        yield TerminalSteps(console, status, time.monotonic)

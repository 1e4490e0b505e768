"""How much longer the work at hand may take. It owns that number, for one thread; whoever begins a long
step asks first, and takes no longer than what is left.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LEFT: ContextVar[Callable[[], float]] = ContextVar("seconds_left", default=lambda: math.inf)


@contextmanager
def within(seconds: float, elapsed: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """The block is to end in so many seconds; an outer limit that is nearer stays."""
    end, outer = elapsed() + seconds, _LEFT.get()
    token = _LEFT.set(lambda: min(outer(), max(0.0, end - elapsed())))
    try:
        yield
    finally:
        _LEFT.reset(token)


def seconds_left() -> float:
    """Until the nearest limit, never below 0; infinite without one."""
    return _LEFT.get()()

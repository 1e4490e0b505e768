"""What a piece of work takes: time of the processor, and memory at its peak.

Limits are in seconds of the machine they were set on. On a slower one all of it takes longer, a sample of
such work too, so what is measured is divided by how much longer that takes.
"""

import re
import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")

_SAMPLE = re.compile(r"<([a-z]+)>|[^<]+"), "<p>some words<b>" * 2000
_SAMPLE_SECONDS = 0.0009
"""What reading the sample took where the limits were set."""


def seconds_of(work: Callable[[], Result], *, tries: int = 3) -> tuple[float, Result]:
    """CPU seconds of the quickest try, so that a busy machine counts for little; and what came of it."""
    best, result = _quickest(work, tries)
    return best / slowness(), result


@cache
def slowness() -> float:
    """How many times longer work takes here than where the limits were set; 1 at least."""
    pattern, text = _SAMPLE
    best, _ = _quickest(lambda: sum(len(found[0]) for found in pattern.finditer(text)), 20)
    return max(1.0, best / _SAMPLE_SECONDS)


def _quickest(work: Callable[[], Result], tries: int) -> tuple[float, Result]:
    best = float("inf")
    for _ in range(tries):
        begun = time.thread_time()
        result = work()
        best = min(best, time.thread_time() - begun)
    return best, result


def bytes_of(work: Callable[[], object]) -> int:
    """Bytes that Python held at most for it."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

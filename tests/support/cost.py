"""What a piece of work takes: time of the processor, and memory at its peak."""

import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def seconds_of(work: Callable[[], Result], *, tries: int = 3) -> tuple[float, Result]:
    """CPU seconds of the quickest try, so that a busy machine counts for little; and what came of it."""
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

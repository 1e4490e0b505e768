"""Waits for what other threads and processes do. It owns that a wait ends."""

import time
from collections.abc import Callable


def wait_until(done: Callable[[], object], *, seconds: float = 20.0, what: str = "it") -> None:
    """Return as soon as ``done`` says so.

    :raises AssertionError: it does not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.02)

"""Where the fault tests' chance comes from: one seed a run, printed, which repeats every choice made
here (not the machine's own timing). ``CHAOS_SEED`` sets it.
"""

import os
import random
from typing import TypeVar

_T = TypeVar("_T")

CHAOS = os.environ.get("CHAOS", "") == "1"
"""Whether ``make chaos`` runs the tests, at length, rather than ``make test``."""


def seed_of_this_run() -> int:
    """``CHAOS_SEED``, else a fresh one."""
    given = os.environ.get("CHAOS_SEED")
    return int(given) if given else random.SystemRandom().randrange(1_000_000)


def chance(seed: int, *of: str | int) -> random.Random:
    """A source of choices of its own for whatever ``of`` names."""
    return random.Random(f"{seed}/{'/'.join(map(str, of))}")  # noqa: S311 (choices, not secrets)


def scaled(short: _T, long: _T) -> _T:
    """How much of something: in ``make test``, in ``make chaos``."""
    return long if CHAOS else short

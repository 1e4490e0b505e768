"""``make chaos``: every fault test at length, round after round, over one Keycloak, until the time is over.

``CHAOS_MINUTES`` (20) is how long; a round that was begun is finished. ``CHAOS_DATABASES``
(``sqlite,postgresql``) is where. Each round has a seed, said at its start and with the command that repeats
it when an invariant broke; ``CHAOS_SEED`` sets the first. ``CHAOS_ONLY`` is handed to pytest's ``-k``.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.demo.keycloak import running_keycloak
from connector.demo.steps import PlainSteps
from tests.faults.seeds import seed_of_this_run
from tests.support.databases import KINDS

HERE = Path(__file__).parent
GIVEN = "USHER_TEST_KEYCLOAK"


def main() -> int:
    """Rounds until the time is over; 1 as soon as an invariant broke."""
    minutes = float(os.environ.get("CHAOS_MINUTES", "20"))
    databases = os.environ.get("CHAOS_DATABASES", ",".join(KINDS))
    until, seed, rounds = time.monotonic() + 60 * minutes, seed_of_this_run(), 0
    with _a_keycloak() as keycloak:
        while rounds == 0 or time.monotonic() < until:
            print(f"\nRound {rounds + 1}: CHAOS_SEED={seed} CHAOS_DATABASES={databases}", flush=True)
            if not _round(keycloak, seed):
                print(
                    f"\nTo repeat: make chaos CHAOS_SEED={seed} CHAOS_DATABASES={databases} CHAOS_MINUTES=0"
                )
                return 1
            seed, rounds = seed + 1, rounds + 1
    print(f"\n{rounds} rounds on {databases}: every invariant was kept.")
    return 0


def _round(keycloak: str, seed: int) -> bool:
    command = [sys.executable, "-m", "pytest", str(HERE), "-x", "-v", "-rP", "--no-header", "--tb=short"]
    if only := os.environ.get("CHAOS_ONLY"):
        command += ["-k", only]
    env = {**os.environ, "CHAOS": "1", "CHAOS_SEED": str(seed), GIVEN: keycloak}
    return subprocess.run(command, env=env, cwd=HERE.parents[1], check=False).returncode == 0


@contextmanager
def _a_keycloak() -> Iterator[str]:
    """The one that is given, else one for all rounds."""
    if given := os.environ.get(GIVEN):
        yield given
        return
    with (
        TemporaryDirectory(prefix="usher-chaos-") as folder,
        running_keycloak(Path(folder), PlainSteps(), os.environ) as server,
    ):
        yield f"{server.url},{server.admin_user},{server.admin_password}"


if __name__ == "__main__":
    sys.exit(main())

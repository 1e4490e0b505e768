"""Workers in fault tests: some that are left alone, some that are killed again and again. It owns which
processes these are; what must come of it is ``invariants``'s.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.faults.installation import Installation
from tests.faults.processes import Killer, Process
from tests.faults.seeds import chance


def is_working(worker: Process) -> bool:
    """Whether it has carried out something."""
    return '"event": "effect"' in worker.said


def killed_workers(installation: Installation, count: int, seed: int) -> list[Killer]:
    """Killers of so many workers."""
    return [
        Killer(
            partial(installation.start, "worker", name=f"killed-{number}"),
            is_working,
            chance(seed, "worker", number),
        )
        for number in range(count)
    ]


@contextmanager
def working(installation: Installation, count: int = 1) -> Iterator[list[Process]]:
    """Workers that nobody kills; at the end they are asked to stop, and must.

    :raises AssertionError: one did not end well and in time.
    """
    running = [installation.start("worker", name=f"worker-{number}") for number in range(count)]
    try:
        yield running
        for worker in running:
            worker.send_term()
        codes = [worker.wait(30.0) for worker in running]
        assert codes == [0] * count, "\n".join(worker.tail() for worker in running)
    finally:
        for worker in running:
            worker.kill()


def deliver(installation: Installation, workers: int = 1) -> None:
    """All that waits, once nothing fails any more.

    :raises AssertionError: it did not get through in time.
    """
    with working(installation, workers):
        installation.wait_until_settled()

"""F7: the disk is full: nothing more is taken, what was answered stays, and it goes on by itself."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.conftest import SHORT_LEASE, Install
from tests.faults.door import Door, door_of, opened
from tests.faults.invariants import check
from tests.faults.processes import wait_until


def test_fault_f7_a_full_disk_is_answered_503_and_it_goes_on_by_itself(install: Install) -> None:
    """What the worker had done and could not write down is done again when its lease is over."""
    with install(worker=SHORT_LEASE) as installation:
        door = door_of(installation)
        with opened(door) as process:
            assert all(door.create(number) for number in range(20))
            with _files_as_big_as_they_are(process.pid, Path(f"{installation.folder}/usher.db-wal")):
                answers = [_status_of(door, number) for number in range(100, 130)]
            assert 503 in answers
            assert set(answers) <= {201, 503}
            wait_until(lambda: door.create(200) is not None, 20.0, "it writes again")
            installation.wait_until_settled()
        check(installation, now=time.time())


@contextmanager
def _files_as_big_as_they_are(pid: int, largest: Path) -> Iterator[None]:
    """For a process and its children no file grows beyond the size of this one, meanwhile."""
    pids = _tree(pid)
    before = {one: resource.prlimit(one, resource.RLIMIT_FSIZE) for one in pids}
    size = largest.stat().st_size
    for one, (_, hard) in before.items():
        resource.prlimit(one, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for one, limits in before.items():
            resource.prlimit(one, resource.RLIMIT_FSIZE, limits)


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _status_of(door: Door, number: int) -> int:
    """What the request for a new user is answered."""
    answer = door.ask_to_create(number)
    assert answer is not None, "no answer at all"
    return answer.status_code

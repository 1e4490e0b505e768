"""F6: PostgreSQL stops at once under load, as if the power failed: no answered change is lost."""

import time

from tests.faults.conftest import SHORT_LEASE, Install
from tests.faults.door import Door, door_of, opened
from tests.faults.invariants import check
from tests.faults.postgres import OwnPostgres
from tests.faults.processes import wait_until
from tests.faults.seeds import chance, scaled
from tests.faults.watcher import Watcher
from tests.faults.workers import working


def test_fault_f6_no_answered_change_is_lost_when_postgresql_stops_at_once(
    install: Install, server: OwnPostgres, seed: int
) -> None:
    pick = chance(seed, "power")
    with install(database=server.url(), worker=SHORT_LEASE) as installation:
        door = door_of(installation)
        feeder = installation.start_feeder(seed, shortest=3600, longest=3600)
        with Watcher(installation.database) as watcher, working(installation, 2), opened(door, "serve"):
            for outage in range(scaled(2, 10)):
                made = _create_for(door, outage * 10_000, pick.uniform(0.5, 1.5))
                assert made > 0
                server.stop_at_once()
                assert door.create(outage * 10_000 + 9_000) is None, "answered without a database"
                server.start()
                wait_until(lambda n=outage: door.create(n * 10_000 + 9_001), 30.0, "it writes again")  # type: ignore[misc]
            assert feeder.stop() == 0, feeder.tail()
            installation.wait_until_settled()
        check(installation, now=time.time(), watched=watcher.seen)


def _create_for(door: Door, first: int, seconds: float) -> int:
    until = time.monotonic() + seconds
    made = 0
    while time.monotonic() < until:
        made += door.create(first + made) is not None
    return made

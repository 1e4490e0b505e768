"""F8: started and stopped again and again while there is work: each stop is clean, and the next goes on."""

import time
from signal import SIGTERM

from tests.faults.conftest import Install, a_postgresql
from tests.faults.invariants import check
from tests.faults.processes import wait_until
from tests.faults.seeds import scaled
from tests.faults.watcher import Watcher
from tests.faults.workers import deliver, is_working
from tests.support.databases import PostgresServer
from tests.support.fault_proxy import Mode


def test_fault_f8_each_stop_is_clean_and_gives_back_what_was_not_begun(
    install_any: Install, seed: int
) -> None:
    rounds = scaled(2, 20)
    with install_any() as installation:
        feeder = installation.start_feeder(seed, shortest=3600, longest=3600, pause=0.02)
        with Watcher(installation.database) as watcher:
            for number in range(rounds):
                worker = installation.start("worker", name="stopped")
                wait_until(lambda one=worker: is_working(one), 20.0, f"worker {number} works")  # type: ignore[misc]
                assert worker.stop(30.0) == 0, worker.tail()
                assert [row for row in installation.rows() if row.state == "running"] == []
            assert feeder.stop() == 0, feeder.tail()
            deliver(installation, installation.most_workers)
        check(installation, now=time.time(), watched=watcher.seen)


def test_fault_f8_others_take_over_at_once_what_a_stopped_worker_had(
    install: Install, postgres: PostgresServer
) -> None:
    """Without waiting for a lease, which lasts longer than this test may."""
    worker = {"lease": "10m", "account_slots": 1}
    with install(database=a_postgresql(postgres), worker=worker) as installation:
        clerk = installation.clerk
        for number in range(8):
            clerk.create(number)
        installation.keycloak_proxy.always(Mode.LATENCY, seconds=0.3)
        first = installation.start("worker", name="first")
        wait_until(lambda: is_working(first), 20.0, "the first works")
        assert first.stop(30.0) == 0, first.tail()
        installation.keycloak_proxy.always(Mode.OK)
        assert installation.waiting()
        deliver(installation)
        check(installation, now=time.time())


def test_fault_f8_a_second_signal_ends_it_at_once(install: Install) -> None:
    with install() as installation:
        installation.clerk.create(1)
        installation.keycloak_proxy.always(Mode.BLACKHOLE)
        worker = installation.start("worker", name="impatient")
        wait_until(lambda: installation.keycloak_proxy.accepted > 0, 20.0, "a call is under way")
        worker.send(SIGTERM)
        time.sleep(0.5)
        assert worker.exit_code is None, "it does not wait for what it began"
        worker.send(SIGTERM)
        worker.wait(3.0)
        installation.keycloak_proxy.always(Mode.OK)
        deliver(installation)
        check(installation, now=time.time())

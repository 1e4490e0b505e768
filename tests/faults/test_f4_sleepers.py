"""F4: a worker that sleeps past its leases and wakes: what it wrote late is written over, and nothing new
is begun from what it still holds.
"""

import time
from contextlib import closing
from signal import SIGCONT, SIGSTOP

from sqlalchemy import text

from connector.domain.model import PortalUser
from connector.store.sqlite import sqlite_module
from tests.faults.conftest import SHORT_LEASE, Install, a_postgresql
from tests.faults.installation import Installation
from tests.faults.invariants import check
from tests.faults.processes import Process, wait_until
from tests.faults.watcher import Watcher
from tests.faults.workers import is_working, working
from tests.support.databases import PostgresServer
from tests.support.fault_proxy import Mode

PAST_THE_LEASE = 7.5
LATE = 10.0
"""Seconds for which a call is held up."""

_IN_TRANSACTION = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND state <> 'idle'"
)


def freeze(worker: Process, installation: Installation) -> None:
    """Send it to sleep, not in a transaction: then nobody could write until it wakes or the database ends
    its session.
    """
    for _ in range(100):
        worker.send(SIGSTOP)
        if _others_may_write(installation):
            return
        worker.send(SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the worker is always in a transaction")


def _others_may_write(installation: Installation) -> bool:
    if installation.database.startswith("sqlite"):
        return _takes_the_lock(installation.database.removeprefix("sqlite:///"))
    with installation.engines.read.begin() as connection:
        return connection.execute(_IN_TRANSACTION).scalar() == 0


def _takes_the_lock(path: str) -> bool:
    """By the library that the store uses: of two in one process, each would undo the other's locks."""
    library = sqlite_module()
    with closing(library.connect(path, timeout=0.1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except library.OperationalError:
            return False
    return True


def effects(worker: Process) -> int:
    """How many tries it has ended."""
    return worker.said.count('"event": "effect"')


def test_fault_f4_a_newer_write_follows_the_late_one(install: Install, postgres: PostgresServer) -> None:
    """The sleeper's PUT that switches an account on reaches Keycloak when the user has long been disabled
    again, and the second worker has seen to that.
    """
    with install(database=a_postgresql(postgres), worker=SHORT_LEASE) as installation:
        clerk = installation.clerk
        user = clerk.create(1)
        with working(installation):
            installation.wait_until_settled()
            for action in ("activate", "disable"):
                clerk.do(action, user)
                installation.wait_until_settled()
        proxy = installation.keycloak_proxy
        (user,) = clerk.all()
        proxy.forget()
        proxy.sometimes(Mode.LATENCY, matching="^PUT ", seconds=LATE)
        with Watcher(installation.database) as watcher:
            sleeper = installation.start("worker", name="sleeper")
            user = clerk.do("enable", user)
            wait_until(lambda: proxy.calls(), 20.0, "it has read the account")
            time.sleep(0.3)
            freeze(sleeper, installation)
            asleep_since = time.monotonic()
            clerk.do("disable", user)
            with working(installation):
                wait_until(lambda: not installation.waiting(), 20.0, "the other worker has done it")
                wait_until(lambda: _is_on(installation, user), 20.0, "the late write has come")
                assert time.monotonic() - asleep_since > PAST_THE_LEASE
                sleeper.send(SIGCONT)
                wait_until(lambda: '"kept": false' in sleeper.said, 20.0, "the sleeper lost its row")
                installation.wait_until_settled()
            assert sleeper.stop() == 0, sleeper.tail()
        check(installation, now=time.time(), watched=watcher.seen)


def _is_on(installation: Installation, user: PortalUser) -> bool:
    return bool(installation.realm.console.get(f"users/{user.account_id}")["enabled"])


def test_fault_f4_awake_again_it_begins_nothing_that_it_took_before(
    install: Install, postgres: PostgresServer
) -> None:
    worker = {**SHORT_LEASE, "account_slots": 1}
    with install(database=a_postgresql(postgres), worker=worker) as installation:
        clerk = installation.clerk
        for number in range(15):
            clerk.create(number)
        installation.keycloak_proxy.always(Mode.LATENCY, seconds=0.5)
        with Watcher(installation.database) as watcher:
            sleeper = installation.start("worker", name="sleeper")
            wait_until(lambda: is_working(sleeper), 20.0, "the sleeper works")
            freeze(sleeper, installation)
            held = [row for row in installation.waiting() if row.state == "running"]
            before = effects(sleeper)
            installation.keycloak_proxy.always(Mode.OK)
            with working(installation):
                installation.wait_until_settled()
            calls = len(installation.keycloak_proxy.calls())
            sleeper.send(SIGCONT)
            time.sleep(2.0)
            installation.wait_until_settled()
            assert sleeper.stop() == 0, sleeper.tail()
        assert len(held) > 2, "it held more than it had begun"
        # The call that was under way, once more after it was lost, and no other.
        assert effects(sleeper) - before <= 4
        made_late = installation.keycloak_proxy.calls()[calls:]
        assert not [call for call in made_late if call.startswith("POST") and call.endswith("/users")][2:]
        check(installation, now=time.time(), watched=watcher.seen)


def test_fault_f4_the_only_worker_of_a_file_goes_on_where_it_was(install: Install) -> None:
    with install(worker=SHORT_LEASE) as installation:
        clerk = installation.clerk
        for number in range(15):
            clerk.create(number)
        with Watcher(installation.database) as watcher:
            sleeper = installation.start("worker", name="sleeper")
            wait_until(lambda: is_working(sleeper), 20.0, "the sleeper works")
            freeze(sleeper, installation)
            for user in clerk.all():
                clerk.do("hold", user)
            time.sleep(PAST_THE_LEASE)
            sleeper.send(SIGCONT)
            installation.wait_until_settled()
            assert sleeper.stop() == 0, sleeper.tail()
        check(installation, now=time.time(), watched=watcher.seen)

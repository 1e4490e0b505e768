"""How word of new rows travels, and what time the processes of a database go by."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from connector.domain.effects import Lane, SyncAccount
from connector.domain.errors import Misconfigured
from connector.store.clock import JUMP, ServerClock, SystemClock, make_clock
from connector.store.engine import make_engines
from connector.store.lock import only_worker
from connector.store.store import SqlStore
from connector.store.wake import CHANNEL, EventWake, NotifyWake, make_wake
from tests.support.builders import ACME, ADA, NOW, a_user, index
from tests.support.databases import Databases, PostgresServer, SqliteFiles

LONG = 20.0
"""Seconds that nothing here needs unless it is broken."""


def waited(wake: EventWake, seconds: float = LONG) -> bool:
    """Whether word came before the time was over."""
    begun = time.monotonic()
    wake.wait(seconds)
    return time.monotonic() - begun < seconds


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    yield postgres.migrated()
    postgres.forget()


def listening(postgres: PostgresServer, url: str) -> NotifyWake:
    """A worker's wake whose listener is there, and that has nothing to tell yet."""
    wake = make_wake(url, listens=True)
    assert isinstance(wake, NotifyWake)
    assert waited(wake)
    return wake


def enqueue(url: str) -> None:
    """What a web process does."""
    engines = make_engines(url)
    wake = make_wake(url, listens=False)
    store = SqlStore(engines, wake.tell)
    user = a_user()
    with store.write() as work:
        work.users.add(user, index(user))
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
    wake.close()
    engines.dispose()


def test_queue_q10_word_comes_from_another_process(postgres: PostgresServer, url: str) -> None:
    wake = listening(postgres, url)
    child = multiprocessing.get_context("spawn").Process(target=enqueue, args=(url,))
    child.start()
    assert waited(wake)
    child.join()
    wake.close()


def test_queue_q10_a_listener_that_was_cut_off_comes_back(postgres: PostgresServer, url: str) -> None:
    wake = listening(postgres, url)
    postgres.cut(url)
    assert waited(wake), "it says so when it listens again: something may have been missed"
    wake.notify()
    wake.wait(0)
    other = make_wake(url, listens=False)
    other.tell()
    assert waited(wake)
    other.close()
    wake.close()


def test_queue_q10_without_notifications_a_look_still_finds_the_row(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    wake = make_wake("postgresql://usher@127.0.0.1:1/usher", listens=True)
    engines = make_engines(url)
    with SqlStore(engines, wake.tell).write() as work:
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
    with SqlStore(engines).read() as work:
        assert work.outbox.has_due(Lane.ACCOUNT, now=NOW)
    wake.close()
    engines.dispose()
    postgres.forget()


def test_queue_q10_many_commits_are_few_notifications(postgres: PostgresServer, url: str) -> None:
    import psycopg

    wake = make_wake(url, listens=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        begun = time.monotonic()
        for _ in range(500):
            wake.tell()
            time.sleep(0.001)
        heard = sum(1 for _ in connection.notifies(timeout=1))
        seconds = time.monotonic() - begun
    assert 2 <= heard <= 10 * seconds + 1
    wake.close()


def test_queue_q10_a_commit_tells_only_of_what_it_left_to_do(databases: Databases) -> None:
    told: list[bool] = []
    engines = make_engines(databases.migrated())
    store = SqlStore(engines, lambda: told.append(True))
    with store.write() as work:
        work.users.lock(ACME, ADA)
        work.outbox.hurry(now=NOW)
    assert told == []
    with store.write() as work:
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
        assert told == []
    assert told == [True]
    with pytest.raises(KeyError):
        _fail(store)
    assert told == [True]
    engines.dispose()


def _fail(store: SqlStore) -> None:
    with store.write() as work:
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
        raise KeyError


def test_queue_q10_within_a_process_word_is_at_once_and_kept_until_somebody_waits() -> None:
    wake = make_wake("sqlite:///somewhere.db", listens=True)
    assert isinstance(wake, EventWake)
    wake.tell()
    assert waited(wake)
    assert not waited(wake, 0.01)
    threading.Timer(0.05, wake.notify).start()
    assert waited(wake)
    wake.close()


# --- Q12: the clock ---------------------------------------------------------------------------------


class Hands:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.wall_time, self.boot_time = NOW, 1000.0

    def wall(self) -> float:
        return self.wall_time

    def boot(self) -> float:
        return self.boot_time

    def pass_(self, seconds: float) -> None:
        self.wall_time += seconds
        self.boot_time += seconds


@pytest.mark.parametrize("jump", [8 * 86400, -8 * 86400, -3600, JUMP + 1, -JUMP - 1])
def test_queue_q12_a_clock_that_is_set_is_noticed_once(jump: float) -> None:
    hands = Hands()
    clock = SystemClock(wall=hands.wall, boot=hands.boot)
    hands.pass_(86400)
    assert not clock.jumped()
    hands.wall_time += jump
    assert clock.jumped()
    assert clock.now() == NOW + 86400 + jump
    assert not clock.jumped()


def test_queue_q12_a_clock_that_drifts_has_not_jumped() -> None:
    hands = Hands()
    clock = SystemClock(wall=hands.wall, boot=hands.boot)
    for _ in range(10):
        hands.pass_(20)
        hands.wall_time += JUMP / 2
        assert not clock.jumped()


def test_queue_q12_on_postgresql_the_servers_time_counts_whatever_the_machine_says(
    postgres: PostgresServer, url: str
) -> None:
    hands = Hands()
    engines = make_engines(url)
    clock = ServerClock(engines.read, boot=hands.boot)
    with engines.read.begin() as connection:
        server = float(
            connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
        )
    assert abs(clock.now() - server) < 5
    before = clock.now()
    hands.boot_time += 100
    assert clock.now() == pytest.approx(before + 100)
    assert clock.jumped(), "to this boot clock the server's time has stood still"
    assert abs(clock.now() - server) < 5
    assert not clock.jumped()
    engines.dispose()


def test_queue_q12_each_database_has_its_clock(databases: Databases) -> None:
    engines = make_engines(databases.migrated())
    clock = make_clock(engines)
    kind: Callable[..., object] = SystemClock if engines.read.dialect.name == "sqlite" else ServerClock
    assert type(clock) is kind
    assert abs(clock.now() - time.time()) < 5
    assert not clock.jumped()
    engines.dispose()


# --- Q16: how many workers --------------------------------------------------------------------------


def test_queue_q16_a_sqlite_file_has_one_worker(sqlite_files: SqliteFiles) -> None:
    url = sqlite_files.empty()
    with only_worker(url), pytest.raises(Misconfigured, match="Another worker"), only_worker(url):
        pass
    with only_worker(url):
        pass


def test_queue_q16_a_postgresql_has_as_many_workers_as_one_likes(postgres: PostgresServer) -> None:
    url = postgres.url("postgres")
    with only_worker(url), only_worker(url):
        pass

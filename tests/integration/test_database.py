"""The rules of reliability for databases, on real ones: engines, lost updates, the write-ahead log, what
failures mean. Migrations have a module of their own.
"""

import ast
import multiprocessing
import os
import re
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from connector.domain.errors import Busy, Misconfigured
from connector.domain.model import UserId
from connector.domain.query import Query
from connector.store import checkpoint, postgres
from connector.store.checkpoint import Checkpointer
from connector.store.engine import Engines, make_engines
from connector.store.migrate import current
from connector.store.store import SqlStore
from tests.support.builders import ACME, ADA, a_user, index
from tests.support.databases import Databases, PostgresServer, SqliteFiles

ROOT = Path(__file__).parents[2]
PROCESSES = 4
ROUNDS = 300
LOG_SECONDS = float(os.environ.get("USHER_TEST_LOG_SECONDS", "10"))
"""How long four writers fill the write-ahead log; a nightly run sets 60."""


@contextmanager
def opened(url: str) -> Iterator[tuple[SqlStore, Engines]]:
    engines = make_engines(url)
    try:
        yield SqlStore(engines), engines
    finally:
        engines.dispose()


def with_ada(store: SqlStore) -> None:
    user = a_user()
    with store.write() as work:
        work.users.add(user, index(user))


def processes() -> ProcessPoolExecutor:
    """Fresh processes: nothing of ours is forked into them."""
    return ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn"))


# --- D1: engines ------------------------------------------------------------------------------------


def test_database_d1_engines_are_made_in_one_place_alone() -> None:
    makers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("connector", "scim_server")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and "create_engine" in ast.unparse(node.func)
    }
    assert makers == {"connector/store/engine.py"}


def count_up(url: str) -> None:
    """Read a user, count in it, save it: each in a unit of work of its own."""
    with opened(url) as (store, _):
        for _ in range(ROUNDS):
            with store.write() as work:
                user = work.users.get(ACME, ADA)
                assert user is not None
                changed = replace(user, version=user.version + 1)
                work.users.save(changed, index(changed))


def test_database_d1_no_change_of_four_processes_is_lost(databases: Databases) -> None:
    url = databases.migrated()
    with opened(url) as (store, _):
        with_ada(store)
        with processes() as pool:
            for done in [pool.submit(count_up, url) for _ in range(PROCESSES)]:
                done.result(timeout=120)
        with store.read() as work:
            user = work.users.get(ACME, ADA)
    assert user is not None
    assert user.version == 1 + PROCESSES * ROUNDS


def test_database_d1_the_reading_engine_cannot_write(databases: Databases) -> None:
    refused = pytest.raises(DBAPIError, match=r"read-?only")
    with opened(databases.migrated()) as (_, engines), refused, engines.read.begin() as connection:
        connection.execute(text("DELETE FROM outbox"))


@pytest.mark.parametrize(
    "url", ["mysql://h/d", "sqlite://", "postgresql+asyncpg://h/d", "postgresql://h", "?"]
)
def test_a_database_that_is_not_supported_is_refused_without_showing_its_url(url: str) -> None:
    with pytest.raises(Misconfigured, match="only sqlite:///FILE and postgresql://") as caught:
        make_engines(url)
    assert url == "sqlite://" or url not in str(caught.value)


# --- D2, D3: SQLite ---------------------------------------------------------------------------------


def test_database_d2_every_connection_is_configured(sqlite_files: SqliteFiles) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 10000,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "wal_autocheckpoint": 0,
    }
    with opened(sqlite_files.migrated()) as (_, engines):
        for engine, query_only in ((engines.write, 0), (engines.read, 1)):
            with engine.connect() as connection:
                found = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                    for name in (*wanted, "query_only")
                }
            assert found == wanted | {"query_only": query_only}


def add_many(url: str, prefix: str, seconds: float) -> int:
    """Add users of a big document for so long, as a process that lives on; how many."""
    checkpointer = Checkpointer(url)
    checkpointer.start()
    added = 0
    until = time.monotonic() + seconds
    with opened(url) as (store, _):
        while time.monotonic() < until:
            name = f"{prefix}{added}"
            user = a_user(f"{name}@acme.example", id=UserId(name))
            user = replace(user, document=dict(user.document) | {"title": "x" * 20_000})
            with store.write() as work:
                work.users.add(user, index(user))
            added += 1
    checkpointer.stop()
    return added


def test_database_d3_the_log_stays_short_under_four_writers_and_nothing_is_lost(
    sqlite_files: SqliteFiles,
) -> None:
    url = sqlite_files.migrated()
    log = Path(f"{url.removeprefix('sqlite:///')}-wal")
    with processes() as pool, opened(url) as (store, _):
        running = [pool.submit(add_many, url, f"w{n}-", LOG_SECONDS) for n in range(PROCESSES)]
        longest = 0
        while not all(one.done() for one in running):
            longest = max(longest, log.stat().st_size if log.exists() else 0)
            time.sleep(0.02)
        added = sum(one.result(timeout=60) for one in running)
        with store.read() as work:
            assert work.users.documents(ACME, Query(count=1)).total == added
    assert added * 20_000 > 2 * checkpoint.LIMIT
    assert longest < 64 * 1024 * 1024


def test_database_d3_a_reader_that_stands_still_lets_the_writers_go_on(sqlite_files: SqliteFiles) -> None:
    url = sqlite_files.migrated()
    with opened(url) as (store, engines), opened(url) as (other, _):
        with_ada(store)
        with engines.read.connect() as reader:
            reader.execute(text("SELECT count(*) FROM outbox")).scalar_one()
            with ThreadPoolExecutor(1) as pool:
                path = Path(url.removeprefix("sqlite:///"))
                busy = pool.submit(checkpoint.checkpoint, path)
                with other.write() as work:
                    work.users.set_account(ACME, ADA, None)
                assert busy.result(timeout=30) is False


def test_database_d3_one_process_checkpoints_at_a_time(sqlite_files: SqliteFiles) -> None:
    path = Path(sqlite_files.migrated().removeprefix("sqlite:///"))
    with checkpoint.alone(path) as first, checkpoint.alone(path) as second:
        assert (first, second) == (True, False)


# --- D4: PostgreSQL and what failures mean ----------------------------------------------------------


def settings_of(engines: Engines, *, of_reader: bool) -> dict[str, str]:
    names = (
        "synchronous_commit",
        "lock_timeout",
        "statement_timeout",
        "transaction_isolation",
        "transaction_read_only",
    )
    with (engines.read if of_reader else engines.write).begin() as connection:
        return {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names}


def test_database_d4_every_session_is_configured(postgres: PostgresServer) -> None:
    common = {"synchronous_commit": "on", "lock_timeout": "5s", "statement_timeout": "30s"}
    with opened(postgres.empty()) as (_, engines):
        assert settings_of(engines, of_reader=False) == common | {
            "transaction_isolation": "read committed",
            "transaction_read_only": "off",
        }
        assert settings_of(engines, of_reader=True) == common | {
            "transaction_isolation": "repeatable read",
            "transaction_read_only": "on",
        }


@pytest.mark.parametrize(
    ("version", "encoding", "said"),
    [(140012, "UTF8", "PostgreSQL 14; Usher needs 15 or newer"), (150000, "SQL_ASCII", "needs UTF8")],
)
def test_database_d4_a_server_that_is_too_old_or_of_other_text_is_refused(
    version: int, encoding: str, said: str
) -> None:
    info = SimpleNamespace(server_version=version, parameter_status=lambda _: encoding)
    with pytest.raises(Misconfigured, match=re.escape(said)):
        postgres.check_server(info)


def test_database_d4_text_sorts_by_code_point_whatever_the_servers_locale(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    found = postgres.run(
        "SELECT DISTINCT collname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
        "JOIN pg_collation l ON l.oid = attcollation "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'",
        str(make_url(url).database),
    )
    assert found == [("C",)]


def write_and_lose(server: PostgresServer, url: str, store: SqlStore, *, in_commit: bool) -> None:
    with store.write() as work:
        work.users.set_account(ACME, ADA, None)
        server.cut(url)
        if not in_commit:
            work.users.set_account(ACME, ADA, None)


def test_database_d4_what_is_lost_before_the_commit_may_be_tried_again(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    with opened(url) as (store, _):
        with_ada(store)
        with pytest.raises(Busy, match="nothing was written") as caught:
            write_and_lose(postgres, url, store, in_commit=False)
        assert caught.value.transient
        with store.read() as work:
            assert work.users.get(ACME, ADA) is not None


def test_database_d4_what_is_lost_in_the_commit_may_not(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    with opened(url) as (store, _):
        with_ada(store)
        with pytest.raises(Busy, match="not known whether") as caught:
            write_and_lose(postgres, url, store, in_commit=True)
        assert not caught.value.transient
        assert "nothing was written" not in str(caught.value)


def test_database_d4_a_deadlock_may_be_tried_again(postgres: PostgresServer) -> None:
    both = threading.Barrier(2, timeout=10)
    bob = a_user("bob@acme.example", id=UserId("bob"))

    def cross(store: SqlStore, first: UserId, second: UserId) -> Busy | None:
        try:
            with store.write() as work:
                work.users.lock(ACME, first)
                both.wait()
                work.users.lock(ACME, second)
        except Busy as busy:
            return busy
        return None

    with opened(postgres.migrated()) as (store, _):
        with_ada(store)
        with store.write() as work:
            work.users.add(bob, index(bob))
        with ThreadPoolExecutor(2) as pool:
            crossed = [pool.submit(cross, store, *pair) for pair in ((ADA, bob.id), (bob.id, ADA))]
            ends = [one.result(timeout=30) for one in crossed]
    (busy,) = [end for end in ends if end]
    assert busy.transient


def test_database_d4_who_waits_too_long_for_a_lock_is_told_that_nothing_was_written(
    databases: Databases,
) -> None:
    url = databases.migrated()
    with opened(url) as (holder, _), opened(url) as (store, _):
        with_ada(store)
        with holder.write() as work:
            work.users.lock(ACME, ADA)
            with pytest.raises(Busy, match="in time; nothing was written") as caught, store.write() as late:
                late.users.lock(ACME, ADA)
        assert not caught.value.transient


def test_database_d4_a_server_that_was_restarted_costs_no_request(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    with opened(url) as (store, _):
        with_ada(store)
        with store.read() as work:
            assert work.users.get(ACME, ADA) is not None
        postgres.cut(url)
        with store.write() as work:
            work.users.set_account(ACME, ADA, None)
        with store.read() as work:
            assert work.users.get(ACME, ADA) is not None


def test_database_d4_a_server_that_is_not_there_is_busy() -> None:
    refused = pytest.raises(Busy, match="cannot be reached")
    with opened("postgresql://usher@127.0.0.1:1/usher") as (store, _), refused, store.read():
        pass


def test_control_k1_a_database_that_refuses_us_does_not_show_the_password() -> None:
    engines = make_engines("postgresql://usher:canary-7f3a@127.0.0.1:1/usher")
    with pytest.raises(Misconfigured, match="usher cannot be used") as caught:
        current(engines.read)
    assert "canary-7f3a" not in "".join(traceback.format_exception(caught.value))
    assert "canary-7f3a" not in repr(engines)

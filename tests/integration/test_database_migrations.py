"""Rule D5: a schema goes forward only, keeps what is in it, and survives whatever ends the migration."""

import multiprocessing
import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import DBAPIError

from connector.domain.errors import Misconfigured
from connector.store.engine import make_engines
from connector.store.migrate import HEAD, bring_up_to_date, current, migrate
from connector.store.sqlite import sqlite_module
from connector.store.store import SqlStore
from connector.store.tables import metadata
from tests.support.builders import ACME, ADA, NOW, a_user, index
from tests.support.configs import SMALL, write_config
from tests.support.databases import Databases, PostgresServer, SqliteFiles

RELEASED = "0001"
"""Every revision that a release had before the newest."""


@pytest.fixture
def released(databases: Databases) -> str:
    """The URL of a database of an older release, with a user and rows in it."""
    url = databases.empty()
    engines = make_engines(url)
    migrate(engines.write, to=RELEASED)
    user = a_user()
    with SqlStore(engines).write() as work:
        work.users.add(user, index(user))
    engines.dispose()
    return url


def revision_of(url: str) -> str | None:
    engines = make_engines(url)
    try:
        return current(engines.read)
    finally:
        engines.dispose()


def has_ada(url: str) -> bool:
    engines = make_engines(url)
    try:
        with SqlStore(engines).read() as work:
            return work.users.get(ACME, ADA) == a_user()
    finally:
        engines.dispose()


def test_database_d5_a_released_schema_comes_forward_with_all_that_is_in_it(released: str) -> None:
    assert revision_of(released) == RELEASED
    engines = make_engines(released)
    assert migrate(engines.write)
    assert not migrate(engines.write)
    with SqlStore(engines).write() as work:
        assert work.outbox.forget_finished(before=NOW, limit=1) == 0
        assert work.sinks.all() == []
        assert work.mails.undeliverable(ACME) == []
    engines.dispose()
    assert revision_of(released) == HEAD
    assert has_ada(released)


def test_database_d5_the_migrations_make_the_tables_that_the_code_speaks_of(databases: Databases) -> None:
    engines = make_engines(databases.migrated())
    found = inspect(engines.read)
    for table in metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert {one["name"] for one in found.get_indexes(table.name)} == {i.name for i in table.indexes}
    engines.dispose()


def test_database_d5_a_sqlite_file_is_copied_before_it_is_changed(sqlite_files: SqliteFiles) -> None:
    url = sqlite_files.empty()
    engines = make_engines(url)
    migrate(engines.write, to=RELEASED)
    bring_up_to_date(engines)
    engines.dispose()
    path = Path(url.removeprefix("sqlite:///"))
    copy = path.with_name(f"{path.name}.before-{RELEASED}")
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite_module().connect(str(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (RELEASED,)
    connection.close()


def test_database_d5_a_postgresql_is_brought_up_to_date_by_the_operator_alone(
    postgres: PostgresServer,
) -> None:
    engines = make_engines(postgres.empty())
    with pytest.raises(Misconfigured, match="is empty: run `usher migrate`"):
        bring_up_to_date(engines)
    migrate(engines.write, to=RELEASED)
    with pytest.raises(Misconfigured, match=f"is at revision {RELEASED}, not {HEAD}: run `usher migrate`"):
        bring_up_to_date(engines)
    migrate(engines.write)
    bring_up_to_date(engines)
    engines.dispose()
    postgres.forget()


def test_database_d5_a_newer_schema_is_refused_and_left_alone(databases: Databases) -> None:
    engines = make_engines(databases.migrated())
    with engines.write.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (lambda: migrate(engines.write), lambda: bring_up_to_date(engines)):
        with pytest.raises(Misconfigured, match="9999, which this version of Usher does not know"):
            attempt()
    assert current(engines.read) == "9999"
    engines.dispose()


def migrate_until(url: str, statements: int) -> None:
    """Migrate, and die of SIGKILL after so many statements that change the schema."""
    engines = make_engines(url)
    done = count(1)

    def watch(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(("CREATE", "UPDATE")) and next(done) == statements:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engines.write, "after_cursor_execute", watch)
    migrate(engines.write)


@pytest.mark.parametrize("statements", [1, 2, 3, 4])
def test_database_d5_a_migration_that_is_killed_leaves_the_old_schema(
    released: str, statements: int
) -> None:
    child = multiprocessing.get_context("spawn").Process(target=migrate_until, args=(released, statements))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == -signal.SIGKILL
    assert revision_of(released) == RELEASED
    engines = make_engines(released)
    with engines.read.connect() as connection:
        assert connection.exec_driver_sql('SELECT id FROM "user"').scalar_one() == ADA
    with pytest.raises(DBAPIError), SqlStore(engines).read() as work:
        work.sinks.all()
    assert migrate(engines.write)
    engines.dispose()
    assert has_ada(released)


def run_migrate(config: Path, *, at_once: int = 1) -> list[tuple[int, str]]:
    """``usher migrate`` in processes of their own: the exit code and words of each."""
    call = [sys.executable, "-m", "connector", "--config", str(config), "migrate"]
    running = [
        subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(at_once)
    ]
    said = [one.communicate(timeout=120)[0] for one in running]
    return [(one.returncode, words) for one, words in zip(running, said, strict=True)]


def test_database_d5_four_operators_may_migrate_at_once(released: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, SMALL.replace("sqlite:///usher.db", released))
    ends = run_migrate(config, at_once=4)
    assert [code for code, _ in ends] == [0, 0, 0, 0], ends
    assert revision_of(released) == HEAD
    assert has_ada(released)


def migrate_together(barrier: Any, url: str) -> None:
    """Migrate at the very moment that the others do."""
    engines = make_engines(url)
    current(engines.read)
    import alembic.command  # noqa: F401 (now, so that no import takes its time afterwards)

    barrier.wait(timeout=60)
    migrate(engines.write)
    engines.dispose()


def test_database_d5_whoever_comes_while_another_migrates_waits_and_finds_it_done(
    databases: Databases,
) -> None:
    url = databases.empty()
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4)
    children = [spawn.Process(target=migrate_together, args=(barrier, url)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=120)
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
    assert revision_of(url) == HEAD


def test_database_d5_an_empty_database_is_filled_by_the_verb(databases: Databases, tmp_path: Path) -> None:
    url = databases.empty()
    config = write_config(tmp_path, SMALL.replace("sqlite:///usher.db", url))
    assert run_migrate(config) == [(0, "The database is up to date.\n")]
    assert run_migrate(config) == [(0, "The database was up to date.\n")]
    assert revision_of(url) == HEAD

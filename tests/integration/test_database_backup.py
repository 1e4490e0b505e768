"""A copy of the database that is made while others write."""

import sqlite3
import threading
from pathlib import Path

import pytest

from connector.domain.errors import Misconfigured
from connector.domain.model import UserId
from connector.foundation.faults import ConfigError
from connector.store.backup import backup
from connector.store.engine import Engines, make_engines
from connector.store.migrate import migrate
from connector.store.sqlite import sqlite_module
from connector.store.store import SqlStore
from tests.support.builders import a_user, index


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'usher.db'}"


def database(folder: Path) -> Engines:
    engines = make_engines(url_of(folder))
    migrate(engines.write)
    return engines


def add(engines: Engines, number: int) -> None:
    user = a_user(f"user{number}@acme.example", id=UserId(f"user-{number}"))
    with SqlStore(engines).write() as work:
        work.users.add(user, index(user))


def users_in(file: Path) -> int:
    connection = sqlite_module().connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        (count,) = connection.execute("SELECT count(*) FROM user").fetchone()
    finally:
        connection.close()
    return int(count)


def test_database_d6_a_copy_made_under_load_is_whole_and_has_all_that_was_answered_before(
    tmp_path: Path,
) -> None:
    engines = database(tmp_path)
    stop, written = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            add(engines, written[0])
            written[0] += 1

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        for number in range(5):
            before = written[0]
            backup(url_of(tmp_path), tmp_path / f"copy-{number}.db")
            assert before <= users_in(tmp_path / f"copy-{number}.db") <= written[0] + 1
    finally:
        stop.set()
        writer.join(20)
        engines.dispose()
    assert written[0] > 0


def test_database_d6_the_copy_is_one_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    engines = database(tmp_path)
    folder = tmp_path / "copies"
    folder.mkdir()
    backup(url_of(tmp_path), folder / "copy.db")
    engines.dispose()
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600


def test_database_d6_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    engines = database(tmp_path)
    engines.dispose()
    taken = tmp_path / "copy.db"
    taken.write_text("precious")
    with pytest.raises(ConfigError, match="name another"):
        backup(url_of(tmp_path), taken)
    assert taken.read_text() == "precious"
    with pytest.raises(ConfigError, match="cannot be written"):
        backup(url_of(tmp_path), tmp_path / "nowhere" / "copy.db")


def test_database_d6_a_broken_database_gives_no_copy(tmp_path: Path) -> None:
    engines = database(tmp_path)
    for number in range(200):
        add(engines, number)
    engines.dispose()
    path = tmp_path / "usher.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 4096)
    with pytest.raises((Misconfigured, sqlite3.DatabaseError, sqlite_module().DatabaseError)):
        backup(url_of(tmp_path), tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_postgresql_is_not_copied_by_us(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="pg_dump"):
        backup("postgresql+psycopg://usher@localhost/usher", tmp_path / "copy.db")

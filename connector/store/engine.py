"""Makes database engines: the only place that configures SQLite. It owns connections and their settings; it
must not know a table.

A process has two engines on one SQLite file: a writer with a single connection, whose every transaction
begins with the write lock (so that a read-modify-write never loses an update), and readers that cannot
write. ``synchronous=FULL`` makes a commit durable before it returns.
"""

import sqlite3
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.pool import QueuePool

from connector.domain.errors import Misconfigured

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for the lock."""

READERS = 8
"""Connections for reading, at most, of one process."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA wal_autocheckpoint=1000",
)

# Up to 3.51.2 a checkpoint that meets a reset of the write-ahead log can lose commits; two older lines
# were mended. (https://sqlite.org/wal.html, "The WAL-Reset Bug")
_FIRST_GOOD = (3, 51, 3)
_MENDED = {(3, 44, 6), (3, 50, 7)}


@dataclass(frozen=True, slots=True)
class Engines:
    """The two engines of one database in one process; make them after any fork."""

    write: Engine
    read: Engine

    def dispose(self) -> None:
        """Close every connection."""
        self.write.dispose()
        self.read.dispose()


def make_engines(url: str) -> Engines:
    """Engines for a SQLAlchemy URL.

    :raises Misconfigured: the URL names a database that Usher does not support.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise Misconfigured("database: only sqlite:///FILE is supported by this version.")
    return Engines(write=_writer(url), read=_reader(url))


def sqlite_is_sound(version: tuple[int, ...]) -> bool:
    """Whether this SQLite never loses a commit in WAL mode."""
    return version >= _FIRST_GOOD or version in _MENDED


def sqlite_module() -> ModuleType:
    """The standard library's SQLite if it is sound, else the bundled one."""
    if sqlite_is_sound(sqlite3.sqlite_version_info):
        return sqlite3
    try:
        import pysqlite3
    except ImportError:
        return sqlite3
    module: ModuleType = pysqlite3.dbapi2
    return module


def _writer(url: str) -> Engine:
    engine = _engine(url, pool_size=1, max_overflow=0, pool_timeout=BUSY_TIMEOUT)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _reader(url: str) -> Engine:
    engine = _engine(url, pool_size=READERS, max_overflow=0, pool_timeout=BUSY_TIMEOUT)
    event.listen(engine, "connect", _forbid_writing)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _engine(url: str, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        module=sqlite_module(),
        poolclass=QueuePool,
        # Transactions begin when we say so, not at the first write.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT},
        pool_reset_on_return="rollback",
        **pool,
    )
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _forbid_writing(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")

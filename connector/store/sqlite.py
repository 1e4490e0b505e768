"""What is particular to SQLite's connections: its module, its pragmas, how transactions begin, which of its
errors mean that the database is busy. It owns these settings; it must not know a table.

``synchronous=FULL`` makes a commit durable before it returns. No connection checkpoints by itself
(``wal_autocheckpoint=0``): that is :mod:`connector.store.checkpoint`'s.
"""

import sqlite3
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from connector.store.failures import Verdict

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for the lock."""

CROWDED = 40 * 1024 * 1024
GIVE_WAY = 0.005
"""Bytes of the log beyond which each change first waits so many seconds: many busy writers would else keep
the write lock from the thread that empties the log, and it would grow without bound.
"""

READERS = 8
"""Connections for reading, at most, of one process."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA wal_autocheckpoint=0",
)

# Up to 3.51.2 a checkpoint that meets a reset of the write-ahead log can lose commits; two older lines
# were mended. (https://sqlite.org/wal.html, "The WAL-Reset Bug")
_FIRST_GOOD = (3, 51, 3)
_MENDED = {(3, 44, 6), (3, 50, 7)}

# Primary result codes (https://sqlite.org/rescode.html).
_VERDICTS = {
    sqlite3.SQLITE_BUSY: Verdict.LATE,
    sqlite3.SQLITE_LOCKED: Verdict.LATE,
    sqlite3.SQLITE_PROTOCOL: Verdict.LATE,
    sqlite3.SQLITE_FULL: Verdict.STUCK,
    sqlite3.SQLITE_IOERR: Verdict.STUCK,
    sqlite3.SQLITE_CANTOPEN: Verdict.STUCK,
}


def is_sound(version: tuple[int, ...]) -> bool:
    """Whether this SQLite never loses a commit in WAL mode."""
    return version >= _FIRST_GOOD or version in _MENDED


def sqlite_module() -> ModuleType:
    """The standard library's SQLite if it is sound, else the bundled one. A process uses one alone: two
    libraries in one process drop each other's locks on a file.
    """
    if is_sound(sqlite3.sqlite_version_info):
        return sqlite3
    try:
        import pysqlite3
    except ImportError:
        return sqlite3
    module: ModuleType = pysqlite3.dbapi2
    return module


def engine_options(*, is_reader: bool) -> dict[str, Any]:
    """What ``create_engine`` is told. One connection writes; it waits for the lock at the start of each
    transaction, so that a read-modify-write never loses an update.
    """
    return {
        "module": sqlite_module(),
        # Transactions begin when we say so, not at the first write.
        "connect_args": {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT},
        "pool_size": READERS if is_reader else 1,
        "pool_timeout": BUSY_TIMEOUT,
    }


def prepare(engine: Engine, *, is_reader: bool) -> None:
    """Set up each connection, and how its transactions begin."""
    wal = Path(f"{engine.url.database}-wal")
    pragmas = (*_PRAGMAS, "PRAGMA query_only=ON") if is_reader else _PRAGMAS

    def configure(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    event.listen(engine, "connect", configure)

    def begin(connection: Any) -> None:
        if is_reader:
            connection.exec_driver_sql("BEGIN")
            return
        if size_of(wal) > CROWDED:
            time.sleep(GIVE_WAY)
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", begin)


def snapshot(source: Path, target: Path) -> None:
    """Copy a database that is there into an empty file, what is still in its log included. In one step: a
    copy made in several begins anew at each write of others, and may never end.
    """
    module = sqlite_module()
    there = f"{source.absolute().as_uri()}?mode=ro"
    reading = module.connect(there, uri=True, timeout=BUSY_TIMEOUT)
    writing = module.connect(str(target))
    try:
        reading.backup(writing)
    finally:
        reading.close()
        writing.close()


def size_of(wal: Path) -> int:
    """Bytes of a write-ahead log; 0 if there is none."""
    try:
        return wal.stat().st_size
    except FileNotFoundError:
        return 0


def verdict(error: DBAPIError) -> Verdict | None:
    """What an error of SQLite's says."""
    return _VERDICTS.get(int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF)

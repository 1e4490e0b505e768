"""What is particular to PostgreSQL's connections: the driver, the limits of each session, how transactions
begin, which of its errors mean that the database is busy. It owns these settings; it must not know a table.

Writing is done at READ COMMITTED, so that a statement that waited for a row sees it as it became; whoever
reads before it writes locks the row first. Reading is a snapshot that cannot write.
"""

from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import DBAPIError

from connector.domain.errors import Misconfigured
from connector.store.failures import Verdict

DRIVER = "postgresql+psycopg"

OLDEST = 15
"""The oldest major version that Usher supports."""

WRITERS = 10
READERS = 8
"""Connections, at most, of one process, beside two for notifications: a server of 100 takes four."""

_POOL_TIMEOUT = 10.0

# Of each session. What waits longer for a lock, or works longer, would be answered too late anyway; a
# process that stands still in a transaction must not keep its locks.
_SESSION = {
    "synchronous_commit": "on",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}

# What is written is found by an index. A plan that was made while a table was small would walk through it,
# however large it has become, until the server has counted it again.
_BY_INDEX = {"enable_seqscan": "off"}

# A server whose machine is gone is noticed within a minute, also while something was sent to it.
_DEFAULTS = {
    "connect_timeout": 5,
    "application_name": "usher",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# SQLSTATEs, or their first two characters
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_VERDICTS = {
    "40001": Verdict.UNDONE,  # serialization failure
    "40P01": Verdict.UNDONE,  # deadlock
    "25P03": Verdict.LOST,  # stood still in a transaction
    "57P01": Verdict.LOST,  # the server is stopped
    "57P02": Verdict.LOST,
    "57P05": Verdict.LOST,
    "55P03": Verdict.LATE,  # waited too long for a lock
    "57014": Verdict.LATE,  # worked too long
    "53": Verdict.LATE,  # out of memory, disk, connections
}


def normalised(url: URL) -> URL:
    """The same database by our driver; what names another stays."""
    return url.set(drivername=DRIVER) if url.drivername == "postgresql" else url


def engine_options(url: URL, *, is_reader: bool) -> dict[str, Any]:
    """What ``create_engine`` is told. A connection is tried before it is used: after a restart of the
    server the first request of each would fail otherwise.
    """
    settings = _SESSION if is_reader else _SESSION | _BY_INDEX
    session = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    return {
        "connect_args": connect_arguments(url) | {"options": f"{given} {session}".strip()},
        "pool_size": READERS if is_reader else WRITERS,
        "pool_timeout": _POOL_TIMEOUT,
        "pool_pre_ping": True,
    }


def connect_arguments(url: URL) -> dict[str, Any]:
    """What the driver is told to reach the database; the password, if there is one, is among it."""
    _, named = url.get_dialect()().create_connect_args(url)
    return {**_DEFAULTS, **named}


def prepare(engine: Engine, *, is_reader: bool) -> None:
    """Check each connection's server, and set how its transactions begin."""
    from psycopg import IsolationLevel

    level = IsolationLevel.REPEATABLE_READ if is_reader else IsolationLevel.READ_COMMITTED

    def configure(connection: Any, _record: Any) -> None:
        check_server(connection.info)
        connection.isolation_level = level
        connection.read_only = is_reader

    event.listen(engine, "connect", configure)


def verdict(error: DBAPIError) -> Verdict | None:
    """What an error of PostgreSQL's says."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state.startswith("08"):
        return Verdict.LOST
    return _VERDICTS.get(state) or _VERDICTS.get(state[:2])


def check_server(info: Any) -> None:
    """:raises Misconfigured: the server is too old, or its text is not UTF-8."""
    major = info.server_version // 10000
    if major < OLDEST:
        raise Misconfigured(f"database: this is PostgreSQL {major}; Usher needs {OLDEST} or newer.")
    if (encoding := info.parameter_status("server_encoding")) != "UTF8":
        raise Misconfigured(f"database: its encoding is {encoding}; Usher needs UTF8.")

"""Brings a database's schema to the newest revision, forward only. It owns the schema's version; the
migrations themselves are in ``migrations/versions``.

A release works on the schema of the next one too: migrations only add. So on PostgreSQL, where several
machines share the database, it is brought up to date first, by ``usher migrate``, and the processes follow.
A SQLite file has one machine; whoever opens it brings it up to date.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from connector.domain.errors import Misconfigured
from connector.store.engine import Engines
from connector.store.sqlite import snapshot

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0006"
"""The revision that this version of Usher works with (a test compares it with the scripts)."""

_LOCK = 0x5573_6865_724D_6967
"""Of PostgreSQL's advisory locks, the one of whoever migrates."""

_ALONE = (
    # Whoever waits for another to migrate waits for as long as that takes.
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    f"SELECT pg_advisory_xact_lock({_LOCK})",
)


def current(engine: Engine) -> str | None:
    """The database's revision; None for an empty one.

    :raises Misconfigured: it cannot be opened, or is no database.
    """
    try:
        with engine.connect() as connection:
            return _revision(connection)
    except DBAPIError as error:
        raise Misconfigured(_unusable(engine, error)) from error


def _unusable(engine: Engine, error: DBAPIError) -> str:
    said = " ".join(str(error.orig).split()).rstrip(".?! ")
    if engine.dialect.name == "sqlite":
        return f"database: the file {engine.url.database} cannot be used: {said}. May it be written here?"
    return (
        f"database: the PostgreSQL database {engine.url.database} cannot be used: {said}. "
        "Is the server there, and are the address and database_password right?"
    )


def bring_up_to_date(engines: Engines) -> None:
    """Let this process work: migrate a SQLite file; a PostgreSQL must be at our revision already.

    :raises Misconfigured: it is not, or the database is of a newer version of Usher, or cannot be used.
    """
    if engines.write.dialect.name == "sqlite":
        migrate(engines.write)
        return
    found = current(engines.read)
    if found != HEAD:
        _refuse_newer(found)
        state = f"at revision {found}, not {HEAD}" if found else "empty"
        raise Misconfigured(f"The database is {state}: run `usher migrate`.")


def migrate(engine: Engine, *, to: str = HEAD) -> bool:
    """Bring the schema up to date, or up to an older revision, in one transaction that others wait for;
    whether anything was to do. A SQLite file that has a schema already is copied beside itself first
    (``*.before-<revision>``).

    :raises Misconfigured: the database is of a newer version of Usher than this one, or cannot be used.
    """
    if current(engine) == to:
        return False
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            for statement in _ALONE:
                connection.exec_driver_sql(statement)
        return _migrate(connection, to)


def _migrate(connection: Connection, to: str) -> bool:
    from alembic import command

    before = _revision(connection)
    if before == to:
        return False
    _refuse_newer(before)
    if before and connection.dialect.name == "sqlite":
        _copy(Path(str(connection.engine.url.database)), before)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    return True


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _refuse_newer(revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise Misconfigured(
            f"The database is at revision {revision}, which this version of Usher does not know. "
            "Install the version that made it, or a newer one."
        )


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _copy(path: Path, revision: str) -> None:
    """A copy through SQLite itself, so that what is still in the write-ahead log is in it; under its name
    only when it is whole.
    """
    begun = path.with_name(f"{path.name}.copying")
    begun.unlink(missing_ok=True)
    os.close(os.open(begun, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    snapshot(path, begun)
    begun.replace(path.with_name(f"{path.name}.before-{revision}"))

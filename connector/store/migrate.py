"""Brings a database's schema to the newest revision, forward only. It owns the schema's version; the
migrations themselves are in ``migrations/versions``.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DatabaseError

from connector.domain.errors import Misconfigured

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The revision that this version of Usher works with (a test compares it with the scripts)."""


def current(engine: Engine) -> str | None:
    """The database's revision; None for an empty one.

    :raises Misconfigured: it cannot be opened, or is no database.
    """
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return found
    except DatabaseError as error:
        raise Misconfigured(f"database: {engine.url.database} cannot be used: {error.orig}.") from error


def migrate(engine: Engine, *, copy_first: bool = True) -> bool:
    """Bring the schema up to date, in one transaction; whether anything was to do. A SQLite file that has
    a schema already is copied beside itself first (``*.before-<revision>``).

    :raises Misconfigured: the database is of a newer version of Usher than this one, or cannot be used.
    """
    before = current(engine)
    if before == HEAD:
        return False
    _refuse_newer(before)
    if before and copy_first:
        _copy(engine, before)
    from alembic import command

    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


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


def _copy(engine: Engine, revision: str) -> None:
    """A copy through SQLite itself, so that what is still in the write-ahead log is in it."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path:
        return
    target = Path(f"{path}.before-{revision}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(path, target)
    target.chmod(0o600)

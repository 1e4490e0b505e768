"""One empty database per test, of each kind that Usher supports."""

from collections.abc import Iterator

import pytest

from connector.store.engine import Engines, make_engines
from connector.store.store import SqlStore
from tests.support.databases import Databases


@pytest.fixture
def engines(databases: Databases) -> Iterator[Engines]:
    made = make_engines(databases.migrated())
    yield made
    made.dispose()


@pytest.fixture
def store(engines: Engines) -> SqlStore:
    return SqlStore(engines)

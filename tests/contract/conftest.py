"""One empty database per test, of each kind that Usher supports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.store.engine import make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    engines = make_engines(f"sqlite:///{tmp_path / 'usher.db'}")
    migrate(engines.write)
    yield SqlStore(engines)
    engines.dispose()

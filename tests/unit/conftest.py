"""What several unit tests look at: the log of the test's own time, a folder of keys, the way in."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.foundation.keys import create_keys
from connector.foundation.observe import configure_logging
from connector.foundation.private_files import write_private
from tests.support.invite_room import Browser, Room, a_room
from tests.support.logs import log_plainly


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log as JSON lines; afterwards logging is as it was before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    target = io.StringIO()
    configure_logging(target, human=False)
    yield target
    logging.captureWarnings(False)
    root.handlers[:], root.level = before
    log_plainly()


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys as ``usher init`` makes them, which takes a while."""
    folder = tmp_path_factory.mktemp("made") / "keys"
    create_keys(folder)
    return folder


@pytest.fixture
def key_folder(made_keys: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may spoil."""
    for path in made_keys.iterdir():
        write_private(tmp_path / path.name, path.read_bytes())
    return tmp_path


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Somebody is invited, and nothing outside answers."""
    return a_room(tmp_path)


@pytest.fixture
def browser(room: Room) -> Browser:
    """Theirs."""
    return room.browser()

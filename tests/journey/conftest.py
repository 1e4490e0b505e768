"""What every journey starts from: a Usher on a real Keycloak, and somebody at a real browser; and what
every journey ends in: a sweep, and the timeline's story.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connector.demo.inbox import Inbox
from connector.demo.keycloak import RunningKeycloak
from connector.demo.system import System
from tests.journey.stand import Stand, standing
from tests.journey.stories import story_of
from tests.journey.sweep import sweep
from tests.journey.visitor import Visitor, visiting
from tests.support.record import Record, record_of
from tests.support.system import console_of, whole_system

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def system(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """The one that most journeys share, of a tenant whose invitations prove the mailbox."""
    folder = tmp_path_factory.mktemp("journeys")
    with whole_system(
        folder, keycloak, inbox, realm="journeys", email_verification="invitation"
    ) as running:
        yield running


@pytest.fixture(scope="session")
def newcomers(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """As a newcomer has it: Keycloak proves the mailbox itself."""
    folder = tmp_path_factory.mktemp("newcomers")
    with whole_system(folder, keycloak, inbox, realm="journeys-newcomers") as running:
        yield running


@pytest.fixture(scope="session")
def stand(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    """The one whose ways are spoilt and whose processes are killed."""
    with standing(tmp_path_factory.mktemp("stand"), keycloak, inbox) as running:
        yield running


@pytest.fixture(scope="module")
def record(system: System) -> Iterator[Record]:
    """What the module's system has written down."""
    with record_of(system.settings) as found:
        yield found


@pytest.fixture
def visitor(system: System, browser: "Browser", pytestconfig: pytest.Config) -> Iterator[Visitor]:
    """Somebody at a browser that nobody has used yet."""
    with visiting(browser, system.where.usher, pytestconfig.getoption("shots")) as somebody:
        yield somebody


@pytest.fixture(autouse=True)
def journeys_end(request: pytest.FixtureRequest, system: System, record: Record) -> Iterator[None]:
    """After each journey nothing is left behind, and the timeline of everybody who was invited on it tells
    the story that ``stories.py`` has of it.
    """
    before = {user.id for user in record.users()}
    yield
    invited = [user for user in record.users() if user.id not in before]
    sweep(record, console_of(system), system.settings, [user.id for user in invited])
    for user in invited:
        told = tuple((entry.action, entry.actor, entry.source) for entry in record.timeline(user))
        assert told == story_of(request.node.originalname, user.profile.user_name)

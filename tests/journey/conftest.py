"""What every journey starts from: a whole Usher on a real Keycloak, and somebody at a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connector.demo.inbox import Inbox
from connector.demo.keycloak import RunningKeycloak
from connector.demo.system import System
from tests.journey.visitor import Visitor
from tests.support.system import whole_system

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


@pytest.fixture
def visitor(system: System, browser: "Browser", pytestconfig: pytest.Config) -> Iterator[Visitor]:
    """Somebody at a browser that nobody has used yet."""
    with browser.new_context(locale="en-GB") as context:
        yield Visitor(context, system.where.usher, pytestconfig.getoption("shots"))

"""Usher's web server dies at each hop, as in a power cut, and is started again. The person gets through by
trying again, or is seen to have come through; state and account agree.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connector.demo.system import System
from connector.demo.walk import CHOSEN_FIELD, choose_password, press
from tests.journey.stand import REALM, Stand
from tests.journey.visitor import UNREACHED, Visitor
from tests.support.fault_proxy import FaultProxy, Mode
from tests.support.realms import PASSWORD
from tests.support.record import Record
from tests.support.system import Guest, invite
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

LINKING = r"^POST /admin/.*/federated-identity/"
TWO_MINUTES = 121.0
"""Until the first look after a press."""


@pytest.fixture(scope="module")
def system(stand: Stand) -> System:
    """The one whose web server can be killed."""
    return stand.system


@pytest.fixture(autouse=True)
def alive(stand: Stand, journeys_end: None) -> Iterator[None]:
    """All is well again before anybody looks at what was left behind."""
    yield
    stand.heal()
    if stand.serving is None:
        stand.start_serving()


def test_control_i6_killed_after_the_press_was_committed(
    stand: Stand, visitor: Visitor, record: Record
) -> None:
    """The hand-over is open, its account not ready; nobody's cookie fits it."""
    guest = _invited(stand, "press")
    visitor.open(guest.link)
    _caught(stand.to_keycloak, LINKING, visitor.page, "main form button")
    _power_cut(stand, visitor)
    record.let_leases_end()
    visitor.open(guest.link)
    assert visitor.heading == "Welcome to Acme Supplies"
    press(visitor.page)
    _finish(visitor)
    assert guest.state == "active"


def test_killed_between_the_press_and_the_probe(stand: Stand, visitor: Visitor) -> None:
    guest = _invited(stand, "probe")
    visitor.open(guest.link)
    _caught(stand.to_usher, r"^GET /invite/probe", visitor.page, "main form button")
    _power_cut(stand, visitor)
    visitor.page.reload()
    _finish(visitor)
    assert guest.state == "active"


def test_killed_at_authorize_once_the_code_is_committed(stand: Stand, visitor: Visitor) -> None:
    guest = _invited(stand, "authorize")
    visitor.open(guest.link)
    stand.to_usher.sometimes(Mode.RESET_REPLY, times=None, matching=r"^GET /oidc/main/authorize")
    press(visitor.page)
    _power_cut(stand, visitor)
    visitor.page.reload()
    _finish(visitor)
    assert guest.state == "active"


def test_killed_between_token_and_done(stand: Stand, visitor: Visitor) -> None:
    guest = _invited(stand, "done")
    visitor.open(guest.link)
    press(visitor.page)
    stand.kill()
    choose_password(visitor.page, PASSWORD)
    visitor.must_see(UNREACHED)
    stand.start_serving()
    assert guest.state == "pending"
    visitor.page.reload()
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def test_killed_between_token_and_done_and_the_person_does_not_come_back(
    stand: Stand, visitor: Visitor, record: Record
) -> None:
    guest = _invited(stand, "gone")
    visitor.open(guest.link)
    press(visitor.page)
    stand.kill()
    choose_password(visitor.page, PASSWORD)
    visitor.must_see(UNREACHED)
    visitor.page.close()
    record.let_time_pass(TWO_MINUTES)
    wait_until(lambda: guest.state == "active", what="the look after two minutes")


@pytest.mark.parametrize(
    ("moment", "requests", "state"),
    [
        ("exchange", rf"^POST /realms/{REALM}/.*/token ", "pending"),
        ("credential", r"^GET /admin/.*/credentials", "pending"),
        ("accepted", r"^DELETE /admin/.*/federated-identity/", "active"),
    ],
    ids=["exchange", "credential", "accepted"],
)
def test_killed_in_the_middle_of_the_completion(
    stand: Stand, visitor: Visitor, moment: str, requests: str, state: str
) -> None:
    """Before the code is exchanged, when it is spent, and when the acceptance is committed."""
    guest = _invited(stand, moment)
    visitor.open(guest.link)
    press(visitor.page)
    visitor.page.locator(CHOSEN_FIELD).fill(PASSWORD)
    visitor.page.locator('input[name="password-confirm"]').fill(PASSWORD)
    _caught(stand.to_keycloak, requests, visitor.page, 'form [type="submit"]')
    _power_cut(stand, visitor)
    assert guest.state == state
    visitor.page.reload()
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def _invited(stand: Stand, name: str) -> Guest:
    return invite(stand.system, f"{name}@killed.example")


def _caught(way: FaultProxy, requests: str, page: "Page", button: str) -> None:
    """Click, and return when the first such request is on its way; nobody ever answers it."""
    way.sometimes(Mode.BLACKHOLE, matching=requests)
    page.locator(button).first.click(no_wait_after=True)
    wait_until(lambda: way.unused == 0, what=f"a request like {requests}")


def _power_cut(stand: Stand, visitor: Visitor) -> None:
    """The web server dies with all its connections, and is started again."""
    stand.kill()
    for way in (stand.to_usher, stand.to_keycloak):
        way.hang_up()
    visitor.must_see(UNREACHED)
    stand.heal()
    stand.start_serving()


def _finish(visitor: Visitor) -> None:
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")

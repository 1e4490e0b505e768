"""A stranger pressed the button first and left Keycloak's password page open, which survives everything but
the account's end. However the hand-over ends, and whenever they send the page off, they do not get in, and
the invited person does.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from connector.demo.inbox import Inbox
from connector.domain import commands as c
from connector.domain.model import HoldKind, PortalUser, State
from connector.domain.policy import Reenable
from tests.support.attack import UPDATE_PASSWORD, Stranger, a_stranger, comes_in, is_safe
from tests.support.builders import a_document
from tests.support.house import SYSTEM, House, open_house
from tests.support.realms import PASSWORD, RunningKeycloak

HALF_AN_HOUR = 1801.0


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Usher over a realm of its own."""
    folder, policy = tmp_path_factory.mktemp("old-pages"), {"email_verification": "invitation"}
    with open_house(keycloak, inbox, folder, "attack-old-pages", policy=policy) as house:
        yield house


def revoked(house: House, user: PortalUser) -> None:
    house.do(user, c.RevokeInvitation)


def held(house: House, user: PortalUser) -> None:
    house.do(user, c.PutHold, SYSTEM, kind=HoldKind.SCIM)


def moved(house: House, user: PortalUser) -> None:
    profile = replace(house.user(user).profile, email=f"new.{user.profile.email}")
    house.do(user, c.Edit, SYSTEM, profile=profile, document=a_document(profile))


def resent(house: House, user: PortalUser) -> None:
    house.do(user, c.Resend)


def timed_out(house: House, user: PortalUser) -> None:
    house.clock.ahead = HALF_AN_HOUR
    house.worker.drain()


def pressed_elsewhere(house: House, user: PortalUser) -> None:
    house.begin(house.person(), user)


def nothing(house: House, user: PortalUser) -> None:
    """The newest link is good as it is."""


def invited_anew(house: House, user: PortalUser) -> None:
    house.do(user, c.Invite)


def let_back(house: House, user: PortalUser) -> None:
    house.do(user, c.Release, SYSTEM, kind=HoldKind.SCIM)


Deed = Callable[[House, PortalUser], None]
ENDINGS: Mapping[Deed, Deed] = {
    revoked: invited_anew,
    held: let_back,
    moved: nothing,
    resent: nothing,
    timed_out: nothing,
    pressed_elsewhere: nothing,
}
"""How a hand-over ends without success, and what gives the invited person a link that works."""


def named(deed: Any) -> str:
    return str(deed.__name__)


@contextmanager
def clock_back(house: House) -> Iterator[None]:
    try:
        yield
    finally:
        house.clock.ahead = 0.0


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
def test_control_o14_a_page_sent_off_at_once_lets_nobody_in(house: House, ending: Deed) -> None:
    """Before any worker has looked: what the stranger sets goes with the account."""
    user = house.invited()
    stranger = a_stranger(house, user)
    with clock_back(house):
        ending(house, user)
        stranger.submit()
        assert house.state(user) is not State.ACTIVE
        house.worker.drain()
        assert not house.is_signed_in(stranger.browser)
        ENDINGS[ending](house, user)
        person = comes_in(house, user)
    assert is_safe(house, user, person)
    assert stranger.is_out()


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
def test_control_o14_a_page_sent_off_after_the_next_press_lets_nobody_in(
    house: House, ending: Deed
) -> None:
    user = house.invited()
    stranger = a_stranger(house, user)
    with clock_back(house):
        ending(house, user)
        ENDINGS[ending](house, user)
        person = house.person()
        page = house.begin(person, user)
        assert stranger.submit().status == 500
        person.choose_password(page, PASSWORD)
    assert is_safe(house, user, person)
    assert stranger.is_out()


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
def test_control_o14_a_page_kept_alive_and_sent_off_after_the_completion_changes_nothing(
    house: House, ending: Deed
) -> None:
    user = house.invited()
    stranger = a_stranger(house, user)
    stranger.reload()
    with clock_back(house):
        ending(house, user)
        ENDINGS[ending](house, user)
        person = comes_in(house, user)
    house.worker.drain()
    assert stranger.submit().status == 500
    assert is_safe(house, user, person)
    assert stranger.is_out()


def test_control_o14_a_page_of_the_first_way_in_does_not_lead_to_the_second(house: House) -> None:
    """Somebody got in who should not have; the operator takes it from them and invites the right person."""
    user = house.invited()
    stranger = a_stranger(house, user)
    beside = Stranger(house, user, stranger.browser, house.begin(stranger.browser, user))
    stranger.submit()
    assert house.state(user) is State.ACTIVE
    with house.policy(reenable=Reenable.REINVITE):
        house.do(user, c.Disable)
        house.do(user, c.Enable)
        house.worker.drain()
        person = comes_in(house, user)
    beside.submit()
    assert is_safe(house, user, person)
    assert stranger.is_out()


def test_a_second_press_in_the_same_browser_goes_on_with_the_same_account(house: House) -> None:
    user, person = house.invited(), house.person()
    first = house.begin(person, user)
    account = house.account(user)
    second = house.begin(person, user)
    assert second.title == UPDATE_PASSWORD
    assert house.account(user) == account
    person.choose_password(first, PASSWORD)
    assert is_safe(house, user, person)

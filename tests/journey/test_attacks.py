"""Attackers at real browsers: sandboxes of mail scanners that press whatever can be pressed, and strangers
who left Keycloak's password page open. Nobody of them gets in, and the invited person does.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from connector.demo.system import System
from connector.demo.walk import choose_password, invitation_link, is_password_page, press, sign_in
from tests.journey.visitor import Visitor, visiting
from tests.support.attack import STOLEN
from tests.support.realms import PASSWORD
from tests.support.record import Record
from tests.support.system import Guest, invite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ELSEWHERE = "http://sandbox.localhost/mail"
PLACES = {"nowhere": "about:blank", "elsewhere": ELSEWHERE}
"""Where a sandbox shows our form: browsers send it without an origin, or with another one."""
PAGES = 4
"""So many pages on a sandbox goes."""
BUTTONS = 'form button:not([type="button"]), form [type="submit"]'


# --- mail scanners ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_control_i6_a_sandbox_that_sends_the_form_from_a_page_of_its_own_begins_nothing(
    system: System, visitor: Visitor, browser: "Browser", record: Record, place: str
) -> None:
    """It has taken the form out of our page, as scanners do that rewrite what they show."""
    guest = invite(system, f"ada@sandbox-{place}.example")
    record.wait_until_settled()
    before = record.contents()
    with visiting(browser, system.where.usher) as sandbox:
        sandbox.page.route(ELSEWHERE, lambda route: route.fulfill(body="", content_type="text/html"))
        sandbox.page.goto(PLACES[place])
        sandbox.page.set_content(f"<form method='post' action='{guest.link}'><button>go</button></form>")
        sandbox.page.locator("button").click()
        sandbox.must_see("That came from somewhere else")
        assert sandbox.shown[-1] == (403, guest.link)
    assert record.contents() == before
    _comes_in(system, visitor, guest.link)
    assert guest.state == "active"


def test_control_i5_a_sandbox_that_presses_everything_keeps_nobody_out(
    system: System, visitor: Visitor, browser: "Browser"
) -> None:
    """It is a press as good as any, and gets as far as the password page, which it does not fill in."""
    guest = invite(system, "ada@automatic.example")
    with visiting(browser, system.where.usher) as sandbox:
        sandbox.open(guest.link)
        _press_everything(sandbox.page)
        assert is_password_page(sandbox.page)
        assert guest.state == "pending"
        _comes_in(system, visitor, guest.link)
        _press_everything(sandbox.page)
        _is_out(system, sandbox)
    assert guest.state == "active"


def _press_everything(page: "Page") -> None:
    for _ in range(PAGES):
        buttons = page.locator(BUTTONS)
        if not buttons.count():
            return
        buttons.first.click()
        page.wait_for_load_state()


# --- old password pages ----------------------------------------------------------------------------


def _revoked(guest: Guest) -> str:
    _operator(guest, "revoke-invitation")
    _operator(guest, "invite")
    return invitation_link(guest.next_mail())


def _resent(guest: Guest) -> str:
    _operator(guest, "resend")
    return invitation_link(guest.next_mail())


def _overtaken(guest: Guest) -> str:
    return guest.link


def _operator(guest: Guest, verb: str) -> None:
    guest.system.usher.run("user", verb, guest.system.tenant, guest.user)


ENDINGS: Mapping[str, Callable[[Guest], str]] = {
    "revoked": _revoked,
    "resent": _resent,
    "overtaken": _overtaken,
}
"""What happens while the page is open, and the link with which the person goes on."""


@pytest.mark.parametrize("ending", ENDINGS)
def test_control_o14_a_strangers_page_sent_off_after_all_is_done_lets_nobody_in(
    system: System, visitor: Visitor, browser: "Browser", ending: str
) -> None:
    guest = invite(system, f"{ending}@old-page.example")
    with visiting(browser, system.where.usher) as stranger:
        stranger.open(guest.link)
        press(stranger.page)
        assert is_password_page(stranger.page)
        _comes_in(system, visitor, ENDINGS[ending](guest))

        choose_password(stranger.page, STOLEN)
        stranger.page.wait_for_load_state()
        _is_out(system, stranger)
        stranger.page.get_by_role("button", name="Sign in").click()
        sign_in(stranger.page, guest.address, STOLEN)
        stranger.must_see("Invalid username or password")
    visitor.open(system.portal_url)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def _comes_in(system: System, visitor: Visitor, link: str) -> None:
    """The invited person, all the way."""
    visitor.open(link)
    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")


def _is_out(system: System, visitor: Visitor) -> None:
    """The portal signs this browser in as nobody."""
    visitor.open(system.portal_url)
    visitor.page.get_by_role("button", name="Sign in").wait_for()

"""Keycloak proves the mailbox by a mail of its own, and that mail is opened in another browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press, prove_mailbox, sign_in
from tests.journey.visitor import Visitor, visiting
from tests.support.realms import PASSWORD
from tests.support.record import Record
from tests.support.system import Guest, console_of, invite
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TWO_MINUTES = 121.0
"""Until the first look after a press."""


@pytest.fixture(scope="module")
def system(newcomers: System) -> System:
    """Of a tenant whose mailboxes Keycloak proves."""
    return newcomers


@pytest.fixture
def second(system: System, browser: "Browser") -> Iterator[Visitor]:
    """The same person at another browser, where their mail is."""
    with visiting(browser, system.where.usher) as somebody:
        yield somebody


def test_a_mailbox_proved_in_another_browser_ends_there_and_the_follow_up_sees_it(
    system: System, visitor: Visitor, second: Visitor, record: Record
) -> None:
    """Keycloak never sends that browser back to us by itself, and we know nothing about it."""
    guest = invite(system, "ada@elsewhere.example")
    visitor.open(guest.link)
    press(visitor.page)
    _prove(second, system, guest)
    choose_password(second.page, PASSWORD)
    second.must_see("Your account has been updated")
    second.follow_back()
    assert second.heading == "Go on from your mail"
    assert second.page.locator(".mark").count() == 0
    assert guest.state == "pending"
    record.let_time_pass(TWO_MINUTES)
    wait_until(lambda: guest.state == "active", what="the look after two minutes")

    assert visitor.open(guest.link) == 410
    assert visitor.heading == "You already have access"
    visitor.page.get_by_role("link", name="Go to the portal").click()
    visitor.page.get_by_role("button", name="Sign in").click()
    sign_in(visitor.page, guest.address, PASSWORD)
    visitor.must_see("Welcome, Ada")


def test_a_mailbox_proved_in_another_browser_needs_no_second_proof_in_the_first(
    system: System, visitor: Visitor, second: Visitor
) -> None:
    guest = invite(system, "ada@half-way.example")
    visitor.open(guest.link)
    press(visitor.page)
    _prove(second, system, guest)
    assert is_password_page(second.page)
    second.page.close()
    visitor.open(guest.link)
    press(visitor.page)
    assert is_password_page(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert len(console_of(system).get(f"users/{guest.account()['id']}/sessions")) == 1


def _prove(second: Visitor, system: System, guest: Guest) -> None:
    """Open Keycloak's mail; another browser than the one that asked is asked to confirm."""
    prove_mailbox(second.page, system.inbox, guest.address, after=guest.mail.number)
    second.page.get_by_role("link", name="Click here to proceed").click()
    second.page.wait_for_load_state()

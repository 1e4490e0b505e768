"""A link that works once, under the preset that wants it: who has the link alone cannot press it, and who
pressed can go on in their browser and nowhere else.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connector.demo.inbox import Inbox
from connector.demo.keycloak import RunningKeycloak
from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press
from tests.journey.visitor import Visitor
from tests.support.realms import PASSWORD
from tests.support.system import Guest, console_of, whole_system

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def once(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("once")
    with whole_system(
        folder, keycloak, inbox, realm="once", preset="creatio", email_verification="invitation"
    ) as running:
        yield running


def test_a_link_that_works_once_is_pressed_with_the_address_and_finished_in_that_browser(
    once: System, browser: "Browser"
) -> None:
    address = "ada@once.example"
    user = once.scim.create(address, "Ada", "Lovelace")
    once.usher.run("user", "invite", once.tenant, user)
    guest = Guest(system=once, user=user, address=address, mail=once.inbox.wait_for(address))
    with browser.new_context(locale="en-GB") as first, browser.new_context(locale="en-GB") as second:
        ada, other = Visitor(first, once.where.usher), Visitor(second, once.where.usher)
        ada.hold_a_small_phone()
        ada.open(guest.link)
        ada.page.get_by_label("Your e-mail address").fill("mallory@once.example")
        press(ada.page)
        ada.must_see("This is not the address that was invited.")
        assert ada.faults() == []
        assert console_of(once).get("users", username=address, exact="true")[0]["requiredActions"] != []
        ada.page.get_by_label("Your e-mail address").fill(address.upper())
        press(ada.page)
        assert is_password_page(ada.page)
        other.open(guest.link)
        assert other.heading == "You began this elsewhere"
        assert other.page.locator("main button").count() == 0
        ada.open(guest.link)
        assert ada.page.get_by_label("Your e-mail address").count() == 0
        press(ada.page)
        choose_password(ada.page, PASSWORD)
        ada.must_see("Welcome, Ada")
        assert other.open(guest.link) == 410
    assert guest.state == "active"
    assert len(guest.mails()) == 1
    assert ada.trespasses == other.trespasses == []

"""People who do not go straight on: closed tabs, the back button, two tabs or browsers, an open page."""

import time
from typing import TYPE_CHECKING

from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press
from tests.journey.visitor import Visitor, visiting
from tests.support.realms import PASSWORD
from tests.support.system import console_of, invite

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHORT = 1
"""Seconds that Keycloak's pages live in a realm of the impatient; 300 by default."""


def test_a_tab_that_was_closed_costs_a_second_press(system: System, visitor: Visitor) -> None:
    guest = invite(system, "ada@closed-tab.example")
    visitor.open(guest.link)
    press(visitor.page)
    assert is_password_page(visitor.page)
    visitor.take_a_new_tab()
    visitor.open(guest.link)
    assert visitor.heading == "Welcome to Acme Supplies"
    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def test_the_back_button_leads_to_our_button_and_afterwards_says_that_all_is_done(
    system: System, visitor: Visitor
) -> None:
    guest = invite(system, "ada@back.example")
    visitor.open(guest.link)
    press(visitor.page)
    visitor.page.go_back()
    assert visitor.page.url == guest.link
    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")

    visitor.page.go_back()
    assert visitor.page.url.startswith(system.where.issuer)
    visitor.page.go_back()
    assert visitor.page.url == guest.link
    assert visitor.heading == "You already have access"


def test_who_presses_in_two_tabs_is_in_in_both(system: System, visitor: Visitor) -> None:
    """Keycloak's page in the other tab sees the sign-in and goes on by itself, to our provider, which
    knows that all is done.
    """
    guest = invite(system, "ada@two-tabs.example")
    visitor.open(guest.link)
    other = visitor.in_a_new_tab(guest.link)
    press(visitor.page)
    press(other)
    assert is_password_page(visitor.page)
    assert is_password_page(other)
    choose_password(other, PASSWORD)
    other.get_by_text("Welcome, Ada").first.wait_for()
    visitor.must_see("Welcome, Ada")
    assert "/oidc/main/authorize" in visitor.pages_of(system.where.usher)
    assert guest.state == "active"


def test_control_i6_a_second_browser_is_told_and_may_go_on_in_place_of_the_first(
    system: System, visitor: Visitor, browser: "Browser"
) -> None:
    guest = invite(system, "ada@two-browsers.example")
    visitor.open(guest.link)
    press(visitor.page)
    with visiting(browser, system.where.usher) as second:
        second.open(guest.link)
        second.must_see("in another browser")
        second.shoot("elsewhere")
        second.page.get_by_role("button", name="Continue here").click()
        second.page.wait_for_load_state()
        assert is_password_page(second.page)

        visitor.take_a_new_tab()
        visitor.open(guest.link)
        visitor.must_see("in another browser")

        choose_password(second.page, PASSWORD)
        second.must_see("Welcome, Ada")
    assert guest.state == "active"
    visitor.page.reload()
    assert visitor.heading == "You already have access"


def test_an_error_page_of_keycloaks_leads_back_to_the_mail(system: System, visitor: Visitor) -> None:
    guest = invite(system, "ada@lost-cookie.example")
    visitor.open(guest.link)
    press(visitor.page)
    visitor.context.clear_cookies(path=f"/realms/{system.where.realm}/")
    choose_password(visitor.page, PASSWORD)
    visitor.follow_back()
    visitor.shoot("back")
    assert visitor.shown[-1] == (410, f"{system.where.usher}/invite/back")
    assert visitor.heading == "Let us start over"
    assert visitor.page.locator(".mark").count() == 1

    visitor.open(guest.link)
    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def test_a_password_page_left_open_until_it_times_out_costs_a_second_press(
    system: System, visitor: Visitor
) -> None:
    guest, console = invite(system, "ada@left-open.example"), console_of(system)
    lives = ("accessCodeLifespanUserAction", "accessCodeLifespanLogin", "accessCodeLifespan")
    with console.realm_with(**dict.fromkeys(lives, SHORT)):
        visitor.open(guest.link)
        press(visitor.page)
        time.sleep(SHORT + 1)
        choose_password(visitor.page, PASSWORD)
        visitor.must_see("timed out")
    assert console.get(f"users/{guest.account()['id']}/credentials") == []

    visitor.open(guest.link)
    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"

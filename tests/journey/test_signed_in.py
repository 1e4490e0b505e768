"""The invitation is opened in a browser in which somebody is signed in at Keycloak."""

from typing import TYPE_CHECKING

from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press, sign_in
from tests.journey.visitor import Visitor
from tests.support.realms import PASSWORD
from tests.support.system import console_of, invite

if TYPE_CHECKING:
    from playwright.sync_api import Route


def test_the_invited_person_who_is_signed_in_already_goes_straight_on(
    system: System, visitor: Visitor
) -> None:
    """They had chosen their password, but were lost on the way back to us."""
    guest = invite(system, "ada@signed-in.example")
    visitor.open(guest.link)
    press(visitor.page)
    visitor.page.route(f"{system.where.issuer}/login-actions/**", _lose_the_way)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see(f"{system.where.usher}/invite/done")
    assert guest.state == "pending"

    visitor.page.unroute_all()
    visitor.shown.clear()
    visitor.open(guest.link)
    press(visitor.page)
    visitor.must_see("Welcome, Ada")
    assert visitor.pages_of(system.where.issuer) == []
    assert guest.state == "active"


def test_control_i12_somebody_else_is_named_and_only_signed_out_when_they_agree(
    system: System, visitor: Visitor
) -> None:
    guest = invite(system, "grace@signed-in.example", "Grace", "Hopper")
    rose = _signed_in(system, visitor, "rose")
    visitor.open(guest.link)
    press(visitor.page)
    assert visitor.page.url.startswith(system.where.usher)
    assert visitor.heading == "You are signed in as Root Rose"
    visitor.shoot("somebody-else")

    beside = visitor.in_a_new_tab(system.portal_url)
    beside.get_by_text("Welcome, Root").wait_for()
    assert guest.state == "pending"

    visitor.page.get_by_role("button", name="Sign out and continue").click()
    visitor.page.locator('input[name="password-new"]').wait_for()
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Grace")
    assert guest.state == "active"
    console = console_of(system)
    assert console.get(f"users/{rose}/sessions") == []
    assert console.get(f"users/{rose}/credentials") != []
    assert len(console.get(f"users/{guest.account()['id']}/sessions")) == 1


def test_control_i12_who_does_not_agree_stays_who_they_are(system: System, visitor: Visitor) -> None:
    guest = invite(system, "alan@signed-in.example", "Alan", "Turing")
    _signed_in(system, visitor, "heidi")
    visitor.open(guest.link)
    press(visitor.page)
    assert not is_password_page(visitor.page)
    visitor.open(system.portal_url)
    visitor.must_see("Welcome, Root")
    assert guest.state == "pending"


def test_control_o4_somebody_else_with_something_to_do_is_asked_by_keycloak_once(
    system: System, visitor: Visitor
) -> None:
    """Keycloak does not tell who they are, so it has to ask them itself."""
    guest = invite(system, "barbara@signed-in.example", "Barbara", "Liskov")
    ivan = _signed_in(system, visitor, "ivan")
    console_of(system).put(f"users/{ivan}", {"requiredActions": ["UPDATE_PROFILE"]})
    visitor.open(guest.link)
    press(visitor.page)
    assert visitor.heading == "Somebody is signed in here"
    visitor.shoot("somebody")
    visitor.page.get_by_role("button", name="Sign out and continue").click()
    visitor.must_see("Do you want to log out?")
    visitor.page.get_by_role("button", name="Logout").click()
    visitor.page.locator('input[name="password-new"]').wait_for()
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Barbara")
    assert guest.state == "active"
    assert console_of(system).get(f"users/{ivan}/sessions") == []


def _lose_the_way(route: "Route") -> None:
    """Keycloak takes the form, but the browser does not go where that sends it; it shows where."""
    answer = route.fetch(max_redirects=0)
    route.fulfill(response=answer, status=200, body=answer.headers["location"])


def _signed_in(system: System, visitor: Visitor, name: str) -> str:
    """Somebody whom Usher does not know, called Root Rose, signs in at the portal; their account."""
    console = console_of(system)
    account = console.make_user(name)
    console.give_password(account)
    visitor.open(system.portal_url)
    visitor.page.get_by_role("button", name="Sign in").click()
    sign_in(visitor.page, name, PASSWORD)
    visitor.must_see("Welcome, Root")
    return account

"""Realms that are not as they come, at a real browser: a browser flow that cannot be sent to a provider, an
organization whose own provider takes everybody of its domain.
"""

from collections.abc import Iterator

import pytest

from connector.demo.settings import REALM_KEY
from connector.demo.system import System
from connector.demo.walk import choose_password, press, sign_in
from connector.keycloak.setup.run import apply
from tests.journey.visitor import Visitor
from tests.support.realm_kinds import add_provider_of, no_redirector, organization
from tests.support.realms import PASSWORD, access_of
from tests.support.system import console_of, invite


@pytest.fixture
def plain(system: System) -> Iterator[System]:
    """The system on a realm without a redirector, as ``keycloak apply`` leaves it."""
    access = access_of(system.keycloak)
    with no_redirector(console_of(system)):
        apply(system.settings, REALM_KEY, access)
        yield system
    apply(system.settings, REALM_KEY, access)


def test_without_a_redirector_somebody_else_is_named_and_the_invited_person_gets_in(
    plain: System, visitor: Visitor
) -> None:
    guest, console = invite(plain, "ada@no-redirector.example"), console_of(plain)
    console.give_password(console.make_user("violet"))
    visitor.open(plain.portal_url)
    visitor.page.get_by_role("button", name="Sign in").click()
    sign_in(visitor.page, "violet", PASSWORD)
    visitor.must_see("Welcome, Root")

    visitor.open(guest.link)
    press(visitor.page)
    assert visitor.heading == "You are signed in as Root Rose"
    visitor.page.get_by_role("button", name="Sign out and continue").click()
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def test_an_organizations_own_provider_draws_no_invited_person_away(
    system: System, visitor: Visitor
) -> None:
    with organization(console_of(system), "drawn.example") as at:
        add_provider_of(console_of(system), at, "drawn.example")
        guest = invite(system, "ada@drawn.example")
        console_of(system).post(f"{at}/members", guest.account()["id"])
        visitor.open(guest.link)
        press(visitor.page)
        choose_password(visitor.page, PASSWORD)
        visitor.must_see("Welcome, Ada")
        assert guest.state == "active"

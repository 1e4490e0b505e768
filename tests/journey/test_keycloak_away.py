"""Keycloak fails before, between and after each hop: nobody there, a proxy's error page, an answer that was
cut off after the work was done. The person is told, nothing is lost, and trying again leads on.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pytest

from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press
from tests.journey.stand import REALM, Stand
from tests.journey.visitor import UNREACHED, Visitor
from tests.support.fault_proxy import FaultProxy, Mode
from tests.support.realms import PASSWORD
from tests.support.system import Guest, invite

FAILURES = (Mode.REFUSE, Mode.HTML_502, Mode.RESET_REPLY)
"""The last one at the end: after it, what was to be done is done."""

KEYCLOAK = re.compile("Unexpected error when authenticating with identity provider")
WE = re.compile("Just a moment, please")
PORTAL = re.compile("Welcome, Ada")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """The requests of one hop by the start of their first line, and what the person reads when they fail.
    ``late``: the same requests come earlier too; these begin when Keycloak asks for a password.
    """

    requests: str
    reads: re.Pattern[str]
    late: bool = False


HOPS: Mapping[str, Hop] = {
    "account": Hop(requests=r"^\w+ /admin/", reads=WE),
    "link": Hop(requests=r"^POST /admin/.*/federated-identity/", reads=WE),
    "probe": Hop(requests=rf"^GET /realms/{REALM}/.*/auth\?.*prompt=none", reads=UNREACHED),
    "sign-in": Hop(requests=rf"^GET /realms/{REALM}/.*/auth\?.*prompt=login", reads=UNREACHED),
    "authorize": Hop(requests=r"^GET /oidc/main/authorize", reads=UNREACHED),
    "token": Hop(requests=r"^POST /oidc/main/token", reads=KEYCLOAK),
    "password": Hop(requests=rf"^POST /realms/{REALM}/login-actions/required-action", reads=UNREACHED),
    "code": Hop(requests=rf"^POST /realms/{REALM}/.*/token ", reads=WE, late=True),
    "credential": Hop(requests=r"^GET /admin/.*/credentials", reads=WE, late=True),
    "unlink": Hop(requests=r"^DELETE /admin/.*/federated-identity/", reads=PORTAL, late=True),
}


@pytest.fixture(scope="module")
def system(stand: Stand) -> System:
    """The one whose ways can be spoilt."""
    return stand.system


@pytest.fixture(autouse=True)
def healed(stand: Stand, journeys_end: None) -> Iterator[None]:
    """The ways are good again before anybody looks at what was left behind."""
    yield
    stand.heal()


@pytest.mark.parametrize("name", HOPS)
def test_control_i6_whatever_fails_at_a_hop_the_person_is_told_and_gets_through(
    stand: Stand, visitor: Visitor, name: str
) -> None:
    """Each failure in turn, for as long as that hop is still on the person's way."""
    hop, guest = HOPS[name], invite(stand.system, f"{name}@away.example")
    for failure in FAILURES:
        spoil = partial(_way(stand, hop).sometimes, failure, times=None, matching=hop.requests)
        _walk(visitor, guest, spoil, at_once=not hop.late or failure is not FAILURES[0])
        visitor.must_see(hop.reads)
        stand.heal()
        if guest.state == "active":
            break
    else:
        _try_again(visitor, guest)
    visitor.must_see(PORTAL)
    assert guest.state == "active"


def _way(stand: Stand, hop: Hop) -> FaultProxy:
    return stand.to_usher if "/oidc/" in hop.requests else stand.to_keycloak


def _walk(visitor: Visitor, guest: Guest, spoil: Callable[[], None], *, at_once: bool) -> None:
    """From the mail as far as it goes; the way is spoilt before the press, or when a password is asked."""
    visitor.open(guest.link)
    if at_once:
        spoil()
    press(visitor.page)
    if is_password_page(visitor.page):
        if not at_once:
            spoil()
        choose_password(visitor.page, PASSWORD)


def _try_again(visitor: Visitor, guest: Guest) -> None:
    """As our page offers, else from the mail."""
    offer = visitor.page.get_by_role("link", name="Try again")
    if offer.count():
        offer.click()
    else:
        visitor.open(guest.link)
    if visitor.page.locator("main form button").count():
        press(visitor.page)
    if is_password_page(visitor.page):
        choose_password(visitor.page, PASSWORD)

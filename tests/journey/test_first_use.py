"""From the first push over SCIM to the end of all access, as a newcomer to Usher has it: nothing configured
but the necessary, so Keycloak proves the mailbox itself.
"""

import time
from collections.abc import Callable

import pytest
import requests

from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press, prove_mailbox, sign_in
from tests.journey.visitor import Visitor
from tests.support.realms import PASSWORD, Console
from tests.support.system import console_of, invite

SECONDS = 20.0
WITNESS = "witness"
"""A client that takes a password for tokens, to hold some beside the browser's."""


@pytest.fixture(scope="module")
def system(newcomers: System) -> System:
    """With nothing configured but the necessary."""
    return newcomers


def test_from_the_mail_to_the_portal_and_out_again(system: System, visitor: Visitor) -> None:
    guest = invite(system, "ada@first-use.example")
    assert visitor.open(guest.link) == 200
    assert visitor.heading == "Welcome to Acme Supplies"
    assert guest.state == "pending"

    press(visitor.page)
    assert visitor.page.url.startswith(system.where.issuer)
    assert not is_password_page(visitor.page)
    prove_mailbox(visitor.page, system.inbox, guest.address, after=guest.mail.number)
    assert is_password_page(visitor.page)
    choose_password(visitor.page, PASSWORD)

    visitor.must_see("Welcome, Ada")
    visitor.shoot("portal")
    assert visitor.page.url == system.portal_url
    assert "/invite/done" in visitor.pages_of(system.where.usher)
    assert guest.state == "active"
    account = guest.account()
    assert (account["emailVerified"], account["requiredActions"]) == (True, [])
    assert visitor.trespasses == []

    system.scim.deactivate(guest.user)
    visitor.must_see("Your access has ended")
    visitor.page.get_by_role("button", name="Try to sign in").click()
    sign_in(visitor.page, guest.address, PASSWORD)
    visitor.must_see("Account is disabled")
    assert guest.state == "disabled"


def test_off_means_off_for_refresh_and_offline_tokens_even_after_access_is_given_back(
    system: System, visitor: Visitor
) -> None:
    guest, console = invite(system, "grace@first-use.example", "Grace", "Hopper"), console_of(system)
    visitor.open(guest.link)
    press(visitor.page)
    prove_mailbox(visitor.page, system.inbox, guest.address, after=guest.mail.number)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Grace")

    tokens = _tokens(console, guest.address)
    assert [_is_taken(console, token) for token in tokens] == [True, True]
    system.scim.deactivate(guest.user)
    _wait_until(lambda: not guest.account()["enabled"])
    _wait_until(lambda: console.get(f"users/{guest.account()['id']}/sessions") == [])
    assert [_is_taken(console, token) for token in tokens] == [False, False]

    system.scim.activate(guest.user)
    _wait_until(lambda: guest.account()["enabled"])
    assert [_is_taken(console, token) for token in tokens] == [False, False]
    assert _tokens(console, guest.address)


def _tokens(console: Console, address: str) -> list[str]:
    """A refresh token and an offline token of somebody with a password."""
    if not console.get("clients", clientId=WITNESS):
        body = {"clientId": WITNESS, "publicClient": True, "directAccessGrantsEnabled": True}
        console.post("clients", body)
    asked = {"grant_type": "password", "username": address, "password": PASSWORD}
    return [
        _token_answer(console, scope=scope, **asked).json()["refresh_token"]
        for scope in ("openid", "openid offline_access")
    ]


def _is_taken(console: Console, token: str) -> bool:
    return _token_answer(console, grant_type="refresh_token", refresh_token=token).ok


def _token_answer(console: Console, **form: str) -> requests.Response:
    return requests.post(
        f"{console.realm_url}/protocol/openid-connect/token",
        data={"client_id": WITNESS, **form},
        timeout=10,
    )


def _wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, f"not so after {SECONDS:.0f} seconds"
        time.sleep(0.1)

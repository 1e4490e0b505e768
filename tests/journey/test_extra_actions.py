"""What else an invitation may ask for: terms, codes of an app, a passkey. A mapping file says so, and
nothing else is changed.
"""

from collections.abc import Callable, Iterator

import pytest

from connector.demo.settings import REALM_KEY
from connector.demo.system import System
from connector.demo.walk import choose_password, press
from connector.foundation.config import load
from connector.foundation.resources import mappings_dir
from connector.keycloak.setup.run import apply
from tests.journey.authenticators import have_a_passkey, set_up_codes, set_up_passkey
from tests.journey.stand import Stand
from tests.journey.visitor import Visitor
from tests.support.realms import PASSWORD, access_of
from tests.support.system import console_of, invite

SHIPPED = "required_actions: [VERIFY_EMAIL, UPDATE_PASSWORD]"
FILE = "required-actions.yaml"
PASSKEY = "webauthn-register-passwordless"
TERMS = "TERMS_AND_CONDITIONS"

Asking = Callable[..., None]


@pytest.fixture(scope="module")
def system(stand: Stand) -> System:
    """The one that can be started anew."""
    return stand.system


@pytest.fixture(scope="module")
def asking(stand: Stand) -> Iterator[Asking]:
    """Lets an operator write another mapping, apply it to the realm, and start Usher anew."""

    def ask(*actions: str) -> None:
        text = (mappings_dir() / FILE).read_text()
        assert SHIPPED in text
        asked = ", ".join(("VERIFY_EMAIL", *actions))
        (stand.mappings / FILE).write_text(text.replace(SHIPPED, f"required_actions: [{asked}]"))
        apply(load(stand.system.usher.config), REALM_KEY, access_of(stand.system.keycloak))
        stand.restart()

    yield ask
    (stand.mappings / FILE).unlink()
    stand.restart()


def test_terms_totp_password_and_passkey_by_mapping_alone(
    system: System, visitor: Visitor, asking: Asking
) -> None:
    asking("UPDATE_PASSWORD", TERMS, "CONFIGURE_TOTP", PASSKEY)
    guest = invite(system, "ada@everything.example")
    have_a_passkey(visitor.page)
    visitor.open(guest.link)
    press(visitor.page)
    visitor.must_see("Terms and Conditions")
    visitor.page.get_by_role("button", name="Accept").click()
    set_up_codes(visitor.page)
    choose_password(visitor.page, PASSWORD)
    assert guest.state == "pending"
    set_up_passkey(visitor.page)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"
    assert _credentials(system, guest.account()["id"]) == {"otp", "password", "webauthn-passwordless"}


def test_a_passkey_in_place_of_a_password_by_mapping_alone(
    system: System, visitor: Visitor, asking: Asking
) -> None:
    asking(PASSKEY)
    guest = invite(system, "ada@passkey.example")
    assert "create a passkey" in guest.mail.text
    assert "password" not in guest.mail.text
    have_a_passkey(visitor.page)
    visitor.open(guest.link)
    visitor.shoot("passkey-alone")
    press(visitor.page)
    set_up_passkey(visitor.page)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"
    assert _credentials(system, guest.account()["id"]) == {"webauthn-passwordless"}


def _credentials(system: System, account: str) -> set[str]:
    return {one["type"] for one in console_of(system).get(f"users/{account}/credentials")}

"""Tokens, codes and requests that somebody made up, kept, or took from another way: another user's, another
tenant's, another realm's. None of them has any effect, and the invited person gets in.
"""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from connector.demo.inbox import Inbox
from connector.domain.model import State, TenantId
from connector.foundation.keys import LinkKey
from connector.foundation.links import InvitationLinks
from tests.support.attack import (
    ALL_SET,
    UPDATE_PASSWORD,
    almost_in,
    comes_in,
    done_url,
    is_safe,
    sign_in_question,
)
from tests.support.house import ACME, PORTAL, House, open_house
from tests.support.realms import NEIGHBOUR, PASSWORD, REALM, RunningKeycloak

NOWHERE = (404, "This link leads nowhere")
NOT_HERE = (410, "Let us start over")
SIBLING = TenantId("sibling")
"""Another tenant of the same realm."""
NEXT = TenantId(NEIGHBOUR)
"""A tenant of another realm."""
VERIFIER = "v" * 43


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Usher over two realms, one of which two tenants share."""
    folder, policy = tmp_path_factory.mktemp("forgeries"), {"email_verification": "invitation"}
    names = {"name": "attack-forgeries", "neighbour": "attack-forgeries-next"}
    with open_house(keycloak, inbox, folder, policy=policy, **names) as house:
        house.tenants.put(replace(house.service.tenant(ACME), id=SIBLING, name="Sibling AG"))
        yield house


# --- tokens of invitations -------------------------------------------------------------------------


def test_control_i2_a_token_that_was_put_together_leads_nowhere_and_begins_nothing(house: House) -> None:
    user, other = house.invited(), house.invited()
    mine, theirs = house.link(user), house.link(other)
    front, seal = mine.rsplit(".", 1)
    invitation = house.user(user).invitation
    assert invitation is not None
    forged = [
        f"{front}.{theirs.rsplit('.', 1)[1]}",
        f"{front[:-1]}2.{seal}",
        InvitationLinks(house.settings.public_url, LinkKey(b"x" * 32)).invitation(invitation.id, 1),
        house.links.invitation("0" * 32, 1),
    ]
    for link in forged:
        shown = house.person().open(link)
        assert (shown.status, shown.title) == NOWHERE
        pressed = house.person().post(link)
        assert (pressed.status, pressed.title) == NOWHERE
    assert not house.linked(user)
    assert house.told(user) == ["create"]
    assert is_safe(house, user, comes_in(house, user))


def test_control_i4_a_used_link_pressed_again_begins_nothing(house: House) -> None:
    """Sent straight to where the button would send it, as the page has none any more."""
    user = house.invited()
    person, account = comes_in(house, user), house.account(user)
    again = house.person().post(house.link(user))
    assert (again.status, again.title) == (410, "You already have access")
    house.work()
    assert house.account(user) == account
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


# --- the end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tenant", [ACME, SIBLING, NEXT])
def test_control_o5_somebody_elses_code_under_ones_own_state_lets_nobody_in(
    house: House, tenant: TenantId
) -> None:
    """The stranger is on a way of their own, with their own cookie and state, and has the person's code."""
    user, person = house.invited(), house.person()
    own, stranger = house.invited(tenant=tenant), house.person()
    stopped = almost_in(house, person, user)
    house.begin(stranger, own)
    question = sign_in_question(house, stranger)
    stranger.open(done_url(house, code=stopped.query["code"], state=question.query["state"]))
    assert house.state(own) is State.PENDING
    assert house.state(user) is State.PENDING
    assert not house.is_signed_in(stranger)
    assert person.open(stopped.way[-1]).title == ALL_SET
    if tenant is NEXT:  # Keycloak ends the session of a code that another realm was shown (measured)
        login = person.open(house.portal_sign_in())
        person.sign_in(login, house.user(user).profile.user_name, PASSWORD)
    assert is_safe(house, user, person)


# --- requests to our provider ----------------------------------------------------------------------

FORGED: dict[str, dict[str, str | None]] = {
    "another clients address": {"redirect_uri": PORTAL},
    "another realms address": {"redirect_uri": "http://localhost/realms/other/broker/usher/endpoint"},
    "a token at once": {"response_type": "id_token"},
    "code and token": {"response_type": "code id_token"},
    "another client": {"client_id": "portal"},
    "our own client": {"client_id": "usher-invite"},
    "plain PKCE": {"code_challenge_method": "plain", "code_challenge": VERIFIER},
    "no PKCE": {"code_challenge_method": None, "code_challenge": None},
    "by form": {"response_mode": "form_post"},
    "a request object": {"request": "e30.e30."},
}


def test_control_o6_no_forged_request_gets_a_code_even_in_the_persons_own_browser(house: House) -> None:
    """Another site sends the browser there, while its person is on the way."""
    user, person = house.invited(), house.person()
    page = house.begin(person, user)
    for name, changed in FORGED.items():
        refused = house.authorize(person, REALM, **changed)
        assert (refused.status, refused.title) == NOT_HERE, name
        assert len(refused.way) == 1, name
    assert person.choose_password(page, PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


def test_control_o13_the_way_into_one_realm_opens_no_other(house: House) -> None:
    """Neither its cookie nor its code; and the other realm's Keycloak gets our page for its hint."""
    user, person = house.invited(), house.person()
    page = house.begin(person, user)
    broker = house.broker.replace("attack-forgeries", "attack-forgeries-next")
    refused = house.authorize(person, NEIGHBOUR, redirect_uri=broker)
    assert (refused.status, refused.title) == NOT_HERE
    swapped = house.redeem(house.stolen_code(person), VERIFIER, realm=NEIGHBOUR)
    assert (swapped.status_code, swapped.json()) == (400, {"error": "invalid_grant"})
    assert person.choose_password(page, PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)


def test_control_o13_a_link_into_another_realm_leaves_the_person_where_they_were(house: House) -> None:
    """A stranger makes the person's browser begin with a link of the other realm: that is another way."""
    user, person = house.invited(), house.person()
    house.begin(person, user)
    page = house.begin(person, house.invited(tenant=NEXT))
    assert page.title == UPDATE_PASSWORD
    assert urlsplit(page.way[-1]).path.startswith("/realms/attack-forgeries-next/")
    house.work()
    assert not house.linked(user)
    assert person.choose_password(house.begin(person, user), PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)


# --- codes -----------------------------------------------------------------------------------------


def test_control_o7_a_code_shown_twice_or_late_is_refused_and_the_person_comes_in(house: House) -> None:
    user, person = house.invited(), house.person()
    house.begin(person, user)
    code = house.stolen_code(person)
    answers = [house.redeem(code, VERIFIER).status_code for _ in range(3)]
    assert answers == [200, 400, 400]
    late = house.stolen_code(person)
    with house.later(61):
        assert house.redeem(late, VERIFIER).status_code == 400
    assert person.choose_password(house.begin(person, user), PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


def test_control_o7_only_the_newest_code_of_a_way_is_good(house: House) -> None:
    user, person = house.invited(), house.person()
    house.begin(person, user)
    former, newest = house.stolen_code(person), house.stolen_code(person)
    assert house.redeem(former, VERIFIER).status_code == 400
    assert house.redeem(newest, VERIFIER).status_code == 200

"""Strangers who have something: another client of the realm, an account of their own in it, a session, or a
thing that was on the way and got stolen. Nobody of them gets in, the invited person does, and the timeline
tells of the person alone.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from itertools import combinations
from urllib.parse import urlencode

import pytest

from connector.demo.inbox import Inbox
from connector.domain.model import State
from connector.invite.http import COOKIE
from tests.support.attack import (
    ALL_SET,
    UPDATE_PASSWORD,
    almost_in,
    comes_in,
    done_url,
    is_safe,
    sign_in_question,
)
from tests.support.house import House, open_house
from tests.support.person import Person
from tests.support.realms import PASSWORD, RunningKeycloak

NOBODY_HERE = (410, "Go on from your mail")
NOT_HERE = (410, "Let us start over")
SOMEBODY_ELSE = "You are signed in as Root Rose"


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Usher over a realm of its own."""
    folder, policy = tmp_path_factory.mktemp("strangers"), {"email_verification": "invitation"}
    with open_house(keycloak, inbox, folder, "attack-strangers", policy=policy) as house:
        yield house


# --- another client of the realm -------------------------------------------------------------------


def test_control_o6_another_clients_hint_gets_a_browser_without_hand_over_nowhere(house: House) -> None:
    """Also with the prompt that makes Keycloak ask anew, and for somebody who is signed in there."""
    user, person, stranger = house.invited(), house.person(), house.person()
    page = house.begin(person, user)
    house.make_signed_in(stranger, "mallory-hint")
    for browser in (house.person(), stranger):
        seen = browser.open(house.portal_sign_in(kc_idp_hint="usher", prompt="login"))
        assert (seen.status, seen.title) == NOBODY_HERE
    assert person.choose_password(page, PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


def test_control_o6_another_client_gets_the_person_on_the_way_alone(house: House) -> None:
    """It may send the person's own browser through: to Keycloak's page for that very person, and what it
    learns in the end is that this person signed in.
    """
    user, person = house.invited(), house.person()
    house.begin(person, user)
    page = person.open(house.portal_sign_in(kc_idp_hint="usher", prompt="login"))
    assert page.title == UPDATE_PASSWORD
    assert "code" in person.choose_password(page, PASSWORD).query
    assert house.state(user) is State.PENDING
    assert house.begin(person, user).title == ALL_SET
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


# --- linking ---------------------------------------------------------------------------------------


def links_for(house: House, account: str) -> str:
    """Where applications began that before there was an action for it, sealed as Keycloak wants it."""
    (session,) = house.console.get(f"users/{account}/sessions")
    sealed = sha256(f"nonce{session['id']}portalusher".encode()).digest()
    query = {
        "client_id": "portal",
        "redirect_uri": "https://portal.example.com/acme",
        "nonce": "nonce",
        "hash": urlsafe_b64encode(sealed).decode().rstrip("="),
    }
    return f"{house.console.realm_url}/broker/usher/link?{urlencode(query)}"


@pytest.mark.parametrize("has_link", [False, True])
def test_control_o6_nobody_links_an_account_of_their_own(house: House, has_link: bool) -> None:
    """Not even a stranger who holds the person's link and has pressed it in the same browser: the subject
    that they could link is the person's, and taken.
    """
    user, stranger = house.invited(), house.person()
    mallory = house.make_signed_in(stranger, f"mallory-{has_link}".lower())
    if has_link:
        assert house.begin(stranger, user).title == SOMEBODY_ELSE
    agreed = stranger.press(stranger.open(house.portal_sign_in(kc_action="idp_link:usher")))
    assert agreed.has_passed("/oidc/main/authorize")
    assert agreed.has_passed("/broker/usher/endpoint") == has_link
    assert ("already linked to another user" in agreed.text) == has_link
    assert stranger.open(links_for(house, mallory)).status == 400
    assert house.console.get(f"users/{mallory}/federated-identity") == []
    person = comes_in(house, user)
    assert is_safe(house, user, person)
    assert house.console.get(f"users/{mallory}/federated-identity") == []
    presses = ["press"] * (1 + has_link)
    assert house.told(user) == ["create", *presses, "accept"]


# --- thieves ---------------------------------------------------------------------------------------

LOOT = ("cookie", "code", "state")


@pytest.mark.parametrize(
    "stolen", [some for size in range(4) for some in combinations(LOOT, size)], ids="+".join
)
def test_control_o5_what_is_stolen_on_the_way_back_opens_nothing(
    house: House, stolen: tuple[str, ...]
) -> None:
    """The person has done all at Keycloak; a thief brings what they stole to us first."""
    user, person, thief = house.invited(), house.person(), house.person()
    stopped = almost_in(house, person, user)
    if "cookie" in stolen:
        thief.take_cookie(COOKIE, person)
    thief.open(
        done_url(house, **{name: stopped.query[name] for name in ("code", "state") if name in stolen})
    )
    assert not house.is_signed_in(thief)
    assert person.open(stopped.way[-1]).title == ALL_SET
    assert is_safe(house, user, person)
    assert not house.is_signed_in(thief)
    # With cookie and state, but no code, we look by ourselves whether the person has done it all.
    seen = "activate" if stolen == ("cookie", "state") else "accept"
    assert house.told(user) == ["create", "press", seen]


def test_control_o12_a_cookie_that_was_stolen_is_worth_nothing_once_the_person_is_in(house: House) -> None:
    user, person, thief = house.invited(), house.person(), house.person()
    stopped = almost_in(house, person, user)
    thief.take_cookie(COOKIE, person)
    person.open(stopped.way[-1])
    for path in ("probe", "go", "done"):
        thief.open(f"{house.settings.public_url}/invite/{path}")
    assert len(house.authorize(thief).way) == 1, "a redirect, with a code"
    assert thief.open(house.link(user)).title == "You already have access"
    thief.open(house.portal_sign_in(kc_idp_hint="usher", prompt="login"))
    assert not house.is_signed_in(thief)
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


def test_control_o7_our_code_opens_nothing_in_the_browser_of_who_stole_it(house: House) -> None:
    """It was given to Keycloak's question in the person's browser, and is brought as the answer to one in
    the thief's; then with all that was on the way.
    """
    user, person, thief = house.invited(), house.person(), house.person()
    with person.stopping(house.broker):
        given = house.begin(person, user)
    with thief.stopping(f"{house.settings.public_url}/oidc"):
        asked = thief.open(house.portal_sign_in(kc_idp_hint="usher"))
    brought = {"code": given.query["code"], "state": asked.query["state"]}
    # 502: we gave no token for it. Were the code not bound, Keycloak's check of the nonce would answer 400.
    for answer, status in ((f"{house.broker}?{urlencode(brought)}", 502), (given.way[-1], 400)):
        assert thief.open(answer).status == status
        assert not house.is_signed_in(thief)
    page = house.begin(person, user)
    assert person.choose_password(page, PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]


# --- sessions of others ----------------------------------------------------------------------------


def answered_as_oneself(house: House, stranger: Person) -> str:
    """Has Keycloak answer our question about the invited person with whoever is signed in; where that
    answer goes.
    """
    question = sign_in_question(house, stranger)
    kept = {name: value for name, value in question.query.items() if name not in {"prompt", "kc_idp_hint"}}
    return f"{question.way[-1].partition('?')[0]}?{urlencode(kept)}"


def test_control_o5_a_strangers_own_session_is_no_proof(house: House) -> None:
    """Somebody with the link, and an account of their own, whose code is good and fits the question."""
    user, stranger = house.invited(), house.person()
    house.make_signed_in(stranger, "mallory-session")
    assert house.begin(stranger, user).title == SOMEBODY_ELSE
    seen = stranger.open(answered_as_oneself(house, stranger))
    assert seen.has_passed("/invite/done")
    assert seen.title == SOMEBODY_ELSE
    assert house.state(user) is State.PENDING
    person = comes_in(house, user)
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "press", "accept"]


def test_control_o5_who_came_in_by_their_own_invitation_is_not_let_in_by_another(
    house: House,
) -> None:
    """They are on the way twice in one browser, once to the end."""
    own, user, stranger = house.invited(), house.invited(), house.person()
    stranger.choose_password(house.begin(stranger, own), PASSWORD)
    assert house.state(own) is State.ACTIVE
    assert house.begin(stranger, user).title.startswith("You are signed in as")
    stranger.open(answered_as_oneself(house, stranger))
    assert house.state(user) is State.PENDING
    person = comes_in(house, user)
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "press", "accept"]


def test_control_o5_an_answer_that_a_stranger_finished_ends_nobodys_way(house: House) -> None:
    """A stranger lures the person's browser to the end of the stranger's own way."""
    user, person = house.invited(), house.person()
    own, stranger = house.invited(), house.person()
    page = house.begin(person, user)
    finished = almost_in(house, stranger, own)
    lured = person.open(finished.way[-1])
    assert (lured.status, lured.title) == NOT_HERE
    assert person.choose_password(page, PASSWORD).title == ALL_SET
    assert is_safe(house, user, person)
    assert house.told(user) == ["create", "press", "accept"]

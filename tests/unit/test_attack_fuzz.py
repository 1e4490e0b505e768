"""What an attacker may put into the hand-over's addresses, by the hundred: near misses of the right values,
values of another person's hand-over, tokens with headers of all kinds. Nothing but exactly the right thing
has any effect.
"""

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from joserfc.errors import JoseError

from connector.foundation.oidc import TokenRefused
from connector.invite.keycloak_client import Identity
from tests.support.invite_room import (
    BROKER,
    KEYCLOAK,
    PROVIDER_SECRET,
    VERIFIER,
    Browser,
    Room,
    a_room,
    query_of,
)
from tests.unit.test_oidc import CLAIMS, PUBLISHED, RSA, STRANGER, raw, signed, signed_by_hand, verify

ISSUER = f"{KEYCLOAK}/realms/portal"
RIGHT = {
    "response_type": "code",
    "client_id": "keycloak",
    "redirect_uri": BROKER,
    "scope": "openid",
    "state": "keycloak-state",
    "nonce": "keycloak-nonce",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
FREE = {"state", "nonce", "code_challenge"}
"""What Keycloak chooses: other values of the same shape are as good."""
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def near(value: str) -> st.SearchStrategy[str]:
    """Texts that somebody could take for ``value``, and some that nobody could."""
    return st.one_of(
        TEXT,
        st.integers(0, len(value) - 1).map(lambda at: value[:at] + value[at + 1 :]),
        st.tuples(st.integers(0, len(value)), TEXT).map(
            lambda cut: value[: cut[0]] + cut[1] + value[cut[0] :]
        ),
        st.sampled_from([value.upper(), value.lower(), value.title(), f"{value} {value}", value[::-1]]),
    ).filter(lambda found: found != value)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return a_room(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture(scope="module")
def browser(room: Room) -> Browser:
    """One whose hand-over is open all the time."""
    browser = room.browser()
    browser.press()
    return browser


# --- the provider ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(
    change=st.sampled_from(sorted(RIGHT.keys() - FREE)).flatmap(
        lambda name: st.tuples(st.just(name), near(RIGHT[name]))
    )
)
def test_control_o6_no_request_but_keycloaks_own_gets_a_code(
    room: Room, browser: Browser, change: tuple[str, str]
) -> None:
    name, value = change
    assume(name != "scope" or "openid" not in value.split(" "))
    before = room.handover().code
    page = browser.authorize(**(RIGHT | {name: value}))
    assert page.status_code == 410
    assert "Location" not in page.headers
    assert room.handover().code == before


@settings(deadline=None, max_examples=200)
@given(name=TEXT, value=TEXT)
def test_control_o6_whatever_else_is_asked_for_the_answer_goes_to_keycloak_or_nowhere(
    browser: Browser, name: str, value: str
) -> None:
    assume(name not in RIGHT)
    answer = browser.authorize(**(RIGHT | {name: value}))
    assert answer.headers.get("Location", f"{BROKER}?").startswith(f"{BROKER}?")


BOUND = {"redirect_uri": BROKER, "code_verifier": VERIFIER, "grant_type": "authorization_code"}


@settings(deadline=None, max_examples=100)
@given(
    change=st.sampled_from(sorted(BOUND)).flatmap(lambda name: st.tuples(st.just(name), near(BOUND[name])))
)
def test_control_o7_a_code_is_worth_nothing_with_any_of_its_bindings_swapped(
    browser: Browser, change: tuple[str, str]
) -> None:
    name, value = change
    code = query_of(browser.authorize().headers["Location"])["code"]
    answer = browser.token(code, **{name: value})
    assert answer.status_code == 400
    assert "id_token" not in answer.text


@settings(deadline=None, max_examples=100)
@given(secret=near(PROVIDER_SECRET), code=TEXT)
def test_control_o8_no_other_secret_and_no_other_code_is_taken(
    browser: Browser, secret: str, code: str
) -> None:
    good = query_of(browser.authorize().headers["Location"])["code"]
    assert browser.token(good, auth=("keycloak", secret)).status_code == 401
    assert browser.token(code).status_code == 400


# --- the way back ----------------------------------------------------------------------------------


@dataclass
class Crossroads:
    """Two people on the way in two browsers, all that both were given, and a third browser."""

    room: Room
    browsers: list[Browser]
    states: dict[str, list[str]]
    """Of each step, by person."""
    accounts: list[str]

    def lay_codes(self) -> list[str]:
        """Codes of both accounts and of a third, which Keycloak would exchange."""
        codes = [f"code-{next(_NUMBERS)}" for _ in self.accounts]
        for code, account in zip(codes, self.accounts, strict=True):
            self.room.client.codes[code] = Identity(sub=account, name="", id_token="a.b.c")
        return codes


_NUMBERS = count()


@pytest.fixture(scope="module")
def crossroads(tmp_path_factory: pytest.TempPathFactory) -> Crossroads:
    room = a_room(tmp_path_factory.mktemp("crossroads"))
    links = [room.link(), room.invite_another("grace@acme.example")]
    browsers = [room.browser() for _ in range(3)]
    states: dict[str, list[str]] = {"probe": [], "done": []}
    for link, browser in zip(links, browsers, strict=False):
        probe = browser.asked(browser.post(link))["state"]
        sign_in = browser.asked(browser.get(f"/invite/probe?error=login_required&state={probe}"))
        states["probe"].append(probe)
        states["done"].append(sign_in["state"])
    accounts = [account.id for account in room.idp.accounts()]
    for account in room.idp.accounts():
        room.idp.finish_actions(account.id, created_at=room.clock.now())
    return Crossroads(room, browsers, states, [*accounts, "somebody-else"])


@settings(deadline=None, max_examples=300)
@given(
    who=st.integers(0, 2),
    path=st.sampled_from(["probe", "done"]),
    state=st.one_of(st.tuples(st.sampled_from(["probe", "done"]), st.integers(0, 1)), TEXT),
    code=st.one_of(st.integers(0, 2), TEXT),
    iss=st.sampled_from(["", ISSUER, f"{ISSUER}2", f"{KEYCLOAK}/realms/master", "https://evil.example"]),
    error=st.sampled_from(["", "access_denied", "login_required", "temporarily_unavailable"]),
)
def test_control_o5_nothing_but_an_answer_to_this_browsers_own_question_changes_anything(
    crossroads: Crossroads,
    who: int,
    path: str,
    state: tuple[str, int] | str,
    code: int | str,
    iss: str,
    error: str,
) -> None:
    is_own = path == "done" and state == ("done", who) and iss in ("", ISSUER)
    assume(not is_own)
    given_state = crossroads.states[state[0]][state[1]] if isinstance(state, tuple) else state
    codes = crossroads.lay_codes()
    given_code = codes[code] if isinstance(code, int) else code
    before = crossroads.room.dump()
    query = {"state": given_state, "code": given_code, "iss": iss, "error": error}
    answer = crossroads.browsers[who].http.get(
        f"/invite/{path}", query_string=query, base_url="https://usher.example.com"
    )
    assert answer.status_code in {200, 303, 410}
    assert "You are all set" not in answer.text
    assert crossroads.room.dump() == before


# --- tokens ----------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["none", "None", "HS256", "RS512", "PS256", "ES256", "EdDSA", "rs256", ""])
        | JSON,
        "kid": st.sampled_from([RSA.kid, STRANGER.kid, "../keys", ""]) | JSON,
        "typ": st.sampled_from(["JWT", "jwt", "at+jwt", "logout+jwt"]) | JSON,
        "jku": TEXT,
        "x5u": TEXT,
        "jwk": st.just(STRANGER.as_dict(private=False)) | JSON,
        "crit": st.just(["exp"]) | JSON,
    },
)


@settings(deadline=None, max_examples=200)
@given(header=HEADERS, signature=st.binary(max_size=300))
def test_control_o11_no_header_makes_a_signature_of_nobody_good(
    header: dict[str, Any], signature: bytes
) -> None:
    with pytest.raises(TokenRefused):
        verify(raw({"alg": "RS256", "kid": RSA.kid} | header, CLAIMS, signature))


@settings(deadline=None, max_examples=100)
@given(header=HEADERS)
def test_control_o11_under_a_strange_header_not_even_the_right_signature_is_good(
    header: dict[str, Any],
) -> None:
    joined = {"alg": "RS256", "kid": RSA.kid} | header
    plain = {"alg": "RS256", "kid": RSA.kid}
    assume(joined != plain and joined != plain | {"typ": "JWT"})
    with pytest.raises(TokenRefused):
        verify(signed_by_hand(joined, CLAIMS))


@settings(deadline=None, max_examples=100)
@given(
    change=st.sampled_from(["iss", "aud", "nonce"]).flatmap(
        lambda name: st.tuples(st.just(name), near(CLAIMS[name]) | JSON)
    )
)
def test_control_o11_a_token_for_another_party_or_step_is_refused_whatever_it_looks_like(
    change: tuple[str, Any],
) -> None:
    name, value = change
    assume(not (name == "aud" and value == [CLAIMS["aud"]]))
    try:
        token = signed(CLAIMS | {name: value})
    except (JoseError, TypeError, ValueError):
        token = signed_by_hand({"alg": "RS256", "kid": RSA.kid}, CLAIMS | {name: value})
    with pytest.raises(TokenRefused):
        verify(token, PUBLISHED)

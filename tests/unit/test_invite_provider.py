"""The OpenID Connect provider: who gets a code, what a code is worth, and what its ID token says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from connector.domain import commands as c
from tests.support.builders import NOW
from tests.support.invite_room import (
    BROKER,
    PROVIDER_SECRET,
    PUBLIC,
    Browser,
    Room,
    query_of,
)


@pytest.fixture
def browser(room: Room) -> Browser:
    browser = room.browser()
    browser.press()
    return browser


def code_for(browser: Browser) -> str:
    answer = browser.authorize()
    assert answer.status_code == 303, answer.text
    return query_of(answer.headers["Location"])["code"]


# --- authorization endpoint ------------------------------------------------------------------------


def test_the_browser_that_pressed_gets_a_code_for_keycloak(browser: Browser) -> None:
    url = browser.authorize().headers["Location"]
    assert url.startswith(f"{BROKER}?")
    query = query_of(url)
    assert query.keys() == {"code", "state"}
    assert query["state"] == "keycloak-state"
    assert len(query["code"]) == 64


def test_control_o7_the_code_is_stored_hashed(room: Room, browser: Browser) -> None:
    assert code_for(browser) not in room.dump()


def test_control_o6_a_browser_without_the_cookie_gets_our_own_page(room: Room, browser: Browser) -> None:
    """Any client of the realm can send anybody here."""
    page = room.browser().authorize()
    assert page.status_code == 410
    assert "Location" not in page.headers
    assert "Go on from your mail" in page.text


@pytest.mark.parametrize(
    "change",
    [
        {"response_type": "token"},
        {"response_type": "code id_token"},
        {"response_type": None},
        {"client_id": "keycloak2"},
        {"client_id": None},
        {"scope": "profile"},
        {"scope": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge": "+" * 43},
        {"state": None},
        {"state": "s" * 2049},
        {"nonce": None},
        {"request": "eyJhbGciOiJub25lIn0.e30."},
        {"request_uri": "https://evil.example/request"},
        {"response_mode": "form_post"},
        {"response_mode": "query"},
    ],
    ids=str,
)
def test_control_o6_a_request_that_is_not_exactly_keycloaks_gets_our_own_page(
    room: Room, browser: Browser, change: dict[str, Any]
) -> None:
    before = room.dump()
    page = browser.authorize(**change)
    assert page.status_code == 410
    assert "Location" not in page.headers
    assert room.dump() == before


NEAR_MISSES = [
    BROKER + suffix
    for suffix in ("/", "?", "#", "?x=1", "%2F", "/..", "/../endpoint", "%00", " ", "\n", ".evil", "@evil")
] + [
    "",
    "https://evil.example/",
    BROKER.upper(),
    BROKER.replace("https", "http"),
    BROKER.replace("https", "HTTPS"),
    BROKER.replace("https://", "//"),
    BROKER.replace("https:", ""),
    BROKER.replace("https://", "javascript://"),
    BROKER.replace("sso.example.com", "sso.example.com:443"),
    BROKER.replace("sso.example.com", "SSO.example.com"),
    BROKER.replace("sso.example.com", "sso.example.com."),
    BROKER.replace("sso.example.com", "evil@sso.example.com"),
    BROKER.replace("sso.example.com", "sso.example.com@evil.example"),
    BROKER.replace("sso.example.com", "sso.example.com.evil.example"),
    BROKER.replace("sso.example.com", "evil.example"),
    BROKER.replace("sso.", "sso\u3002"),
    BROKER.replace("/broker", "//broker"),
    BROKER.replace("/broker", "/./broker"),
    BROKER.replace("/broker", "/x/../broker"),
    BROKER.replace("/broker", "\\broker"),
    BROKER.replace("/broker", "/%62roker"),
    BROKER.replace("/usher/", "/usher2/"),
    BROKER.replace("/usher/", "/Usher/"),
    BROKER.replace("/portal/", "/master/"),
    BROKER.replace("/portal/", "/portal%2F"),
    BROKER.replace("/endpoint", "/endpoint;x"),
    BROKER.replace("/endpoint", "/endpoin"),
    BROKER.replace("/endpoint", ""),
    f" {BROKER}",
]


@pytest.mark.parametrize("uri", NEAR_MISSES)
def test_control_o6_near_misses_of_the_redirect_uri_get_our_own_page(browser: Browser, uri: str) -> None:
    page = browser.authorize(redirect_uri=uri)
    assert page.status_code == 410
    assert "Location" not in page.headers


def test_there_are_forty_near_misses() -> None:
    assert len(set(NEAR_MISSES) - {BROKER}) == 40


def test_a_parameter_given_twice_is_refused(browser: Browser) -> None:
    url = browser.authorize(state="one").request.url + "&state=two"
    assert browser.get(url.replace(PUBLIC, "")).status_code == 410


@pytest.mark.parametrize(
    "ending",
    [
        lambda room: room.clock.move(900),
        lambda room: room.do(c.RevokeInvitation),
        lambda room: room.do(c.Resend),
        lambda room: room.do(c.Delete),
        lambda room: room.do(c.PutHold, kind="admin"),
        lambda room: room.browser().press(),
    ],
    ids=["fifteen minutes", "revoked", "resent", "deleted", "held", "taken by another browser"],
)
def test_control_o6_when_hand_over_or_invitation_is_over_there_is_no_code(
    room: Room, browser: Browser, ending: Callable[[Room], object]
) -> None:
    ending(room)
    assert browser.authorize().status_code == 410


def test_control_o13_a_hand_over_of_one_realm_opens_no_other(browser: Browser) -> None:
    assert browser.authorize(realm="second").status_code == 410
    assert browser.authorize(realm="none").status_code == 410
    assert browser.authorize().status_code == 303


# --- token endpoint --------------------------------------------------------------------------------


def test_a_code_gives_an_id_token_that_says_no_more_than_it_must(room: Room, browser: Browser) -> None:
    answer = browser.token(code_for(browser))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "id_token"}
    keys = KeySet.import_key_set(browser.get("/oidc/main/jwks").get_json())
    token = jwt.decode(body["id_token"], keys, algorithms=["RS256"])
    assert token.claims == {
        "iss": f"{PUBLIC}/oidc/main",
        "aud": "keycloak",
        "sub": room.handover().sub,
        "nonce": "keycloak-nonce",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "auth_time": int(NOW),
    }


def test_the_secret_may_stand_in_the_form(browser: Browser) -> None:
    code = code_for(browser)
    answer = browser.token(code, auth=None, client_id="keycloak", client_secret=PROVIDER_SECRET)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "presented",
    [
        {"auth": ("keycloak", "wrong")},
        {"auth": ("keycloak", "")},
        {"auth": ("other", PROVIDER_SECRET)},
        {"auth": None},
        {"auth": None, "client_id": "keycloak"},
        {"auth": None, "client_id": "keycloak", "client_secret": "wrong"},
        {"client_id": "keycloak", "client_secret": PROVIDER_SECRET},
    ],
    ids=str,
)
def test_control_o8_without_the_one_right_secret_a_code_is_worth_nothing_and_stays(
    browser: Browser, presented: dict[str, Any]
) -> None:
    code = code_for(browser)
    answer = browser.token(code, **presented)
    assert answer.status_code == 401
    assert answer.get_json() == {"error": "invalid_client"}
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert browser.token(code).status_code == 200


def test_control_o7_a_code_works_once(browser: Browser) -> None:
    code = code_for(browser)
    assert browser.token(code).status_code == 200
    again = browser.token(code)
    assert again.status_code == 400
    assert again.get_json() == {"error": "invalid_grant"}


def test_control_o7_of_many_who_show_a_code_one_succeeds(room: Room, browser: Browser) -> None:
    code = code_for(browser)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: room.browser().token(code).status_code, range(50)))
    assert sorted(answers) == [200] + [400] * 49


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": "short"},
        {"redirect_uri": BROKER + "/"},
    ],
    ids=str,
)
def test_control_o7_a_swapped_binding_uses_the_code_up(browser: Browser, change: dict[str, str]) -> None:
    code = code_for(browser)
    refused = browser.token(code, **change)
    assert refused.status_code == 400
    assert refused.get_json() == {"error": "invalid_grant"}
    assert browser.token(code).status_code == 400


@pytest.mark.parametrize("missing", ["code", "redirect_uri", "code_verifier", "grant_type"])
def test_a_token_request_that_lacks_something_is_invalid(browser: Browser, missing: str) -> None:
    code = code_for(browser)
    lacking: dict[str, Any] = {"code": code, missing: None}
    answer = browser.token(**lacking)
    assert answer.status_code == 400
    assert answer.get_json() == {"error": "invalid_request"}
    assert browser.token(code).status_code == 200


def test_another_grant_is_not_supported(browser: Browser) -> None:
    answer = browser.token(code_for(browser), grant_type="client_credentials")
    assert answer.get_json() == {"error": "unsupported_grant_type"}


def test_control_o7_a_code_lives_sixty_seconds(room: Room, browser: Browser) -> None:
    code = code_for(browser)
    room.clock.move(60)
    assert browser.token(code).status_code == 400


def test_control_o13_a_code_of_one_realm_is_worth_nothing_at_another(browser: Browser) -> None:
    assert browser.token(code_for(browser), realm="second").status_code == 400


def test_a_code_is_worth_nothing_once_the_invitation_is_over(room: Room, browser: Browser) -> None:
    code = code_for(browser)
    room.do(c.RevokeInvitation)
    assert browser.token(code).status_code == 400


def test_the_newest_code_alone_is_good(browser: Browser) -> None:
    first, second = code_for(browser), code_for(browser)
    assert browser.token(first).status_code == 400
    assert browser.token(second).status_code == 200


def test_a_form_that_is_too_long_is_refused(browser: Browser) -> None:
    answer = browser.token("c" * 100_000)
    assert answer.status_code == 413


# --- what is published -----------------------------------------------------------------------------


def test_the_metadata_says_what_is_there_and_no_more(browser: Browser) -> None:
    body = browser.get("/oidc/main/.well-known/openid-configuration").get_json()
    here = f"{PUBLIC}/oidc/main"
    assert body["issuer"] == here
    assert body["authorization_endpoint"] == f"{here}/authorize"
    assert body["token_endpoint"] == f"{here}/token"
    assert body["jwks_uri"] == f"{here}/jwks"
    assert body["response_types_supported"] == ["code"]
    assert body["code_challenge_methods_supported"] == ["S256"]
    assert "userinfo_endpoint" not in body


def test_the_published_keys_are_public(browser: Browser) -> None:
    (key,) = browser.get("/oidc/main/jwks").get_json()["keys"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


@pytest.mark.parametrize("path", ["jwks", ".well-known/openid-configuration"])
def test_an_unknown_realm_publishes_nothing(browser: Browser, path: str) -> None:
    assert browser.get(f"/oidc/none/{path}").status_code == 404

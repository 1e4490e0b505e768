"""The sample portal, before a Keycloak that answers as a test says."""

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connector.demo.portal import portal_app, portal_words
from connector.demo.relying_party import Attempt, Refused, RelyingParty, Session
from connector.domain.model import Brand, TenantId
from tests.support.builders import a_tenant

PORTAL = "http://127.0.0.1:1"
ISSUER = "http://localhost:2/realms/portal"
CLAIMS = {"given_name": "Ada", "name": "Ada Lovelace", "preferred_username": "ada", "email": "ada@x"}


class FakeKeycloak(RelyingParty):
    """Knows one code, and whether the session is alive."""

    def __init__(self) -> None:
        super().__init__(issuer=ISSUER, client_id="sample", client_secret="s", portal=PORTAL)
        self.alive = True
        self.away = False

    def redeem(self, code: str, attempt: Attempt) -> Session:
        if code != "good":
            raise Refused("no")
        return Session(claims=CLAIMS, id_token="id", refresh_token="r", checked_at=0.0)

    def refreshed(self, session: Session) -> Session:
        if self.away:
            raise requests.ConnectionError("down")
        if not self.alive:
            raise Refused("no")
        return session


@pytest.fixture
def keycloak() -> FakeKeycloak:
    return FakeKeycloak()


@pytest.fixture
def portal(keycloak: FakeKeycloak) -> Flask:
    nordwind = replace(a_tenant(TenantId("nordwind")), locale="de-AT", brand=Brand(logo=b"png"))
    app = portal_app({"acme": a_tenant(), "nordwind": nordwind}, keycloak, PORTAL)
    app.config["SERVER_NAME"] = "127.0.0.1"
    return app


@pytest.fixture
def visitor(portal: Flask) -> FlaskClient:
    return portal.test_client()


def asked(answer: TestResponse) -> dict[str, str]:
    """What Keycloak is asked."""
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{ISSUER}/protocol/openid-connect/auth?")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def signed_in(visitor: FlaskClient) -> TestResponse:
    state = asked(visitor.get("/acme"))["state"]
    visitor.get(f"/callback?state={state}&code=good")
    return visitor.get("/acme")


def test_a_first_visit_asks_keycloak_silently_with_pkce_state_and_nonce(visitor: FlaskClient) -> None:
    first, second = asked(visitor.get("/acme")), asked(visitor.get("/acme"))
    assert first["prompt"] == "none"
    assert first["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 32
        assert first[name] != second[name]


def test_who_is_signed_in_at_keycloak_is_signed_in_here(visitor: FlaskClient) -> None:
    shown = signed_in(visitor).get_data(as_text=True)
    assert "Welcome, Ada" in shown
    assert "ada@x" in shown


def test_who_is_not_gets_a_page_with_a_button_and_no_circle(visitor: FlaskClient) -> None:
    state = asked(visitor.get("/acme"))["state"]
    answer = visitor.get(f"/callback?state={state}&error=login_required")
    assert answer.headers["Location"] == "/acme/hello"
    assert "Not signed in" in visitor.get("/acme/hello").get_data(as_text=True)
    assert "prompt" not in asked(visitor.post("/acme/sign-in"))


def test_a_session_that_keycloak_has_ended_ends_here_unless_somebody_is_signed_in_there(
    visitor: FlaskClient, keycloak: FakeKeycloak
) -> None:
    signed_in(visitor)
    keycloak.alive = False
    query = asked(visitor.get("/acme"))
    assert query["prompt"] == "none"
    answer = visitor.get(f"/callback?state={query['state']}&error=login_required")
    assert answer.headers["Location"] == "/acme/ended"
    assert "Your access has ended" in visitor.get("/acme/ended").get_data(as_text=True)
    asked(visitor.get("/acme"))


def test_an_answer_that_nobody_here_asked_for_signs_nobody_in(visitor: FlaskClient, portal: Flask) -> None:
    state = asked(visitor.get("/acme"))["state"]
    other = portal.test_client()
    assert other.get(f"/callback?state={state}&code=good").headers["Location"] == "/"
    assert visitor.get("/callback?state=made-up&code=good").headers["Location"] == "/"
    asked(visitor.get("/acme"))


def test_an_answer_works_once(visitor: FlaskClient) -> None:
    state = asked(visitor.get("/acme"))["state"]
    assert visitor.get(f"/callback?state={state}&code=good").headers["Location"] == "/acme"
    assert visitor.get(f"/callback?state={state}&code=good").headers["Location"] == "/"


def test_signing_out_ends_the_session_at_keycloak_too(visitor: FlaskClient) -> None:
    signed_in(visitor)
    target = visitor.post("/acme/sign-out").headers["Location"]
    assert target.startswith(f"{ISSUER}/protocol/openid-connect/logout?id_token_hint=id&")
    asked(visitor.get("/acme"))


def test_a_keycloak_that_does_not_answer_is_said_so(visitor: FlaskClient, keycloak: FakeKeycloak) -> None:
    signed_in(visitor)
    keycloak.away = True
    answer = visitor.get("/acme")
    assert answer.status_code == 503
    assert "Keycloak does not answer" in answer.get_data(as_text=True)


def test_a_site_that_is_not_there_is_not_found(visitor: FlaskClient) -> None:
    for answer in (visitor.get("/other"), visitor.get("/other/hello"), visitor.post("/other/sign-in")):
        assert answer.status_code == 404


def test_a_german_site_is_german_and_so_is_keycloaks_sign_in(visitor: FlaskClient) -> None:
    page = visitor.get("/nordwind/hello").get_data(as_text=True)
    assert '<html lang="de">' in page
    assert "Nicht angemeldet" in page
    assert asked(visitor.post("/nordwind/sign-in"))["ui_locales"] == "de-AT"


def test_a_logo_is_shown_where_there_is_one(visitor: FlaskClient) -> None:
    assert 'src="/nordwind/logo"' in visitor.get("/nordwind/hello").get_data(as_text=True)
    assert visitor.get("/nordwind/logo").data == b"png"
    assert visitor.get("/acme/logo").status_code == 404


def test_the_portal_says_the_same_in_every_language() -> None:
    english, *others = portal_words().values()
    for words in others:
        assert shape(words) == shape(english)


def shape(words: object) -> object:
    """Which words there are, and what is filled in."""
    if isinstance(words, str):
        return sorted(re.findall(r"{(\w+)}", words))
    assert isinstance(words, dict)
    return {name: shape(value) for name, value in words.items()}

"""Our client of the realm: which requests it makes, what it believes, and what it calls each failure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from joserfc import jwt
from joserfc.jwk import RSAKey

from connector.domain.errors import Misconfigured, Unavailable
from connector.foundation.observe import bind_request_id
from connector.foundation.oidc import pkce_challenge
from connector.invite.keycloak_client import CodeRefused, Identity, KeycloakClient, Proof
from tests.support.builders import NOW, FakeClock
from tests.support.invite_room import KEYCLOAK, PROVIDER_SECRET, PUBLIC, a_room, query_of

ISSUER = f"{KEYCLOAK}/realms/portal"
TOKEN = f"{ISSUER}/protocol/openid-connect/token"
CERTS = f"{ISSUER}/protocol/openid-connect/certs"
CALLBACK = f"{PUBLIC}/invite/done"
PROOF = Proof(state="state", nonce="nonce", verifier="v" * 43)


def a_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


OLD, NEW = a_key("old"), a_key("new")


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(tmp_path: Path, clock: FakeClock) -> KeycloakClient:
    return KeycloakClient(a_room(tmp_path).settings.realms["main"], clock)


def an_id_token(key: RSAKey = OLD, **changed: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": "usher-invite",
        "azp": "usher-invite",
        "sub": "account-id",
        "nonce": "nonce",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
        "typ": "ID",
        "preferred_username": "ada",
        **changed,
    }
    return jwt.encode({"alg": "RS256", "kid": key.kid, "typ": "JWT"}, claims, key)


def publish(net: responses.RequestsMock, *keys: RSAKey) -> None:
    net.upsert("GET", CERTS, json={"keys": [key.as_dict(private=False) for key in keys]})


def answer(net: responses.RequestsMock, token: str) -> None:
    net.upsert("POST", TOKEN, json={"access_token": "x", "id_token": token})


def identify(client: KeycloakClient) -> Identity:
    return client.identify("the-code", callback=CALLBACK, proof=PROOF)


def fetches(net: responses.RequestsMock) -> int:
    return sum(call.request.url == CERTS for call in net.calls)


def test_a_code_is_exchanged_for_whom_it_names(client: KeycloakClient, net: responses.RequestsMock) -> None:
    publish(net, OLD)
    token = an_id_token(name="Ada Lovelace")
    answer(net, token)
    assert identify(client) == Identity(sub="account-id", name="Ada Lovelace", id_token=token)
    form = parse_qs(str(net.calls[0].request.body))
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": [CALLBACK],
        "code_verifier": [PROOF.verifier],
        "client_id": ["usher-invite"],
        "client_secret": [PROVIDER_SECRET],
    }


def test_operations_x5_every_request_to_keycloak_carries_the_request_id(
    client: KeycloakClient, net: responses.RequestsMock
) -> None:
    publish(net, OLD)
    answer(net, an_id_token())
    with bind_request_id("request-1"):
        identify(client)
    assert [call.request.headers["X-Request-ID"] for call in net.calls] == ["request-1"] * 2
    identify(client)
    assert "X-Request-ID" not in net.calls[2].request.headers


def test_an_identity_does_not_show_its_token() -> None:
    assert "a.b.c" not in repr(Identity(sub="s", name="n", id_token="a.b.c"))


def test_a_proof_does_not_show_its_secrets() -> None:
    assert PROOF.verifier not in repr(PROOF)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ada Lovelace"}, "Ada Lovelace"),
        ({"name": " "}, "ada"),
        ({"preferred_username": None, "email": "ada@example.com"}, "ada@example.com"),
        ({"preferred_username": 7}, ""),
    ],
)
def test_somebody_is_called_by_the_best_name_there_is(
    client: KeycloakClient, net: responses.RequestsMock, claims: dict[str, Any], name: str
) -> None:
    publish(net, OLD)
    answer(net, an_id_token(**claims))
    assert identify(client).name == name


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": f"{KEYCLOAK}/realms/other"},
        {"aud": "portal"},
        {"azp": "portal"},
        {"nonce": "another"},
        {"exp": int(NOW) - 60},
        {"iat": int(NOW) + 3600},
        {"typ": "Bearer"},
    ],
    ids=str,
)
def test_control_o11_an_id_token_that_is_not_for_this_step_proves_nothing(
    client: KeycloakClient, net: responses.RequestsMock, changed: dict[str, Any]
) -> None:
    publish(net, OLD)
    answer(net, an_id_token(**changed))
    with pytest.raises(CodeRefused):
        identify(client)


def test_control_o11_another_signature_proves_nothing(
    client: KeycloakClient, net: responses.RequestsMock
) -> None:
    forged = a_key(str(OLD.kid))
    publish(net, OLD)
    answer(net, an_id_token(forged))
    with pytest.raises(CodeRefused):
        identify(client)


def test_a_code_that_keycloak_does_not_take_proves_nothing(
    client: KeycloakClient, net: responses.RequestsMock
) -> None:
    net.post(TOKEN, json={"error": "invalid_grant"}, status=400)
    with pytest.raises(CodeRefused):
        identify(client)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": "invalid_client"}),
        (400, {"error": "unauthorized_client"}),
        (404, {"error": "Realm does not exist"}),
        (200, {"access_token": "x"}),
        (200, {"id_token": None}),
    ],
)
def test_a_refusal_of_our_client_is_for_the_operator(
    client: KeycloakClient, net: responses.RequestsMock, status: int, body: dict[str, Any]
) -> None:
    net.post(TOKEN, json=body, status=status)
    with pytest.raises(Misconfigured):
        identify(client)


@pytest.mark.parametrize(
    "reply",
    [
        {"json": {"error": "busy"}, "status": 503},
        {"json": {}, "status": 429},
        {"json": [], "status": 200},
        {"body": "<html>", "status": 200},
        {"body": "<html>", "status": 404},
        {"body": "", "status": 302, "headers": {"Location": "https://evil.example/"}},
        {"body": requests.ConnectionError("refused")},
        {"body": requests.ReadTimeout("slow")},
    ],
    ids=str,
)
def test_whatever_is_no_answer_of_keycloaks_is_tried_again(
    client: KeycloakClient, net: responses.RequestsMock, reply: dict[str, Any]
) -> None:
    net.post(TOKEN, **reply)
    with pytest.raises(Unavailable):
        identify(client)


def test_the_keys_are_fetched_once_in_ten_minutes(
    client: KeycloakClient, net: responses.RequestsMock, clock: FakeClock
) -> None:
    publish(net, OLD)
    answer(net, an_id_token())
    for _ in range(3):
        identify(client)
    assert fetches(net) == 1
    clock.move(600)
    answer(net, an_id_token(iat=int(clock.now()), exp=int(clock.now()) + 300))
    identify(client)
    assert fetches(net) == 2


def test_a_new_key_is_fetched_when_a_token_names_it(
    client: KeycloakClient, net: responses.RequestsMock, clock: FakeClock
) -> None:
    publish(net, OLD)
    answer(net, an_id_token())
    identify(client)
    clock.move(11)
    publish(net, OLD, NEW)
    answer(net, an_id_token(NEW))
    assert identify(client).sub == "account-id"


def test_unknown_keys_cannot_make_us_fetch_again_and_again(
    client: KeycloakClient, net: responses.RequestsMock
) -> None:
    publish(net, OLD)
    answer(net, an_id_token(NEW))
    for _ in range(5):
        with pytest.raises(Unavailable):
            identify(client)
    assert fetches(net) == 1


def test_the_question_has_everything_but_a_secret(client: KeycloakClient) -> None:
    url = client.authorize_url(CALLBACK, PROOF, prompt="none")
    assert url.startswith(f"{ISSUER}/protocol/openid-connect/auth?")
    assert query_of(url) == {
        "client_id": "usher-invite",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "state",
        "nonce": "nonce",
        "code_challenge": pkce_challenge(PROOF.verifier),
        "code_challenge_method": "S256",
        "prompt": "none",
    }


def test_a_log_out_names_the_session_only_if_it_has_its_token(client: KeycloakClient) -> None:
    back = f"{PUBLIC}/invite/go"
    silent = query_of(client.logout_url(back, id_token="t", language="de"))
    assert silent == {
        "client_id": "usher-invite",
        "post_logout_redirect_uri": back,
        "id_token_hint": "t",
        "ui_locales": "de",
    }
    assert "id_token_hint" not in query_of(client.logout_url(back))

"""How the adapter behaves on the wire when what answers is slow, gone, or not Keycloak: against a
server in this process that answers as told and counts.
"""

import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from connector.domain.account import DesiredAccount
from connector.domain.errors import Conflict, Gone, Misconfigured, Unavailable
from connector.domain.model import AccountId
from connector.foundation.config import RealmSettings
from connector.foundation.deadline import within
from connector.keycloak.adapter import KeycloakProvider, KeycloakProviders
from connector.keycloak.client import READ_SECONDS, AdminClient, Login
from connector.keycloak.representation import new_account
from tests.contract.identity_provider import OUR_ACTIONS, somebody
from tests.support.realms import REALM, write_settings

ACCOUNT = AccountId("5f0c0000-0000-4000-8000-000000000000")
ACCOUNT_PATH = f"/auth/admin/realms/stub/users/{ACCOUNT}"
TOKEN_PATH = "/auth/realms/stub/protocol/openid-connect/token"

Answer = Callable[[BaseHTTPRequestHandler], object]


def answering(status: int, body: str, **headers: str) -> Answer:
    """An answer of this status and body; underscores in header names stand for hyphens."""
    data = body.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **named}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Take the request, answer nothing, and close with a reset."""
    linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.close_connection = True


class StubKeycloak:
    """Gives tokens, and to every other call ``answer``; ``seen`` counts "METHOD path"."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.secrets: list[str] = []
        self.token: Answer = answering(200, json.dumps({"access_token": "t", "expires_in": 300}))
        self.answer: Answer = answering(500, "{}")
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> object:
                path = self.path.partition("?")[0]
                stub.seen[f"{self.command} {path}"] += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if path != TOKEN_PATH:
                    return stub.answer(self)
                stub.secrets += parse_qs(body)["client_secret"]
                return stub.token(self)

            do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815  # the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/auth"

    def tokens_given(self) -> int:
        """How often somebody asked for a token."""
        return self.seen[f"POST {TOKEN_PATH}"]


@pytest.fixture
def stub() -> Iterator[StubKeycloak]:
    stub = StubKeycloak()
    thread = Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()
    thread.join()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secrets" / "runtime"
    path.parent.mkdir(mode=0o700)
    path.write_text("s3cret")
    path.chmod(0o600)
    return path


@pytest.fixture
def realm(stub: StubKeycloak, secret: Path, tmp_path: Path) -> RealmSettings:
    keycloak = SimpleNamespace(url=stub.url, admin_user="", admin_password="")
    settings = write_settings(keycloak, tmp_path, "stub", public_url="http://localhost:9")
    return settings.realms[REALM]


@pytest.fixture
def provider(realm: RealmSettings) -> KeycloakProvider:
    return KeycloakProvider(realm, OUR_ACTIONS)


def test_the_address_may_have_a_path(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.answer = answering(200, "[]")
    assert provider.find("acme:1") is None
    assert stub.seen["GET /auth/admin/realms/stub/users"] == 1


def test_a_post_whose_connection_is_reset_is_sent_once(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    stub.answer = hang_up
    with pytest.raises(Unavailable):
        provider.create(somebody())
    assert stub.seen["POST /auth/admin/realms/stub/users"] == 1


def test_keycloak_a2_ten_cold_threads_fetch_one_token(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    stub.answer = answering(200, "[]")
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(provider.find, ["acme:1"] * 10)) == [None] * 10
    assert stub.tokens_given() == 1


def test_a_token_near_its_end_is_fetched_anew(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.token = answering(200, json.dumps({"access_token": "t", "expires_in": 0}))
    stub.answer = answering(200, "[]")
    provider.find("acme:1")
    provider.find("acme:1")
    assert stub.tokens_given() == 2


def test_a_token_that_is_refused_is_fetched_once_more_and_then_misconfigured(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    stub.answer = answering(401, '{"error":"HTTP 401 Unauthorized"}')
    with pytest.raises(Misconfigured):
        provider.get(ACCOUNT)
    assert stub.tokens_given() == 2


def test_a_wrong_secret_is_misconfigured_and_a_mended_one_taken_up(
    stub: StubKeycloak, provider: KeycloakProvider, secret: Path
) -> None:
    good, stub.token = stub.token, answering(401, '{"error":"unauthorized_client"}')
    with pytest.raises(Misconfigured):
        provider.get(ACCOUNT)
    stub.token, stub.answer = good, answering(200, "[]")
    secret.write_text("mended")
    assert provider.find("acme:1") is None
    assert stub.secrets == ["s3cret", "mended"]


def test_a_missing_secret_file_is_misconfigured(provider: KeycloakProvider, secret: Path) -> None:
    secret.unlink()
    with pytest.raises(Misconfigured, match="runtime"):
        provider.get(ACCOUNT)


@pytest.mark.parametrize(
    "token",
    [
        answering(503, "{}"),
        answering(502, "<html>", Content_Type="text/html"),
        answering(200, "<html>", Content_Type="text/html"),
        hang_up,
    ],
    ids=["503", "502-html", "200-html", "reset"],
)
def test_no_token_for_now_is_unavailable(
    stub: StubKeycloak, provider: KeycloakProvider, token: Answer
) -> None:
    stub.token = token
    with pytest.raises(Unavailable):
        provider.get(ACCOUNT)


def test_nobody_listening_is_unavailable(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.server.shutdown()
    stub.server.server_close()
    with pytest.raises(Unavailable):
        provider.get(ACCOUNT)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_misconfigured_and_not_followed(
    stub: StubKeycloak, provider: KeycloakProvider, status: int
) -> None:
    stub.answer = answering(status, "", Location=f"{stub.url}/elsewhere")
    for call in (provider.get, provider.delete, provider.end_sessions):
        with pytest.raises(Misconfigured, match="redirects"):
            call(ACCOUNT)
    assert not [call for call in stub.seen if call.endswith("elsewhere")]


@pytest.mark.parametrize("status", [302, 307])
def test_our_secret_is_not_taken_to_where_a_redirect_leads(
    stub: StubKeycloak, provider: KeycloakProvider, status: int
) -> None:
    stub.token = answering(status, "", Location=f"{stub.url}/elsewhere")
    with pytest.raises(Misconfigured, match="redirects"):
        provider.get(ACCOUNT)
    assert set(stub.seen) == {f"POST {TOKEN_PATH}"}


def test_only_keycloaks_own_word_says_that_an_account_is_gone(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    stub.answer = answering(404, '{"error":"User not found"}')
    with pytest.raises(Gone):
        provider.get(ACCOUNT)
    stub.answer = answering(404, "User not found", Content_Type="text/html")
    with pytest.raises(Unavailable):
        provider.get(ACCOUNT)


@pytest.mark.parametrize(
    "answer",
    [
        answering(200, "<html>", Content_Type="text/html"),
        answering(200, "{", Content_Type="application/json"),
        answering(200, '"text"'),
        answering(200, "null"),
        answering(201, "{}"),
    ],
    ids=["html", "broken", "text", "null", "no-location"],
)
def test_a_good_status_with_an_unexpected_body_is_unavailable(
    stub: StubKeycloak, provider: KeycloakProvider, answer: Answer
) -> None:
    stub.answer = answer
    with pytest.raises(Unavailable):
        provider.find("acme:1")
    with pytest.raises(Unavailable):
        provider.create(somebody())


def test_retry_after_is_carried(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.answer = answering(503, "", Retry_After="17")
    with pytest.raises(Unavailable) as caught:
        provider.get(ACCOUNT)
    assert caught.value.retry_after == 17.0


def test_retry_after_of_the_token_endpoint_is_carried(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    stub.token = answering(429, "", Retry_After="23")
    with pytest.raises(Unavailable) as caught:
        provider.get(ACCOUNT)
    assert caught.value.retry_after == 23.0


def test_keycloak_a2_threads_whose_token_was_refused_fetch_one(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    good, bad = answering(200, "[]"), answering(401, '{"error":"HTTP 401 Unauthorized"}')
    stub.token = lambda to: answering(
        200, json.dumps({"access_token": f"t{stub.tokens_given()}", "expires_in": 300})
    )(to)
    stub.answer = lambda to: (bad if to.headers["Authorization"] == "Bearer t1" else good)(to)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(provider.find, ["acme:1"] * 16)) == [None] * 16
    assert stub.tokens_given() == 2


def test_keycloak_a2_an_answer_that_takes_too_long_is_unavailable(
    stub: StubKeycloak, realm: RealmSettings
) -> None:
    over = Event()
    stub.answer = lambda _: over.wait(20)
    login = Login(realm="stub", client_id="c", client_secret="s")
    client = AdminClient(realm, lambda: login, patience=0.2)
    try:
        with pytest.raises(Unavailable, match="ReadTimeout"):
            client.get("users")
    finally:
        over.set()


def test_no_call_outlasts_the_work_at_hand(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    over = Event()
    stub.answer = lambda _: over.wait(20)
    try:
        with within(0.2):
            with pytest.raises(Unavailable, match="ReadTimeout"):
                provider.get(ACCOUNT)
            with pytest.raises(Unavailable, match="too long"):
                provider.get(ACCOUNT)
    finally:
        over.set()
    assert stub.seen[f"GET {ACCOUNT_PATH}"] == 1


def test_keycloak_a2_connecting_may_take_3_seconds_and_an_answer_10() -> None:
    from connector.keycloak.connection import Connection

    timeout: object = Connection("http://localhost:9", patience=READ_SECONDS).timeout
    assert timeout == (3.0, 10.0)


def test_the_environment_names_a_proxy_and_whom_to_trust(
    stub: StubKeycloak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every program of the machine finds Keycloak: asked once, and used at each request."""
    from connector.keycloak.connection import Connection

    monkeypatch.setenv("http_proxy", stub.url)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authorities.pem"))
    connection = Connection("http://sso.example.com", patience=READ_SECONDS)
    connection.raw_get(ACCOUNT_PATH)
    assert stub.seen[f"GET http://sso.example.com{ACCOUNT_PATH}"] == 1
    assert connection.verify == str(tmp_path / "authorities.pem")


def test_keycloak_a1_two_hundred_realms_keep_their_connection(realm: RealmSettings) -> None:
    """The 201st takes the place of the one unused for longest."""
    names = [f"realm-{number}" for number in range(201)]
    providers = KeycloakProviders(dict.fromkeys(names, realm), OUR_ACTIONS)
    made = {name: providers.of(name) for name in names[:200]}
    assert len(set(map(id, made.values()))) == 200
    assert providers.of(names[0]) is made[names[0]]
    providers.of(names[200])
    for name in (names[0], *names[2:200]):
        assert providers.of(name) is made[name]
    assert providers.of(names[1]) is not made[names[1]]
    with pytest.raises(KeyError):
        providers.of("nowhere")


# --- what others do to the account meanwhile ---


CONFLICT = answering(409, '{"errorMessage":"Somebody else was quicker"}')


@pytest.mark.parametrize("second", [answering(204, ""), CONFLICT], ids=["taken", "refused"])
def test_keycloak_a5_a_conflict_is_read_merged_and_tried_once_more(
    stub: StubKeycloak, provider: KeycloakProvider, second: Answer
) -> None:
    wanted = somebody()
    old = stored(wanted, firstName="Old")
    answers = {
        "GET": [answering(200, old), answering(200, old), answering(200, stored(wanted))],
        "PUT": [CONFLICT, second],
    }
    stub.answer = lambda to: answers[to.command].pop(0)(to)
    found = provider.get(ACCOUNT)
    if second is CONFLICT:
        with pytest.raises(Conflict):
            provider.update(found, wanted)
    else:
        assert provider.update(found, wanted) is True
    assert stub.seen[f"PUT {ACCOUNT_PATH}"] == 2


def test_keycloak_a6_a_session_that_began_meanwhile_is_tried_again_and_blames_nobody_else(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    left = {"sessions": '[{"id":"s1"}]', "consents": "[]", "logout": ""}
    stub.answer = lambda to: answering(200, left[to.path.rpartition("/")[2]])(to)
    with pytest.raises(Unavailable) as caught:
        provider.end_sessions(ACCOUNT)
    assert not caught.value.sink_wide


def stored(wanted: DesiredAccount, **fields: object) -> str:
    """The account as Keycloak shows it."""
    return json.dumps({**new_account(wanted, ()), "id": ACCOUNT, **fields})


def test_a_secret_shows_in_no_repr(provider: KeycloakProvider) -> None:
    shown = repr(Login(realm="r", client_id="c", client_secret="s3cret", password="s3cret"))
    assert "s3cret" not in shown
    assert "s3cret" not in repr(vars(provider))

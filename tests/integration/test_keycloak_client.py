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
from threading import Thread
from types import SimpleNamespace

import pytest

from connector.domain.errors import Gone, Misconfigured, Unavailable
from connector.domain.model import AccountId
from connector.keycloak.adapter import KeycloakProvider, KeycloakProviders
from tests.contract.identity_provider import OUR_ACTIONS, somebody
from tests.support.realms import REALM, write_settings

ACCOUNT = AccountId("5f0c0000-0000-4000-8000-000000000000")
TOKEN_PATH = "/auth/realms/stub/protocol/openid-connect/token"

Answer = Callable[[BaseHTTPRequestHandler], None]


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

            def respond(self) -> None:
                path = self.path.partition("?")[0]
                stub.seen[f"{self.command} {path}"] += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if path != TOKEN_PATH:
                    return stub.answer(self)
                stub.secrets.append(body.partition("client_secret=")[2])
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
    thread = Thread(target=stub.server.serve_forever, daemon=True)
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
def provider(stub: StubKeycloak, secret: Path, tmp_path: Path) -> KeycloakProvider:
    keycloak = SimpleNamespace(url=stub.url, admin_user="", admin_password="")
    settings = write_settings(keycloak, tmp_path, "stub", public_url="http://localhost:9")
    return KeycloakProvider(settings.realms[REALM], OUR_ACTIONS)


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


def test_ten_cold_threads_fetch_one_token(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.answer = answering(200, "[]")
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(provider.find, ["acme:1"] * 10)) == [None] * 10
    assert stub.tokens_given() == 1


def test_a_token_near_its_end_is_fetched_anew(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.token = answering(200, json.dumps({"access_token": "t", "expires_in": 1}))
    stub.answer = answering(200, "[]")
    provider.find("acme:1")
    provider.find("acme:1")
    assert stub.tokens_given() >= 2


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


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_misconfigured_and_not_followed_into_a_guess(
    stub: StubKeycloak, provider: KeycloakProvider, status: int
) -> None:
    elsewhere = answering(200, json.dumps({"id": ACCOUNT}))
    first = answering(status, "", Location=f"{stub.url}/elsewhere")
    stub.answer = lambda to: (elsewhere if to.path.endswith("elsewhere") else first)(to)
    with pytest.raises(Misconfigured, match="redirects"):
        provider.get(ACCOUNT)


def test_only_keycloaks_own_word_says_that_an_account_is_gone(
    stub: StubKeycloak, provider: KeycloakProvider
) -> None:
    stub.answer = answering(404, '{"error":"User not found"}')
    with pytest.raises(Gone):
        provider.get(ACCOUNT)
    stub.answer = answering(404, "User not found", Content_Type="text/html")
    with pytest.raises(Misconfigured):
        provider.get(ACCOUNT)


def test_a_proxys_404_page_deletes_nothing(stub: StubKeycloak, provider: KeycloakProvider) -> None:
    stub.answer = answering(404, "<h1>Not Found</h1>", Content_Type="text/html")
    for call in (provider.delete, provider.unlink, provider.end_sessions):
        with pytest.raises(Misconfigured):
            call(ACCOUNT)


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


def test_two_realms_have_a_connection_each_and_keep_it(
    stub: StubKeycloak, secret: Path, tmp_path: Path
) -> None:
    keycloak = SimpleNamespace(url=stub.url, admin_user="", admin_password="")
    one = write_settings(keycloak, tmp_path, "one", public_url="http://localhost:9").realms[REALM]
    two = write_settings(keycloak, tmp_path, "two", public_url="http://localhost:9").realms[REALM]
    providers = KeycloakProviders({"one": one, "two": two}, OUR_ACTIONS)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(providers.of, ["one", "two"] * 8))
    assert {id(provider) for provider in found} == {id(found[0]), id(found[1])}
    assert found[0] is not found[1]
    with pytest.raises(KeyError):
        providers.of("three")


def test_a_secret_shows_in_no_repr(provider: KeycloakProvider) -> None:
    from connector.keycloak.client import Login

    shown = repr(Login(realm="r", client_id="c", client_secret="s3cret", password="s3cret"))
    assert "s3cret" not in shown
    assert "s3cret" not in repr(vars(provider))

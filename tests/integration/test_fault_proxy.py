"""The fault proxy itself, before a tiny HTTP server and a real SMTP server: each mode does what it says and
nothing else, and nothing is left when the block ends.
"""

import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from tests.support.fault_proxy import HOST, FaultProxy, Mode, fault_proxy
from tests.support.mail_server import MailServer, mail_server
from tests.support.messages import HttpRequests
from tests.support.waiting import wait_until

SOON = 0.3
"""Seconds a client waits for what will never come."""


class TinyServer:
    """Answers every request with its path, and keeps what it got: "METHOD path body"."""

    def __init__(self) -> None:
        self.got: list[str] = []
        tiny = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                wanted = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(wanted)
                if len(body) < wanted:
                    self.close_connection = True
                    return
                tiny.got.append(f"{self.command} {self.path} {body.decode()}".rstrip())
                self.send_response(200)
                self.send_header("Content-Length", str(len(self.path)))
                self.end_headers()
                self.wfile.write(self.path.encode())

            do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815  # the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer((HOST, 0), Handler)

    @property
    def port(self) -> int:
        return self.server.server_port


@pytest.fixture
def server() -> Iterator[TinyServer]:
    tiny = TinyServer()
    thread = Thread(target=tiny.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield tiny
    tiny.server.shutdown()
    thread.join()
    tiny.server.server_close()


@pytest.fixture
def proxy(server: TinyServer) -> Iterator[FaultProxy]:
    with fault_proxy(HOST, server.port, http=True) as proxy:
        yield proxy


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


# --- over HTTP ---


def test_requests_of_one_connection_are_told_apart(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    assert client.get(f"{proxy.url}/a?b=c").text == "/a?b=c"
    assert client.post(f"{proxy.url}/d", data="body").text == "/d"
    assert client.delete(f"{proxy.url}/e", headers={"X-Test": "Yes"}).ok
    assert proxy.calls() == ["GET /a", "POST /d", "DELETE /e"]
    assert server.got == ["GET /a?b=c", "POST /d body", "DELETE /e"]
    assert proxy.messages()[2].headers["x-test"] == "Yes"
    assert proxy.accepted == 1
    proxy.forget()
    assert (proxy.calls(), proxy.accepted) == ([], 0)


def test_a_request_is_whole_when_its_last_byte_came() -> None:
    first = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    chunks = b"3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\n\r\n"
    chunked = b"PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    third = b"GET /c HTTP/1.1\r\n\r\n"
    requests_ = HttpRequests()
    found = [message for byte in first + chunked + third for message in requests_.feed(bytes([byte]))]
    assert [message.data for message in found] == [first, chunked, third]
    at_once = list(HttpRequests().feed(first + chunked + third))
    assert [message.call for message in at_once] == ["POST /a", "PUT /b", "GET /c"]


def test_refuse_means_that_nobody_listens_until_it_ends(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    assert client.get(f"{proxy.url}/a").ok
    proxy.always(Mode.REFUSE)
    with pytest.raises(requests.ConnectionError):
        client.get(f"{proxy.url}/b")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port))
    proxy.always(Mode.OK)
    assert client.get(f"{proxy.url}/c").ok
    assert server.got == ["GET /a", "GET /c"]


def test_refuse_for_one_request_is_a_reset_before_the_server_sees_it(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.sometimes(Mode.REFUSE)
    with pytest.raises(requests.ConnectionError):
        client.get(f"{proxy.url}/a")
    assert server.got == proxy.calls() == []


def test_latency_longer_than_patience_is_a_time_out_and_nothing_is_passed_on_yet(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.sometimes(Mode.LATENCY, seconds=60)
    with pytest.raises(requests.ReadTimeout):
        client.get(f"{proxy.url}/a", timeout=SOON)
    assert server.got == proxy.calls() == []


def test_a_short_latency_only_delays(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.always(Mode.LATENCY, seconds=0.01)
    assert client.get(f"{proxy.url}/a").text == "/a"
    assert server.got == ["GET /a"]


def test_slow_is_the_whole_answer_a_byte_at_a_time(server: TinyServer, proxy: FaultProxy) -> None:
    proxy.always(Mode.SLOW, seconds=0.001)
    pieces = _exchange(proxy, b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"".join(pieces).endswith(b"\r\n\r\n/a")
    assert {len(piece) for piece in pieces[:20]} == {1}
    assert server.got == ["GET /a"]


def test_a_blackhole_takes_and_never_answers(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.always(Mode.BLACKHOLE)
    with pytest.raises(requests.ReadTimeout):
        client.get(f"{proxy.url}/a", timeout=SOON)
    assert server.got == proxy.calls() == []


def test_reset_reply_is_done_by_the_server_and_lost_for_the_client(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.sometimes(Mode.RESET_REPLY)
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.post(f"{proxy.url}/a", data="body")
    assert server.got == ["POST /a body"]
    assert proxy.calls() == ["POST /a"]
    assert client.get(f"{proxy.url}/b").ok


def test_half_a_request_is_nothing_to_the_server(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.sometimes(Mode.HALF_REQUEST)
    with pytest.raises(requests.ConnectionError):
        client.post(f"{proxy.url}/a", data="x" * 1000)
    assert client.get(f"{proxy.url}/b").ok
    assert server.got == ["GET /b"]
    assert proxy.calls() == ["GET /b"]


@pytest.mark.parametrize(("mode", "status"), [(Mode.HTML_404, 404), (Mode.HTML_502, 502)])
def test_a_page_comes_instead_and_the_connection_goes_on(
    server: TinyServer, proxy: FaultProxy, client: requests.Session, mode: Mode, status: int
) -> None:
    proxy.sometimes(mode)
    answer = client.get(f"{proxy.url}/a")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
    assert "<h1>" in answer.text
    assert client.get(f"{proxy.url}/b").ok
    assert server.got == proxy.calls() == ["GET /b"]
    assert proxy.accepted == 1


def test_a_rule_takes_those_it_matches_after_the_first_few_and_no_more(
    proxy: FaultProxy, client: requests.Session
) -> None:
    proxy.sometimes(Mode.HTML_502, matching=r"^GET /a", after=1, times=2)
    paths = ["/a", "/b", "/a?x", "/b", "/ab", "/a"]
    statuses = [client.get(f"{proxy.url}{path}").status_code for path in paths]
    assert statuses == [200, 200, 502, 200, 502, 200]


def test_a_server_that_hangs_up_is_met_again_on_a_new_connection(
    server: TinyServer, proxy: FaultProxy, client: requests.Session
) -> None:
    assert client.get(f"{proxy.url}/a").ok
    proxy.hang_up()
    wait_until(lambda: not proxy.open_connections)
    assert client.get(f"{proxy.url}/b").ok
    assert (server.got, proxy.accepted) == (["GET /a", "GET /b"], 2)


def test_rules_end_when_a_mode_is_set_for_all(proxy: FaultProxy, client: requests.Session) -> None:
    proxy.sometimes(Mode.HTML_404, times=None)
    assert client.get(f"{proxy.url}/a").status_code == 404
    assert client.get(f"{proxy.url}/a").status_code == 404
    proxy.always(Mode.OK)
    assert client.get(f"{proxy.url}/a").status_code == 200


def test_a_server_that_is_not_there_is_a_reset(server: TinyServer, client: requests.Session) -> None:
    with socket.create_server((HOST, 0)) as unused:
        port = unused.getsockname()[1]
    with fault_proxy(HOST, port, http=True) as proxy, pytest.raises(requests.ConnectionError):
        client.get(f"{proxy.url}/a")


def test_nothing_is_left_when_the_block_ends(server: TinyServer) -> None:
    with fault_proxy(HOST, server.port, http=True) as proxy:
        proxy.sometimes(Mode.BLACKHOLE)
        held = [socket.create_connection((HOST, proxy.port)) for _ in range(3)]
        for one in held:
            one.sendall(b"GET /a HTTP/1.1\r\n\r\n")
    for one in held:
        one.settimeout(5)
        with one:
            _read_to_the_end(one)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port))
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.endswith(("(_serve)", "(_accept)"))]


def _exchange(proxy: FaultProxy, request: bytes) -> list[bytes]:
    """What comes back, in the pieces in which it came."""
    with socket.create_connection((HOST, proxy.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        return _read_to_the_end(connection)


def _read_to_the_end(connection: socket.socket) -> list[bytes]:
    pieces = []
    try:
        while piece := connection.recv(1):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return pieces


# --- over anything else ---


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def smtp(mails: MailServer) -> Iterator[FaultProxy]:
    with fault_proxy(HOST, mails.port) as proxy:
        yield proxy


def _send(proxy: FaultProxy) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", "Hello"
    mail.set_content("Hello")
    with smtplib.SMTP(HOST, proxy.port, timeout=5) as connection:
        connection.send_message(mail)


def test_a_mail_goes_through(mails: MailServer, smtp: FaultProxy) -> None:
    _send(smtp)
    assert len(mails.arrived) == 1
    assert smtp.messages()[0].start.lower().startswith("ehlo")


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (lambda proxy: proxy.sometimes(Mode.RESET_REPLY, matching=r"\r\n\.\r\n$"), 1),
        (lambda proxy: proxy.sometimes(Mode.HALF_REQUEST, matching=r"\r\n\.\r\n$"), 0),
        (lambda proxy: proxy.sometimes(Mode.REFUSE, matching=r"(?i)^rcpt"), 0),
        (lambda proxy: proxy.sometimes(Mode.REFUSE), 0),
        (lambda proxy: proxy.always(Mode.REFUSE), 0),
    ],
    ids=["reply-lost", "half", "cut-at-rcpt", "one-refused", "all-refused"],
)
def test_a_line_of_the_talk_can_be_where_it_goes_wrong(
    mails: MailServer, smtp: FaultProxy, fault: Callable[[FaultProxy], None], arrived: int
) -> None:
    fault(smtp)
    with pytest.raises((smtplib.SMTPException, OSError)):
        _send(smtp)
    assert len(mails.arrived) == arrived
    smtp.always(Mode.OK)
    _send(smtp)
    assert len(mails.arrived) == arrived + 1


def test_a_rule_without_a_line_takes_a_whole_connection(mails: MailServer, smtp: FaultProxy) -> None:
    smtp.sometimes(Mode.LATENCY, seconds=0.01)
    smtp.sometimes(Mode.BLACKHOLE)
    _send(smtp)
    with socket.create_connection((HOST, smtp.port), timeout=SOON) as dead, pytest.raises(TimeoutError):
        dead.recv(1)
    _send(smtp)
    assert len(mails.arrived) == 2
    assert smtp.accepted == 3

"""Mail servers for tests: a real one on loopback that can be told what to answer, and a few that only ever
say what is written down for them. They own their sockets and threads and end with the block.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any, BinaryIO

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.demo.process import free_port

HOST = "127.0.0.1"
USER, PASSWORD = "usher", "correct horse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One mail as the server got it."""

    sender: str
    recipient: str
    message: bytes
    encrypted: bool
    options: tuple[str, ...] = ()


@dataclass(slots=True)
class MailServer:
    """What a running server is told and what came. ``answers`` maps a command to the reply to give instead
    of doing it; ``hang_up`` cuts the connection when a mail's last line has come.
    """

    port: int
    answers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    arrived: list[Arrived] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd looks for this name)
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from, envelope.mail_options = address, options
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 (aiosmtpd looks for this name)
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(  # noqa: N802 (aiosmtpd looks for this name)
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.hang_up:
            server.transport.abort()
            return "250 nobody hears this"
        if "DATA" not in self.answers:
            self.arrived.append(
                Arrived(
                    sender=envelope.mail_from,
                    recipient=envelope.rcpt_tos[0],
                    message=envelope.original_content,
                    encrypted=server.transport.get_extra_info("ssl_object") is not None,
                    options=tuple(envelope.mail_options),
                )
            )
        return self.answers.get("DATA", f"250 2.0.0 queued as {len(self.arrived)}")


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A real SMTP server; ``options`` are aiosmtpd's."""
    server = MailServer(free_port())
    controller = Controller(server, hostname=HOST, port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def knows_the_password(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    """Aiosmtpd's authenticator: one user."""
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def talking_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which each connection gets ``talk``, one after the other."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        talk(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


@dataclass(slots=True)
class Conversation:
    """A talk of fixed replies: the first greets, each other answers a line, or a whole mail after a 354.
    Then it hangs up. ``heard`` is every line that came, over all connections.
    """

    replies: tuple[str, ...]
    heard: list[str] = field(default_factory=list)

    def __call__(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            content = False
            for number, reply in enumerate(self.replies):
                if number:
                    self._listen(lines, until_dot=content)
                connection.sendall(reply.encode() + b"\r\n")
                content = reply.startswith("354")
            if content:
                lines.readline()

    def _listen(self, lines: BinaryIO, *, until_dot: bool) -> None:
        while line := lines.readline():
            self.heard.append(line.decode().rstrip("\r\n"))
            if not until_dot or line == b".\r\n":
                return


def dawdles(connection: socket.socket) -> None:
    """A talk that greets, then says a line now and then for seconds, and no in the end."""
    connection.sendall(b"220 slowly\r\n")
    for _ in range(150):
        connection.sendall(b"250-still thinking\r\n")
        sleep(0.02)
    connection.sendall(b"550 no\r\n550 no\r\n")
    while connection.recv(1024):
        pass


def says(line: str) -> Callable[[socket.socket], None]:
    """A talk of one line, then goodbye."""
    return lambda connection: connection.sendall(line.encode() + b"\r\n")


def says_nothing(connection: socket.socket) -> None:
    """A talk that waits until the other side gives up."""
    connection.recv(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Both ends of TLS with a certificate made up for 127.0.0.1."""

    server: ssl.SSLContext
    trust: ssl.SSLContext


def made_up_tls(folder: Path) -> Tls:
    """A fresh key and certificate, and who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .sign(key, SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    trusted = certificate.public_bytes(Encoding.PEM).decode()
    return Tls(server=server, trust=ssl.create_default_context(cadata=trusted))

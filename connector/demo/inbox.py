"""A mailbox for everybody: takes every mail by SMTP on loopback and keeps it in memory. It owns the
received mails; it sends none, and how they are shown is ``inbox_page``'s business.
"""

import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from threading import Condition
from typing import TYPE_CHECKING, Any

from connector.demo.errors import DemoError
from connector.demo.process import free_port

if TYPE_CHECKING:
    from aiosmtpd.controller import Controller

KEPT = 500
_PLAIN_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """One mail as it came. ``number`` counts from 1, ``at`` is in epoch seconds, ``recipient`` is the
    envelope's.
    """

    number: int
    at: float
    recipient: str
    message: EmailMessage = field(repr=False)

    @property
    def sender(self) -> str:
        """The From header."""
        return str(self.message["From"] or "")

    @property
    def subject(self) -> str:
        """The Subject header."""
        return str(self.message["Subject"] or "")

    @property
    def html(self) -> str:
        """The HTML part; empty if there is none."""
        return self._part("html")

    @property
    def text(self) -> str:
        """The plain text part; empty if there is none."""
        return self._part("plain")

    def _part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def links(mail: ReceivedMail) -> list[str]:
    """The http(s) links of a mail in the order they appear: the HTML part's, or the text's if it has
    no HTML.
    """
    if not mail.html:
        return _PLAIN_LINK.findall(mail.text)
    reader = _Links()
    reader.feed(mail.html)
    return reader.found


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") or ""
        if tag == "a" and target.startswith(("http://", "https://")) and target not in self.found:
            self.found.append(target)


class Inbox:
    """The mails that came to ``host``:``port``. Its calls may come from any thread."""

    host = "127.0.0.1"

    def __init__(self, port: int) -> None:
        self.port = port
        self._mails: deque[ReceivedMail] = deque(maxlen=KEPT)
        self._count = 0
        self._came = Condition()

    def mails(self) -> list[ReceivedMail]:
        """All that are kept, newest first."""
        with self._came:
            return list(reversed(self._mails))

    def get(self, number: int) -> ReceivedMail | None:
        """One mail by its number."""
        return next((mail for mail in self.mails() if mail.number == number), None)

    def wait_for(
        self, recipient: str, subject_contains: str = "", timeout: float = 30.0, *, after: int = 0
    ) -> ReceivedMail:
        """The newest mail to ``recipient`` whose number is above ``after``, as soon as there is one.

        :param timeout: seconds.
        :raises DemoError: none came in time.
        """

        def found() -> ReceivedMail | None:
            return next(
                (
                    mail
                    for mail in self.mails()
                    if mail.number > after
                    and mail.recipient.casefold() == recipient.casefold()
                    and subject_contains.casefold() in mail.subject.casefold()
                ),
                None,
            )

        with self._came:
            mail = self._came.wait_for(found, timeout)
        if mail is None:
            raise DemoError(
                f"No mail came to {recipient} within {timeout:.0f} seconds"
                + (f" with '{subject_contains}' in its subject." if subject_contains else "."),
                "Look at 'usher outbox list': it says what waits and why.",
            )
        return mail

    def take(self, recipient: str, content: bytes) -> None:
        """Keep one mail."""
        message = message_from_bytes(content, policy=policy.default)
        with self._came:
            self._count += 1
            mail = ReceivedMail(number=self._count, at=time.time(), recipient=recipient, message=message)
            self._mails.append(mail)
            self._came.notify_all()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Aiosmtpd calls this with each mail."""
        for recipient in envelope.rcpt_tos:
            self.take(recipient, envelope.original_content)
        return "250 Kept"


@contextmanager
def running_inbox() -> Iterator[Inbox]:
    """An inbox that takes mails on a free loopback port until the block ends.

    :raises DemoError: the SMTP server is not installed or does not start.
    """
    inbox = Inbox(free_port())
    server = _server(inbox)
    try:
        server.start()
    except OSError as error:
        raise DemoError(
            f"The inbox cannot listen on {inbox.host}:{inbox.port}: {error.strerror}.", "Start again."
        ) from error
    try:
        yield inbox
    finally:
        server.stop()


def _server(inbox: Inbox) -> "Controller":
    try:
        from aiosmtpd.controller import Controller
    except ImportError as error:
        raise DemoError(
            "The package aiosmtpd is not installed.", "Run: pip install 'portal-usher[demo]'"
        ) from error
    return Controller(inbox, hostname=inbox.host, port=inbox.port)

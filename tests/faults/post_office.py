"""A real SMTP server that keeps every mail it took and answers each recipient as told. It owns the mails;
it must not know what Usher wanted of them.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from threading import Lock
from typing import Any

from aiosmtpd.controller import Controller

from connector.demo.process import free_port

HOST = "127.0.0.1"
_LINK = re.compile(r"https?://[^\s<>\"']+/invite/[^\s<>\"']+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One copy of one mail. ``link`` is the invitation's, empty if there is none in it."""

    recipient: str
    message_id: str
    link: str
    subject: str


@dataclass(slots=True)
class PostOffice:
    """A running server. ``answers`` maps a recipient to the reply its RCPT gets and not 250, ``final`` to
    the reply its whole mail gets instead. For ``cut`` recipients the mail is taken and the line then cut
    without an answer; for ``slow`` ones the answer takes so many seconds. ``taken`` is called with each
    mail when it is kept and not yet answered.
    """

    port: int
    answers: dict[str, str] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    cut: Counter[str] = field(default_factory=Counter)
    slow: dict[str, float] = field(default_factory=dict)
    taken: Callable[[Posted], None] = lambda _mail: None
    _mails: list[Posted] = field(default_factory=list)
    _lock: Any = field(default_factory=Lock)

    def mails(self, recipient: str | None = None) -> list[Posted]:
        """All copies so far, or one recipient's."""
        with self._lock:
            return [mail for mail in self._mails if recipient in (None, mail.recipient)]

    def copies(self) -> dict[str, list[Posted]]:
        """The copies of each mail, by its Message-ID."""
        found: dict[str, list[Posted]] = defaultdict(list)
        for mail in self.mails():
            found[mail.message_id].append(mail)
        return found

    async def handle_RCPT(  # noqa: N802 (aiosmtpd looks for this name)
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (as above)
        (recipient,) = envelope.rcpt_tos
        if recipient in self.final:
            return self.final[recipient]
        mail = _posted(recipient, envelope.original_content)
        with self._lock:
            self._mails.append(mail)
        self.taken(mail)
        await asyncio.sleep(self.slow.get(recipient, 0.0))
        if self.cut[recipient] > 0:
            self.cut[recipient] -= 1
            server.transport.abort()
        return "250 2.0.0 taken"


def _posted(recipient: str, content: bytes) -> Posted:
    message = message_from_bytes(content, policy=policy.default)
    part = message.get_body(preferencelist=("plain",))
    text = str(part.get_content()) if part else ""
    link = _LINK.search(text)
    return Posted(
        recipient=recipient,
        message_id=str(message["Message-ID"]),
        link=link[0] if link else "",
        subject=str(message["Subject"]),
    )


@contextmanager
def post_office(**options: Any) -> Iterator[PostOffice]:
    """A server until the block ends; ``options`` are aiosmtpd's."""
    office = PostOffice(free_port())
    controller = Controller(office, hostname=HOST, port=office.port, **options)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()

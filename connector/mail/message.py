"""Puts a mail together in its RFC 5322 form. It owns its headers; it must not know templates, users or
servers.

The headers with somebody's text are written here and not by ``EmailMessage``: that one reads them first,
so a tenant named ``=?utf-8?q?=0D=0ABcc:…?=`` gets a line of its own, and a long quoted name loses its
quotes when it is folded (CPython 3.11), which makes an address of what stands in it.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, quote
from hashlib import sha256

from connector.domain.errors import Misconfigured
from connector.foundation.mail_address import Mailbox
from connector.mail.look import Logo
from connector.mail.mime import mime
from connector.mail.templates import Content

_DIGEST_LENGTH = 32
_LINE = 76
_SHORT = 64
_CRLF = "\r\n"
_EXCHANGE_SHALL_NOT = "DR, RN, NRN, OOF, AutoReply"
"""MS-OXCMAIL §2.2.3.2.14: all but NDR, the report that a mail was lost, which we read."""
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that no header may hold: controls, halves of characters, ends of lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """Who writes to whom, and what tells this mail from others. ``at`` is epoch seconds."""

    sender: Mailbox
    from_name: str
    recipient: Mailbox
    reply_to: Mailbox | None
    message_id: str
    request_id: str
    at: float


def message_id(domain: str, *parts: str | int) -> str:
    """An id that is the same for the same ``parts`` and tells nothing about them."""
    return f"<{_digest(*parts)}@{domain}>"


def mark_of(message_id: str) -> str:
    """What stands before the @ of a Message-ID of ours: enough to know the mail by."""
    return message_id.strip("<>").partition("@")[0]


def content_id(image: bytes, domain: str) -> str:
    """An id for an embedded image, without angle brackets; the same for the same bytes."""
    return f"{sha256(image).hexdigest()[:_DIGEST_LENGTH]}@{domain}"


def build(headers: Headers, content: Content, logo: Logo | None) -> bytes:
    """The mail as bytes with CRLF line ends, the same for the same arguments: multipart/alternative of text
    and HTML, the latter with the logo in a multipart/related (RFC 2387). The head is ASCII unless an
    address needs SMTPUTF8 anyway.

    :raises Misconfigured: a header would hold CR, LF, NUL or another control character.
    """
    head = "".join(f"{name}: {value}{_CRLF}" for name, value in _header_lines(headers, content.subject))
    return head.encode() + mime(content, logo, _digest(headers.message_id))


def _header_lines(headers: Headers, subject: str) -> Iterator[tuple[str, str]]:
    yield "Date", format_datetime(datetime.fromtimestamp(headers.at, UTC))
    yield "From", _named(headers.from_name, _address(headers.sender))
    if headers.reply_to:
        yield "Reply-To", _address(headers.reply_to)
    yield "To", _address(headers.recipient)
    yield "Subject", _text("Subject", subject)
    yield "Message-ID", _checked("Message-ID", headers.message_id)
    yield "Auto-Submitted", "auto-generated"  # RFC 3834: no out-of-office answers, please
    yield "X-Auto-Response-Suppress", _EXCHANGE_SHALL_NOT
    yield "Usher-Request-Id", _checked("Usher-Request-Id", headers.request_id)


def _named(name: str, address: str) -> str:
    """A display name and its address (RFC 5322 §3.4): the name quoted or encoded, the address on a line of
    its own if both are long.
    """
    if not name:
        return address
    text = _text("From", name)
    shown = f'"{quote(name)}"' if text == name else text
    gap = " " if len(f"From: {shown} <{address}>") <= _LINE else f"{_CRLF} "
    return f"{shown}{gap}<{address}>"


def _text(header: str, text: str) -> str:
    """``text`` as it is if it is short and plain, else in encoded words (RFC 2047), folded."""
    _checked(header, text)
    if text.isascii() and len(text) <= _SHORT and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name=header, maxlinelen=_LINE).encode(linesep=_CRLF)


def _address(box: Mailbox) -> str:
    return _checked("of an address", str(box))


def _checked(name: str, value: str) -> str:
    if any(unicodedata.category(character) in _FORBIDDEN for character in value):
        raise Misconfigured(f"the mail header {name} would hold a control character; nothing was sent")
    return value


def _digest(*parts: str | int) -> str:
    texts = "".join(f"{len(str(part))}:{part}," for part in parts)
    return sha256(texts.encode()).hexdigest()[:_DIGEST_LENGTH]

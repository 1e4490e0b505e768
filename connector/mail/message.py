"""Puts a mail together in its RFC 5322 form. It owns headers and parts; it must not know templates, users
or servers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from hashlib import sha256

from connector.domain.errors import Misconfigured
from connector.mail.address import Mailbox
from connector.mail.look import Logo
from connector.mail.templates import Content

_DIGEST_LENGTH = 32
_FORBIDDEN = frozenset("\r\n\0")


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


def content_id(image: bytes, domain: str) -> str:
    """An id for an embedded image, without angle brackets; the same for the same bytes."""
    return f"{sha256(image).hexdigest()[:_DIGEST_LENGTH]}@{domain}"


def build(headers: Headers, content: Content, logo: Logo | None) -> bytes:
    """The mail as bytes with CRLF line ends, the same for the same arguments: multipart/alternative of text
    and HTML, the latter with the logo in a multipart/related (RFC 2387). Header text is ASCII unless an
    address needs SMTPUTF8 anyway.

    :raises Misconfigured: a header would hold CR, LF or NUL.
    """
    boxes = (headers.sender, headers.recipient, headers.reply_to)
    utf8 = any(box.needs_smtputf8 for box in boxes if box)
    mail = EmailMessage(policy=SMTPUTF8 if utf8 else SMTP)
    for name, value in _header_lines(headers, content.subject):
        mail[name] = _checked(name, value)
    mail.set_content(content.text, cte="quoted-printable")
    mail.add_alternative(content.html, subtype="html", cte="quoted-printable")
    if logo:
        _embed(mail, logo)
    _fix_boundaries(mail, _digest(headers.message_id))
    return mail.as_bytes()


def _header_lines(headers: Headers, subject: str) -> Iterator[tuple[str, str]]:
    yield "Date", format_datetime(datetime.fromtimestamp(headers.at, UTC))
    yield "From", _address(headers.sender, headers.from_name)
    if headers.reply_to:
        yield "Reply-To", _address(headers.reply_to)
    yield "To", _address(headers.recipient)
    yield "Subject", subject
    yield "Message-ID", headers.message_id
    yield "Auto-Submitted", "auto-generated"  # RFC 3834: no out-of-office answers, please
    yield "Usher-Request-Id", headers.request_id


def _address(box: Mailbox, name: str = "") -> str:
    _checked("From", name)
    return str(Address(name, box.local_part, box.domain))


def _checked(name: str, value: str) -> str:
    if _FORBIDDEN & set(value):
        raise Misconfigured(f"the mail header {name} would hold a line break or NUL; nothing was sent")
    return value


def _embed(mail: EmailMessage, logo: Logo) -> None:
    """Put the logo beside the HTML, which then shows it as ``cid:…`` without fetching anything."""
    html = mail.get_body(preferencelist=("html",))
    assert isinstance(html, EmailMessage)  # noqa: S101 (added a line above; the annotation is wider)
    html.add_related(
        logo.png,
        "image",
        "png",
        cid=f"<{logo.content_id}>",
        disposition="inline",
        filename="logo.png",
    )


def _fix_boundaries(mail: EmailMessage, digest: str) -> None:
    """Boundaries that no chance picks. Quoted-printable text never holds ``=_`` (RFC 2045 §6.7)."""
    containers = (part for part in mail.walk() if part.is_multipart())
    for number, part in enumerate(containers):
        part.set_boundary(f"=_{digest}.{number}")


def _digest(*parts: str | int) -> str:
    texts = "".join(f"{len(str(part))}:{part}," for part in parts)
    return sha256(texts.encode()).hexdigest()[:_DIGEST_LENGTH]

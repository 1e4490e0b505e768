"""Reports of lost mails, as mail systems write them (RFC 3464), and what else comes to the same mailbox."""

from datetime import UTC, datetime
from email.utils import format_datetime

ADA = "ada@acme.example"
MARK = "a" * 32
BOX = "usher-bounces@example.com"


def a_report(
    *,
    to: str = BOX,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = f"smtp; 550 5.1.1 <{ADA}>: Recipient address rejected: User unknown",
    original: str | None = None,
    final: str | None = f"rfc822; {ADA}",
    envelope: str | None = None,
    message_id: str | None = f"<{MARK}@example.com>",
    mail_to: str = ADA,
    kind: str = "delivery-status",
    returned: str = "message/rfc822",
    line_end: str = "\r\n",
) -> bytes:
    """One as Postfix writes it; each field can be another or left out (None)."""
    of_mail = ["Reporting-MTA: dns; mx.acme.example", *_field("Original-Envelope-Id", envelope)]
    of_recipient = [
        *_field("Original-Recipient", original),
        *_field("Final-Recipient", final),
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: {said}",
    ]
    named = _field("Message-ID", message_id)
    head = ["From: Portal <portal@example.com>", f"To: {mail_to}", *named, "Subject: Welcome"]
    lines = [
        "From: Mail Delivery System <MAILER-DAEMON@mx.acme.example>",
        f"To: {to}",
        f"Date: {format_datetime(datetime(2026, 1, 1, tzinfo=UTC))}",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind};\n\tboundary="=_b/1"',
        "",
        "This is a MIME-encapsulated message.",
        "",
        "--=_b/1",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "I'm sorry to have to inform you that your message could not be delivered.",
        "",
        "--=_b/1",
        "Content-Type: message/delivery-status",
        "",
        *of_mail,
        "",
        *of_recipient,
        "",
        "--=_b/1",
        f"Content-Type: {returned}",
        "",
        *head,
        "",
        "--=_b/1--",
        "",
    ]
    return "\n".join(lines).replace("\n", line_end).encode()


def _field(name: str, value: str | None) -> list[str]:
    return [f"{name}: {value}"] if value is not None else []


OUT_OF_OFFICE = f"""\
From: {ADA}
To: usher-bounces+{MARK}@example.com
Subject: Out of office
In-Reply-To: <{MARK}@example.com>
Auto-Submitted: auto-replied
Content-Type: text/plain

I am away. Your mail <{MARK}@example.com> to {ADA} failed to interest me.
""".replace("\n", "\r\n").encode()

"""From whom to whom a finished mail goes, checked once for every way it may travel, and whom servers tell
that it did not arrive. It owns these addresses; it must not know what is in the mail.
"""

from dataclasses import dataclass, replace

from connector.application.records import Mail
from connector.domain.errors import Misconfigured, Rejected
from connector.foundation.mail_address import Mailbox, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The addresses of MAIL FROM and RCPT TO (RFC 5321 §3.3)."""

    sender: Mailbox
    recipient: Mailbox

    @classmethod
    def of(cls, mail: Mail) -> "Envelope":
        """The envelope of ``mail``.

        :raises Rejected: the recipient's address is none. :raises Misconfigured: the sender's is none.
        """
        return cls(sender=sender_of(mail.sender), recipient=recipient_of(mail.recipient))

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can be told it."""
        return self.sender.needs_smtputf8 or self.recipient.needs_smtputf8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPath:
    """Where reports of lost mails go: to ``address``, ``tagged`` with the mail's mark behind a plus (RFC
    5233), or to the mail's own sender if there is none.
    """

    address: str | None = None
    tagged: bool = False

    def of(self, sender: Mailbox, mark: str) -> Mailbox:
        """The envelope's sender of a mail from ``sender`` whose Message-ID begins with ``mark``.

        :raises Misconfigured: ``address`` is none.
        """
        if self.address is None:
            return sender
        box = sender_of(self.address)
        return replace(box, local_part=f"{box.local_part}+{mark}") if self.tagged else box


def recipient_of(address: str) -> Mailbox:
    """A recipient, never shown in the error.

    :raises Rejected: with field ``recipient``.
    """
    if not address:
        raise Rejected("recipient", "there is no address to send to")
    try:
        return parse(address)
    except ValueError as error:
        raise Rejected("recipient", f"the address {error}") from None


def sender_of(address: str) -> Mailbox:
    """An address out of the configuration: to send from, or to reply to.

    :raises Misconfigured: it is none.
    """
    try:
        return parse(address)
    except ValueError as error:
        raise Misconfigured(f"the address {address!r} to send from or reply to {error}") from None

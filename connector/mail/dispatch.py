"""Makes a finished message ready to go: its signature, and where servers report that it did not arrive. It
owns the order of these; it must not know what is in the message.
"""

from dataclasses import dataclass, field

from connector.application.records import Mail
from connector.foundation.mail_address import Mailbox
from connector.mail.dkim import Signer
from connector.mail.envelope import ReturnPath
from connector.mail.message import mark_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """How every mail of an installation leaves."""

    return_path: ReturnPath = field(default_factory=ReturnPath)
    signer: Signer | None = None

    def mail(self, message: bytes, *, sender: Mailbox, recipient: Mailbox, message_id: str) -> Mail:
        """``message`` with its envelope.

        :raises Misconfigured: the address for reports is none.
        """
        return Mail(
            sender=str(self.return_path.of(sender, mark_of(message_id))),
            recipient=str(recipient),
            message=self.signer.signed(message) if self.signer else message,
            message_id=message_id,
        )

"""Signs finished mails (DKIM, RFC 6376), so that whoever gets one can tell that its domain answers for it.
It owns what a signature covers; the key is the configuration's.
"""

from dataclasses import dataclass, field

from connector.domain.errors import Misconfigured
from connector.foundation.config import ConfigError, DkimSettings

_SIGNED = (
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
)
"""Each once more than the mail has it, there or not: nobody can add another (RFC 6376 §8.15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs as one domain, with a key of RSA."""

    domain: str
    selector: str
    pem: bytes = field(repr=False)

    @classmethod
    def of(cls, settings: DkimSettings) -> "Signer":
        """The signer of a configuration.

        :raises Misconfigured: its key cannot be read, or is none.
        """
        try:
            return cls(domain=settings.domain, selector=settings.selector, pem=settings.pem())
        except ConfigError as error:
            raise Misconfigured(f"the key for DKIM: {error}") from error

    def signed(self, message: bytes) -> bytes:
        """``message`` (CRLF line ends) with a DKIM-Signature before it: relaxed in head and body, since
        servers fold headers anew and strip spaces at ends of lines.
        """
        import dkim

        names = dkim.rfc822_parse(message)[0]
        there = {name.lower() for name, _ in names}
        once = [name.lower().encode() for name in _SIGNED]
        signature = dkim.sign(
            message,
            self.selector.encode(),
            self.domain.encode(),
            self.pem,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[*(name for name in once if name in there), *once],
        )
        return bytes(signature) + message

"""The links that mails carry, and whatever else is derived from the link key instead of being stored. It
owns their spelling and their seal; it must not know who they are for or whether one is still good.

A token is ``<invitation id>.<generation>.<seal>``: the id as 32 lower-case hex digits (128 random bits),
the generation as a decimal number, the seal as HMAC-SHA256 in base64url (256 bits). Everything in it but
the seal may be known to anybody, so nothing secret has to be kept. The last character of a base64url text
of 256 bits is never ``-`` or ``_``, so mail programs that find links in text find the whole of it.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from connector.foundation.keys import LinkKey

_TOKEN = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})", re.ASCII)
_INVITATION = "invitation"


class InvitationLinks:
    """Makes and opens invitation links; implements ``ports.Links``."""

    def __init__(self, public_url: str, key: LinkKey) -> None:
        self._public_url = public_url.rstrip("/")
        self._key = key

    def invitation(self, invitation: str, generation: int) -> str:
        """The absolute URL of one generation's landing page; the same at each call.

        :raises ValueError: the id or the generation is none that a token can carry.
        """
        token = f"{invitation}.{generation}.{self.derive(_INVITATION, invitation, generation)}"
        if not _TOKEN.fullmatch(token):
            raise ValueError("an invitation id is 32 lower-case hex digits, a generation at least 1")
        return f"{self._public_url}/invite/{token}"

    def open(self, token: str) -> tuple[str, int] | None:
        """(invitation id, generation) of a token that we made, else None. Never raises; any other
        spelling of a good token is none of ours.
        """
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        invitation, generation, seal = match.groups()
        expected = self.derive(_INVITATION, invitation, generation)
        if not hmac.compare_digest(seal, expected):
            return None
        return invitation, int(generation)

    def derive(self, purpose: str, *parts: str | int) -> str:
        """43 characters of base64url that only the key's holder can compute, for one purpose and the
        things it is about. A part's length is sealed too, so no two lists of parts share a value.
        """
        texts = [str(part).encode() for part in (purpose, *parts)]
        message = b"".join(b"%d:%b," % (len(text), text) for text in texts)
        digest = hmac.new(self._key.value, message, hashlib.sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

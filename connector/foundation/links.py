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
from collections.abc import Sequence
from typing import Protocol

from connector.foundation.keys import LinkKey

_TOKEN = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})", re.ASCII)
_INVITATION = "invitation"


class LinkKeys(Protocol):
    """The keys there are: one alone, or several while one takes another's place."""

    def at(self, when: float | None = None) -> LinkKey:
        """The one that is used at a time (epoch seconds), now if none is said."""
        ...

    def all(self) -> Sequence[LinkKey]:
        """Every one whose links are good."""
        ...


class InvitationLinks:
    """Makes and opens invitation links; implements ``ports.Links``. A link is sealed with the key of the
    moment and opened with any: the one in a mail stays good when another key has taken over.
    """

    def __init__(self, public_url: str, keys: LinkKeys) -> None:
        self._public_url = public_url.rstrip("/")
        self._keys = keys

    def invitation(self, invitation: str, generation: int) -> str:
        """The absolute URL of one generation's landing page; the same at each call, until another key takes
        over.

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
        parts = (_INVITATION, invitation, generation)
        # Each key is tried whatever the others say, so that the time tells nothing of which there are.
        fits = [hmac.compare_digest(seal, _derived(key, *parts)) for key in self._keys.all()]
        if not any(fits):
            return None
        return invitation, int(generation)

    def derive(self, purpose: str, *parts: str | int, at: float | None = None) -> str:
        """43 characters of base64url that only the keys' holder can compute, for one purpose and the
        things it is about. A part's length is sealed too, so no two lists of parts share a value.
        ``at`` (epoch seconds): by the key of that time, so that the value stays when another takes over.
        """
        return _derived(self._keys.at(at), purpose, *parts)


def _derived(key: LinkKey, *parts: str | int) -> str:
    texts = [str(part).encode() for part in parts]
    message = b"".join(b"%d:%b," % (len(text), text) for text in texts)
    digest = hmac.new(key.value, message, hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()

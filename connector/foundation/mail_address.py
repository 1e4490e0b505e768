"""Reads one e-mail address apart and says how it is written on the wire. It owns which addresses we take
(RFC 5321 §4.1.2 without quoted local parts and address literals); it must not know mails or servers.

A local part with ``=?`` is legal and refused all the same: mail programs decode it as an encoded word
(RFC 2047), and then the reader sees another address than the one it was sent to.
"""

import re
from dataclasses import dataclass

import idna

_LOCAL_PART = re.compile(r"(?!.*=\?)[^\s()<>\[\]:;@\\,\"]+")
_LOCAL_PART_OCTETS = 64  # RFC 5321 §4.5.3.1.1
_ASCII_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    r"(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One address; ``domain`` is in its ASCII form (``xn--…``)."""

    local_part: str
    domain: str

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can be told this address."""
        return not self.local_part.isascii()

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}"


def parse(address: str) -> Mailbox:
    """The mailbox that ``address`` names; a domain beyond ASCII is encoded by IDNA 2008 (the standard
    library's codec is IDNA 2003 and would send ``straße.example`` to ``strasse.example``).

    :raises ValueError: it names none, or more than one.
    """
    local_part, at, domain = address.rpartition("@")
    if not at or not _is_local_part(local_part):
        raise ValueError("is not an e-mail address")
    return Mailbox(local_part=local_part, domain=_ascii(domain))


def domain_of(address: str) -> str:
    """The domain of ``address`` as mail servers are asked for it, in lower case; empty if none can be."""
    try:
        return _ascii(address.rpartition("@")[2]).lower()
    except ValueError:
        return ""


def wire_form(address: str) -> str:
    """``address`` as records of mails compare it, in lower case; empty if it is none."""
    try:
        return str(parse(address)).casefold()
    except ValueError:
        return ""


def two_forms(domain: str) -> tuple[str, str]:
    """``domain`` as the wire has it (``xn--…``) and as its owner writes it; as it is, if it is none."""
    try:
        ascii_domain = _ascii(domain)
    except ValueError:
        return domain, domain
    try:
        return ascii_domain, idna.decode(ascii_domain)
    except idna.IDNAError:
        return ascii_domain, ascii_domain


def _is_local_part(text: str) -> bool:
    """Whether ``text`` may stand before the @; what cannot be seen (controls, direction marks) may not."""
    if not text.isprintable() or not _LOCAL_PART.fullmatch(text):
        return False
    return len(text.encode()) <= _LOCAL_PART_OCTETS


def _ascii(domain: str) -> str:
    ascii_domain = domain
    if not domain.isascii():
        try:
            ascii_domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise ValueError("has a domain that no server can have") from None
    if not _ASCII_DOMAIN.fullmatch(ascii_domain):
        raise ValueError("has a domain that no server can have")
    return ascii_domain

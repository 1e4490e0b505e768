"""Makes what people and systems wrote fit to stand in a mail: no link, no line break, nothing unseen,
nothing that passes for what it is not. It owns this cleaning; it must not know templates.
"""

import re
import unicodedata

from connector.domain.model import Profile
from connector.foundation.mail_address import two_forms
from connector.foundation.scripts import mixed_scripts, mixed_scripts_of_domain, named

MAX_LENGTH = 80

_MAX_LOOKED_AT = 500  # of a longer text nothing further on can reach the mail

_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn"})
_JOINERS = "\u200c\u200d"  # Persian and Indic names are spelt with them
_LINK = re.compile(r"\S*(?:://|\bwww\.|@)\S*", re.IGNORECASE)
_INNER_DOT = re.compile(rf"(?<=[\w{_JOINERS}])[.\u2024\u3002\ufe52\uff0e\uff61](?=[\w{_JOINERS}])")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)


def clean_name(text: str) -> str:
    """``text`` as one line of at most 80 characters, without addresses, URLs and invisible characters;
    empty if a word mixes scripts, for ``PayPal`` with Cyrillic letters is nobody's name.

    A dot between letters gets a space behind it: mail programs turn ``evil.example`` into a link, while
    ``Dr.Muster`` only gains from it.
    """
    normal = unicodedata.normalize("NFC", text[:_MAX_LOOKED_AT])
    visible = "".join(_shown(character) for character in normal)
    words = _INNER_DOT.sub(". ", _LINK.sub(" ", visible)).split()
    name = " ".join(words)
    if mixed_scripts(name):
        return ""
    return name if len(name) <= MAX_LENGTH else name[: MAX_LENGTH - 1].rstrip() + "…"


def display_name(profile: Profile) -> str:
    """What to call a person in full; empty if nothing usable is known."""
    return clean_name(profile.display_name) or clean_name(f"{profile.given_name} {profile.family_name}")


def inviter_name(inviter: str) -> str:
    """How an invitation names who caused it: a person's e-mail address, the only name known of one. Empty
    for anybody else, since logins and connections mean nothing to the reader.
    """
    return inviter if _PLAIN_ADDRESS.fullmatch(inviter) else ""


def oddities(profile: Profile) -> list[str]:
    """What is odd about a person's names and address, in sentences for an operator."""
    names = {
        "given name": profile.given_name,
        "family name": profile.family_name,
        "display name": profile.display_name,
    }
    found = [
        f"the {what} mixes {named(scripts)} letters within a word; mails leave it out"
        for what, name in names.items()
        if (scripts := mixed_scripts(name))
    ]
    return found + _oddities_of_address(profile.email)


def _oddities_of_address(address: str) -> list[str]:
    local_part, _, domain = address.rpartition("@")
    shown, written = two_forms(domain)
    found = [f"the address's domain {written} is shown as {shown} in mails"] if shown != written else []
    if scripts := mixed_scripts_of_domain(written) | mixed_scripts(local_part):
        found.append(f"the address mixes {named(scripts)} letters within a word")
    return found


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _BREAKS:
        return " "
    return "" if category in _UNSEEN and character not in _JOINERS else character

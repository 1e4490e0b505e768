"""What a mail server's answer comes to. It owns the table from answers to errors, and what of an answer may
be kept; it must not know connections.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from connector.domain.errors import Misconfigured, OutsideError, Rejected, Unavailable

MAX_LENGTH = 300

_MAX_LOOKED_AT = 2000


class Stage(StrEnum):
    """How far the conversation has come (RFC 5321 §4.1.1)."""

    OPENING = "opening"
    """Greeting, EHLO, STARTTLS, AUTH."""
    SENDER = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    CONTENT = "DATA"
    """The command; nothing of the mail was sent yet."""
    ANSWER = "the end of DATA"
    """The mail was sent, or some of it; only the answer tells what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply of the server; ``text`` is fit to be kept: one line, no address, no link."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def _away(answer: Answer) -> OutsideError:
    return Unavailable(f"the mail server says: {answer}")


def _later(answer: Answer) -> OutsideError:
    return Unavailable(f"the mail server says: {answer}", sink_wide=False)


def _misconfigured(answer: Answer) -> OutsideError:
    return Misconfigured(f"the mail server will not work for us: {answer}")


def _bad_recipient(answer: Answer) -> OutsideError:
    return Rejected("recipient", str(answer))


def _bad_message(answer: Answer) -> OutsideError:
    return Rejected("message", str(answer))


_ALL = frozenset(Stage)
_ONE_MAIL = frozenset({Stage.RECIPIENT, Stage.CONTENT, Stage.ANSWER})

# fmt: off
_RULES: tuple[tuple[frozenset[Stage], str, Callable[[Answer], OutsideError]], ...] = (
    # stages                       code, enhanced code      means
    (_ALL,                         r"421|454|-1",           _away),
    (_ALL,                         r"53[0458]",             _misconfigured),
    (_ALL - _ONE_MAIL,             r"4",                    _away),
    (frozenset({Stage.OPENING}),   r"",                     _misconfigured),
    (frozenset({Stage.SENDER}),    r"552|5\d\d 5\.3\.4",    _bad_message),
    (frozenset({Stage.SENDER}),    r"",                     _misconfigured),
    (_ONE_MAIL,                    r"\d\d\d [45]\.1\.[78]", _misconfigured),  # our own address
    (_ONE_MAIL,                    r"4",                    _later),
    (_ONE_MAIL,                    r"5\d\d 5\.1\.",         _bad_recipient),
    (_ONE_MAIL,                    r"5\d\d 5\.[67]\.",      _bad_message),
    (frozenset({Stage.RECIPIENT}), r"55[0136]",             _bad_recipient),
    (_ONE_MAIL,                    r"",                     _bad_message),
)
# fmt: on
"""The first rule that fits answers; -1 is a reply that is none. An enhanced code (RFC 3463) says more than
the code and goes first.
"""


def error_of(stage: Stage, answer: Answer) -> OutsideError:
    """The error that a bad ``answer`` at ``stage`` comes to."""
    text = str(answer)
    return next(make(answer) for stages, code, make in _RULES if stage in stages and re.match(code, text))


_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)", re.ASCII)
_LINK = re.compile(r"\S*(?:://|/invite/)\S*")
_ADDRESS = re.compile(r"[^\s<>]*@[^\s<>]*")


def answer_of(code: int, reply: bytes | str, *, recipient: str) -> Answer:
    """A server's reply, fit to be kept. Servers quote whom and what they refuse, so addresses, links and
    the recipient's local part are struck out, but not the enhanced code in front (a local part may be "1").
    """
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return Answer(code=code, text=fit_to_keep(text, (recipient,)))


def fit_to_keep(text: str, recipients: Iterable[str]) -> str:
    """What a server said, as :class:`Answer` keeps it; ``recipients`` are the addresses it may quote."""
    text = text.strip()[:_MAX_LOOKED_AT]
    enhanced = _ENHANCED_CODE.match(text)
    kept = enhanced[0] if enhanced else ""
    words = f"{kept} {_anonymous(text[len(kept) :], recipients)}".split()
    return " ".join(words)[:MAX_LENGTH]


def _anonymous(text: str, recipients: Iterable[str]) -> str:
    """``text`` without addresses, links and what cannot be seen."""
    text = "".join(character if character.isprintable() else " " for character in text)
    text = _ADDRESS.sub("[address]", _LINK.sub("[link]", text))
    for recipient in recipients:
        local_part = re.escape(recipient.rpartition("@")[0])
        text = re.sub(rf"(?<!\w){local_part}(?!\w)", "[address]", text, flags=re.IGNORECASE)
    return text

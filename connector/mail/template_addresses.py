"""Looks at what a reader of a mail may take for an address: none is written out, and nothing is glued to
one that a variable shows, for mail programs make links of text. It owns what an address may stand next to.

A branch of a condition may be taken or not, and a value may be empty. So what stands before a place is not
one text but several; of each only the end matters, and all of them are carried along.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import NamedTuple

from connector.mail.template_growth import MARKING
from connector.mail.template_limits import Findings
from connector.mail.template_rules import (
    EDGE_MARK,
    LINK,
    NO_ADDRESS,
    VALUE_MARK,
    Data,
    Edge,
    Piece,
    Spelt,
    Value,
)

_ADDRESSES = frozenset({LINK, "portal.url", "brand.support"})
_WRITTEN = (re.compile("//"), re.compile(r"\\\\"), re.compile(r"[wW]{3}\."))
"""Outlook makes a link of two backslashes as well."""
_BEGUN = re.compile(r"(?:/|\\\\|[wW]{1,3})\Z")
_LONGEST = 4
"""Characters of what ``_WRITTEN`` finds."""
_QUOTES = "\"'" + "".join(map(chr, (0xAB, 0xBB, 0x2039, 0x203A, *range(0x2018, 0x2020))))
_BEFORE = frozenset("([{<" + _QUOTES)
_FREE = frozenset({"", " "})
_CLOSING = re.compile(rf"[)\]}}>{_QUOTES}.,;:!?…]*+")
"""What may follow an address, if white space or the end comes then."""
_GLUED = "what stands next to {{{{ {name} }}}} would become part of the address: put a space between"

_LONGEST_ENTITY = 32
"""Of those with names; only zeros before a number make a longer one."""
_HTML = re.compile(
    rf"<style\b[^>]*>[^<]*</style\s*>|<!?/?(?P<tag>[a-z][a-z0-9]*)[^>]*>|(?P<mark>[{VALUE_MARK}{EDGE_MARK}])"
    rf"|(?P<text>[^<{VALUE_MARK}{EDGE_MARK}]{{1,8192}}+#?\w{{0,{_LONGEST_ENTITY}}}+;?)",
    re.IGNORECASE,
)
"""Text in portions, which take less memory; none ends within an entity."""
_LEAVES_NO_SPACE = MARKING | {"img"}
_ENTITY_CUT = re.compile(r"&#?\w*\Z")
_ENTITY_LONG = re.compile(rf"&#?\w{{{_LONGEST_ENTITY + 1}}}")
_ODD_ENTITY = "an entity stands in one piece and is short: write &amp; for a single &"


class _Text(NamedTuple):
    """Words as a reader sees them."""

    line: int
    text: str


class _End(NamedTuple):
    """How what was read so far may end: in the beginning of something written, else in a space where an
    address may stand, or an x where none may. ``address`` is the one that ended there, but for what closes.
    """

    tail: str = ""
    address: str = ""


_Seen = _Text | Value | Edge


def check_written(pieces: Iterable[Piece], findings: Findings) -> None:
    """Where ``pieces`` spell an address out, attributes too, whatever values stand within it."""
    words = Spelt(piece for piece in pieces if isinstance(piece, Data))
    for start in _written(words.text):
        findings.add(words.line(start), NO_ADDRESS)


def check_shown(pieces: list[Piece], findings: Findings, *, is_html: bool) -> None:
    """Where ``pieces``, whose HTML is well written, show an address that is none of the variables'."""
    walk = _Walk(findings)
    for each in _words(pieces, findings) if is_html else map(_plain, pieces):
        walk.step(each)


@dataclass(slots=True)
class _Walk:
    """Over all texts at once that the branches make."""

    _findings: Findings
    _ends: set[_End] = field(default_factory=lambda: {_End()})
    _open: list[tuple[set[_End], set[_End]]] = field(default_factory=list)
    """Of each open condition how the texts end before it, and after those branches that were read."""

    def step(self, each: _Seen) -> None:
        """Go on by ``each``."""
        match each:
            case _Text():
                self._text(each)
            case Value(of=""):
                self._text(_Text(each.line, each.text))
            case Value():
                self._value(each)
            case Edge():
                self._edge(each.step)

    def _edge(self, step: int) -> None:
        if step > 0:
            self._open.append((self._ends, set()))
            return
        before, after = self._open[-1]
        after |= self._ends
        self._ends = before
        if step < 0:
            self._ends = after
            self._open.pop()

    def _value(self, value: Value) -> None:
        is_address = value.of in _ADDRESSES
        glued = {end.address for end in self._ends if end.address}
        if is_address and not {end.tail for end in self._ends} <= _FREE:
            glued.add(value.of)
        for name in sorted(glued):
            self._findings.add(value.line, _GLUED.format(name=name))
        ends = self._ends | {_End("x", value.of if is_address else "")}
        if value.text:
            self._text(_Text(value.line, value.text))
        self._ends = self._ends | ends

    def _text(self, words: _Text) -> None:
        line, text = words
        if not text:
            return
        closing = _CLOSING.match(text)
        closed = closing.end() if closing else 0
        is_glued = closed < len(text) and not text[closed].isspace()
        faults = {(text.count("\n", 0, start), NO_ADDRESS) for start in _written(text)}
        after: set[_End] = set()
        for end in self._ends:
            if any(True for _ in _written(end.tail + text[: _LONGEST - 1])):
                faults.add((0, NO_ADDRESS))
            if end.address and is_glued:
                faults.add((0, _GLUED.format(name=end.address)))
            still = end.address if closed == len(text) else ""
            after.add(_End(_tail(end.tail + text[-_LONGEST:]), still))
        for further, fault in sorted(faults):
            self._findings.add(line + further, fault)
        self._ends = after


def _written(text: str) -> Iterator[int]:
    """Where an address begins."""
    return (found.start() for pattern in _WRITTEN for found in pattern.finditer(text))


def _tail(text: str) -> str:
    """Few kinds of ends, for all of them are carried along: else sixty conditions made thousands."""
    if begun := _BEGUN.search(text):
        return begun[0]
    return " " if text[-1].isspace() or text[-1] in _BEFORE else "x"


# --- what a reader sees ----------------------------------------------------------------------------


def _plain(piece: Piece) -> _Seen:
    return _Text(piece.line, piece.text) if isinstance(piece, Data) else piece


def _words(pieces: list[Piece], findings: Findings) -> Iterator[_Seen]:
    """``pieces`` without tags; one that is not among words leaves a space."""
    whole = Spelt(pieces)
    for found in _ENTITY_LONG.finditer(whole.text):
        findings.add(whole.line(found.start()), _ODD_ENTITY)
    for found in _HTML.finditer(whole.text):
        line = whole.line(found.start())
        if found["mark"]:
            yield _plain(whole.piece(found.start()))
        elif found["text"]:
            text = found["text"]
            if _ENTITY_CUT.search(text, max(0, len(text) - 40)) and found.end() in whole.starts[:-1]:
                findings.add(line, _ODD_ENTITY)
            yield _Text(line, unescape(text))
        elif (found["tag"] or "").lower() not in _LEAVES_NO_SPACE:
            yield _Text(line, " ")

"""Reads the HTML of a tenant's template before any value is in it. It owns how tags must be written, and
what may stand where; which tags there are is ``html_rules``'s.

HTML is read here as strictly as it can be written, so that no mail program can read it otherwise: values in
double quotes, no comment, no < that begins no tag. A condition begins and ends between tags alone. So each
tag is the same whichever branches are taken, and to look at all of them once is to look at every mail.
"""

import re
from collections import deque
from collections.abc import Mapping

from connector.mail.html_rules import fault_of_attribute, fault_of_css, fault_of_tag, fault_of_value
from connector.mail.shipped_frame import size_of_frame
from connector.mail.template_growth import (
    AMONG_WORDS,
    MARKING,
    MOST_ELEMENTS,
    VALUE_LENGTH,
    Marks,
    Size,
)
from connector.mail.template_limits import Enough, Findings
from connector.mail.template_rules import EDGE_MARK, LINK, VALUE_MARK, Edge, Piece, Spelt, Value

_MOST_ATTRIBUTES = 40
_IN_P = MARKING | AMONG_WORDS
"""What may stand within a ``<p>`` and does not end it."""
_TOKEN = re.compile(
    r"(?P<text>[^<]++)"
    r"|<(?P<tag>[a-z][a-z0-9]*+)"
    rf'(?P<attributes>(?:[ \t\n]++[a-z][a-z-]*+(?:="[^"<>{EDGE_MARK}]*+")?+){{0,{_MOST_ATTRIBUTES}}}+)'
    r"[ \t\n]*+/?>"
    r"|</(?P<end>[a-z][a-z0-9]*+)[ \t\n]*+>"
    r"|(?P<doctype><!doctype html>)",
    re.ASCII | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r'([a-z][a-z-]*)(?:="([^"]*)")?', re.ASCII | re.IGNORECASE)
_RAW = {
    "style": re.compile(rf"([^<{EDGE_MARK}]*+)</style[ \t\n]*+>", re.ASCII | re.IGNORECASE),
    "title": re.compile(r"([^<]*+)</title[ \t\n]*+>", re.ASCII | re.IGNORECASE),
}
_STYLE_VALUES = frozenset(
    f"brand.{name}"
    for name in (
        *("primary", "on_primary", "accent", "on_accent", "ink", "ink_at_night", "tint", "edge"),
        *("logo_width", "logo_height"),
    )
)
"""Colours and numbers of our own making: nothing that somebody wrote."""

_HREFS = frozenset({(LINK, ""), ("portal.url", ""), ("brand.support", "mailto:")})
_WHERE_TO = "a link leads to {{ invitation.link }}, {{ portal.url }} or mailto:{{ brand.support }} alone"

PLAIN = frozenset({"title", "preheader", "greeting", "button"})
"""Blocks of the frame that hold words; the title stands in an attribute, too."""
RICH = frozenset({"message", "action", "details", "footer"})
BLOCKS = PLAIN | RICH | {"dir", "href"}


def check_framed(blocks: Mapping[str, list[Piece]], findings: Findings) -> bool:
    """Look at what a template puts into the shipped frame; whether the invitation's link can be pressed
    whichever branches are taken.

    :raises Enough: as :class:`Findings` says.
    """
    scans = {name: _Scan(pieces, findings) for name, pieces in blocks.items()}
    for name, scan in scans.items():
        scan.block(name)
    _check_size(sum((scan.size for scan in scans.values()), start=size_of_frame()), findings)
    button = "href" in scans and scans["href"].has_link and "action" not in scans
    return button or any(scan.has_link for name, scan in scans.items() if name in RICH)


def check_whole(pieces: list[Piece], findings: Findings) -> bool:
    """As :func:`check_framed`, of a template without the frame."""
    scan = _Scan(pieces, findings)
    scan.html()
    _check_size(scan.size, findings)
    return scan.has_link


def _check_size(size: Size, findings: Findings) -> None:
    if size.fault:
        findings.add(1, size.fault)


class _Scan:
    """Pieces as one text, in which a character stands for each value and for each edge of a branch."""

    def __init__(self, pieces: list[Piece], findings: Findings) -> None:
        self.has_link = False
        self.size = Size()
        self._findings = findings
        self._whole = Spelt(pieces)
        self._text = self._whole.text
        placed = list(self._whole.placed())
        self._values = {start: piece for start, piece in placed if isinstance(piece, Value)}
        self._edges = deque((start, piece.step) for start, piece in placed if isinstance(piece, Edge))
        self._marks = Marks()
        self._is_in_p = False

    # --- the kinds of blocks -----------------------------------------------------------------------

    def block(self, name: str) -> None:
        """A block of the frame."""
        if name in RICH:
            self.html()
        elif name in PLAIN:
            self._plain(name)
        elif name == "dir":
            self._direction()
        elif name == "href":
            self._follow(0, self._text)
        else:
            self._refuse(0, f"the frame has no block {name}: there are {', '.join(sorted(BLOCKS))}")

    def _plain(self, name: str) -> None:
        if found := re.search(r'[<>"]', self._text):
            self._refuse(found.start(), f'the block {name} holds words alone: no tag, no <, > or "')

    def _direction(self) -> None:
        if self._text.strip() not in {"ltr", "rtl"}:
            self._refuse(0, "the block dir is ltr or rtl")

    def html(self) -> None:
        """Everything between tags, and the tags."""
        at = 0
        while at < len(self._text):
            token = _TOKEN.match(self._text, at)
            if token is None:
                self._refuse(at, _misshapen(self._text, at))
                at += 1
                continue
            at = self._after(token)
        self._branches(len(self._text))
        self._note(len(self._text), self._marks.close())

    # --- tags --------------------------------------------------------------------------------------

    def _after(self, token: re.Match[str]) -> int:
        """Look at a token; where the next begins."""
        name = (token["tag"] or token["end"] or "").lower()
        if name and (fault := fault_of_tag(name)):
            self._refuse(token.start(), fault)
        elif token["attributes"]:
            self._attributes(name, token)
        if name:
            self._nesting(name, token)
        if token["tag"] is None or name not in _RAW:
            return token.end()
        content = _RAW[name].match(self._text, token.end())
        if content is None:
            self._refuse(
                token.start(), f"<{name}> must end in </{name}>, with no tag and no condition in it"
            )
            return len(self._text)
        if name == "style":
            self._css(content.start(1), content[1])
            self.size.sheets += len(content[1]) + VALUE_LENGTH * content[1].count(VALUE_MARK)
        return content.end()

    def _nesting(self, name: str, token: re.Match[str]) -> None:
        """What begins or ends here. A ``</p>`` that ends nothing makes an empty ``<p>``."""
        self._branches(token.start())
        is_start = token["tag"] is not None
        if is_start or (name == "p" and not self._is_in_p) or name == "br":
            self._count(token.start())
        if name not in _IN_P:
            self._is_in_p = is_start and name == "p"
        self._note(token.start(), self._marks.start(name) if is_start else self._marks.end(name))

    def _count(self, at: int) -> None:
        """One more element; of a flood no more is read."""
        self.size.elements += 1
        if self.size.elements > MOST_ELEMENTS:
            self._refuse(at, self.size.fault)
            raise Enough

    def _branches(self, end: int) -> None:
        """The edges of branches before ``end`` that were not looked at yet."""
        while self._edges and self._edges[0][0] < end:
            at, step = self._edges.popleft()
            self._is_in_p = False
            self._note(at, self._marks.branch(step))

    def _attributes(self, tag: str, token: re.Match[str]) -> None:
        seen: set[str] = set()
        for found in _ATTRIBUTE.finditer(self._text, *token.span("attributes")):
            name, value = found[1].lower(), found[2] or ""
            at = found.start(1)
            if fault := fault_of_attribute(tag, name) or fault_of_value(name, value):
                self._refuse(at, fault)
            elif name in seen:
                self._refuse(at, f"{name} stands twice in <{tag}>: take one out")
            elif name == "href":
                self._follow(max(at, found.start(2)), value)
            elif name == "src":
                if not self._is(value, found.start(2), "brand.logo"):
                    self._refuse(at, "the only image is {{ brand.logo }}: write that")
            elif name == "style":
                self._css(max(at, found.start(2)), value)
            seen.add(name)

    def _follow(self, start: int, text: str) -> None:
        """An address: one variable, and what belongs before it."""
        before, is_value, after = text.strip().partition(VALUE_MARK)
        value = self._values[start + text.index(VALUE_MARK)] if is_value else None
        if value is None or after or (value.name, before) not in _HREFS:
            self._refuse(start, _WHERE_TO)
        elif value.name == LINK and not value.conditional:
            self.has_link = True

    def _is(self, text: str, start: int, variable: str) -> bool:
        return text == VALUE_MARK and self._values[start].name == variable

    def _css(self, start: int, text: str) -> None:
        self.size.style(text)
        if fault := fault_of_css(text):
            self._refuse(start, fault)
        for found in re.finditer(VALUE_MARK, text):
            if self._values[start + found.start()].name not in _STYLE_VALUES:
                self._refuse(start + found.start(), "a style may name the colours of {{ brand }} alone")

    # --- places ------------------------------------------------------------------------------------

    def _note(self, at: int, fault: str) -> None:
        if fault:
            self._refuse(at, fault)

    def _refuse(self, at: int, text: str) -> None:
        self._findings.add(self._whole.line(at), text)


_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("<!--"), "an HTML comment runs in some mail programs: write {# … #}"),
    (re.compile(rf"<[^<>]*{EDGE_MARK}"), "a condition stands within a tag: put it around the whole tag"),
    (
        re.compile(r"</?[a-z]", re.ASCII | re.IGNORECASE),
        'a tag is written like <a class="b">: all values in "',
    ),
)


def _misshapen(text: str, at: int) -> str:
    for look, fault in _LOOKS:
        if look.match(text, at):
            return fault
    return "a < that begins no tag is written &lt;"

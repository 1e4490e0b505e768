"""What a tenant's template may be made of before Jinja sees it: how long, how many tags, of which shape. It
owns these limits, so that nothing costs more to refuse than to read; it must not know what tags mean.

Between its braces a tag may hold no brace, %, # or backslash, and its quotes come in pairs. So its first
end is its end, also to Jinja's lexer, and a length, a depth and a number counted here are those that
Jinja's parser meets.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

LARGEST = 64 * 1024
"""Bytes of one file."""

LONGEST_TAG = 200
MOST_LINES = 2000
MOST_TAGS = 128
"""Compiled, a tag takes 12 KB for a moment."""
DEEPEST = 8
MOST_IN_TAGS = 6000
"""Characters of all tags together: 20 ms of the parser's time."""
MOST_FAULTS = 20
"""Of one file; who mends these sees the others."""

WORDS = ("if", "elif", "else", "endif", "block", "endblock", "extends")

_STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\uf8ff\ufeff]")
"""Controls, those that turn the direction of text around, and the private characters that stand for values
while HTML is looked at.
"""
_TAG = re.compile(
    rf"\{{(?:\{{(?P<value>[^{{}}%#\\]{{0,{LONGEST_TAG}}})\}}\}}"
    rf"|%(?P<tag>[^{{}}%#\\]{{0,{LONGEST_TAG}}})%\}}"
    r"|\#.*?\#\}"
    r"|(?P<open>[{%#]))",
    re.DOTALL,
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORD = re.compile(r"[-+]?\s*(\w*)")
_OPENING = frozenset({"if", "block"})
_ENDING = frozenset({"endif", "endblock"})


class Finding(NamedTuple):
    """What is wrong in one file, as a sentence that says what to do; ``line`` counts from 1."""

    line: int
    text: str


class Enough(Exception):
    """:data:`MOST_FAULTS` were found in one file."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one file so far."""

    found: list[Finding] = field(default_factory=list)

    def add(self, line: int, text: str) -> None:
        """:raises Enough: that is all that will be told."""
        self.found.append(Finding(line, text))
        if len(self.found) == MOST_FAULTS:
            raise Enough


def decoded(data: bytes) -> str:
    """The text of a file, its lines ended by a line feed.

    :raises ValueError: it is too large, has too many lines, or is no UTF-8.
    """
    if len(data) > LARGEST:
        raise ValueError(f"is larger than {LARGEST // 1024} KB: shorten it")
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if data.removesuffix(b"\n").count(b"\n") >= MOST_LINES:
        raise ValueError(f"has more than {MOST_LINES} lines: shorten it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8: save it as that") from None


def check_form(source: str, findings: Findings) -> None:
    """What keeps ``source`` from being parsed; of what no parser should meet only the first.

    :raises Enough: as :class:`Findings` says.
    """
    if strange := _STRANGE.search(source):
        shown = f"U+{ord(strange[0]):04X}"
        text = f"there is a character that cannot be seen ({shown}): remove it"
        findings.add(_line(source, strange.start()), text)
        return
    depth = length = 0
    for number, found in enumerate(_TAG.finditer(source), start=1):
        line = _line(source, found.start())
        word = _WORD.match(found["tag"])[1] if found["tag"] is not None else ""  # type: ignore[index]
        depth += (word in _OPENING) - (word in _ENDING)
        content = found["tag"] or found["value"] or ""
        length += len(content)
        if fault := _fault_of_form(found, content, number, length):
            findings.add(line, fault)
            return
        if fault := _fault_of_tag(found, word, depth):
            findings.add(line, fault)


def _fault_of_form(found: re.Match[str], content: str, number: int, length: int) -> str:
    if found["open"]:
        return _unfinished(found["open"])
    if any(quote in _QUOTED.sub("", content) for quote in "'\""):
        return "a quote within the tag has no end: close it"
    if number > MOST_TAGS:
        return f"there are more than {MOST_TAGS} tags: write fewer"
    if length > MOST_IN_TAGS:
        return f"all tags together are longer than {MOST_IN_TAGS} characters: write fewer, or shorter ones"
    return ""


def _fault_of_tag(found: re.Match[str], word: str, depth: int) -> str:
    if found["tag"] is not None and word not in WORDS:
        return f"{{% {word} %}} is not for mails, which have {', '.join(WORDS)}: take it out"
    if depth > DEEPEST or found[0].count("(") + found[0].count("[") > DEEPEST:
        return f"is nested more than {DEEPEST} deep: make it flatter"
    return ""


def _unfinished(opening: str) -> str:
    if opening == "#":
        return "the comment {# has no end: write #} behind it"
    end = {"{": "}}", "%": "%}"}[opening]
    return (
        f"the tag {{{opening} must end in {end} within {LONGEST_TAG} characters, and hold no braces, "
        "%, # or backslash"
    )


def _line(source: str, offset: int) -> int:
    return source.count("\n", 0, offset) + 1

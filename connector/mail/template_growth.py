"""How much HTML a tenant's template may become once its style sheet is put into its tags and a browser's
parser has read it. It owns these limits; it must not know how a template is read.

Three things grow without being long: a rule that fits every tag is written into each; an open ``<b>`` is
opened anew by each ``<p>`` that comes within it; and thousands of tags within each other overrun the stack
of the library that reads them, which ends the process.
"""

import re
from dataclasses import dataclass, field

from connector.mail.template_limits import DEEPEST

MOST_ELEMENTS = 1000
"""Of one mail. The library ends the process at ten thousand within each other; a thousand take 3 MB and
2 ms.
"""
MOST_SPREAD = 1_000_000
"""Characters of style sheets times elements: 25 MB and 35 ms at the worst. The shipped invitation has a
third of it.
"""
MOST_PROPERTIES = 128
"""Different ones, which the library compares each with each, once an element."""

_PROPERTY = re.compile(r"(?<![^\s{}:;])([^\s{}:;]++)\s*+:")
"""And whatever else stands before a colon. CSS that has no comments hides none from this."""

VALUE_LENGTH = 8
"""Of a colour or a number in a style, with some to spare."""

MARKING = frozenset(
    (
        *("a", "b", "code", "em", "i", "s", "small", "strong", "u"),
        *("span", "sub", "sup"),
    )
)
"""Tags around words. A parser opens most of these anew wherever another tag ended them too early."""
AMONG_WORDS = frozenset({"br", "img"})


@dataclass(slots=True)
class Size:
    """What a mail is made of: its elements, the characters of its style sheets, and what its styles set."""

    elements: int = 0
    sheets: int = 0
    properties: set[str] = field(default_factory=set)

    def __add__(self, other: "Size") -> "Size":
        return Size(
            elements=self.elements + other.elements,
            sheets=self.sheets + other.sheets,
            properties=self.properties | other.properties,
        )

    def style(self, css: str) -> None:
        """Add what ``css`` sets, until it is too much."""
        for found in _PROPERTY.finditer(css):
            self.properties.add(found[1])
            if len(self.properties) > MOST_PROPERTIES:
                return

    @property
    def fault(self) -> str:
        """Why this is too much; empty if it is not."""
        if self.elements > MOST_ELEMENTS:
            return f"the mail has more than {MOST_ELEMENTS} HTML tags: write fewer"
        if self.sheets * self.elements > MOST_SPREAD:
            return (
                f"{self.sheets} characters in <style> for {self.elements} HTML tags, with the frame's, are "
                f"too many: shorten or write fewer, until one times the other is {MOST_SPREAD}"
            )
        if len(self.properties) > MOST_PROPERTIES:
            return f"the styles set more than {MOST_PROPERTIES} different properties: set fewer"
        return ""


@dataclass(slots=True)
class Marks:
    """Which tags around words are open, while tags and branches are met in the order of the file. Each
    branch must leave open what it found open, so that what is true of all branches is true of each mail.
    """

    _open: list[str] = field(default_factory=list)
    _before: list[list[str]] = field(default_factory=list)

    def start(self, tag: str) -> str:
        """Why ``tag`` may not begin here; empty if it may."""
        if tag not in MARKING:
            return self._other(f"<{tag}>", tag)
        self._open.append(tag)
        return f"words are marked more than {DEEPEST} deep" if len(self._open) > DEEPEST else ""

    def end(self, tag: str) -> str:
        """Why ``tag`` may not end here; empty if it may."""
        if tag not in MARKING:
            return self._other(f"</{tag}>", tag)
        if self._open and self._open[-1] == tag:
            self._open.pop()
            return ""
        last = f"; the last one open is <{self._open[-1]}>" if self._open else ""
        return f"</{tag}> ends no tag that was just opened{last}"

    def branch(self, step: int) -> str:
        """What is wrong at the edge of a branch: 1 the first of a condition, -1 the last, else 0."""
        if step > 0:
            self._before.append(list(self._open))
            return ""
        before = self._before.pop() if step < 0 else self._before[-1]
        if before == self._open:
            return ""
        tag = (self._open or before)[-1]
        return f"<{tag}> must begin and end in the same branch of a condition"

    def close(self) -> str:
        """What is wrong at the end of all."""
        return f"<{self._open[-1]}> has no end: write </{self._open[-1]}>" if self._open else ""

    def _other(self, shown: str, tag: str) -> str:
        if not self._open or tag in AMONG_WORDS:
            return ""
        return f"<{self._open[-1]}> goes around words alone: end it before {shown}"

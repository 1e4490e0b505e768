"""How figures are written down: paragraphs and tables in Markdown, what was aimed at. It owns the form; it
must not know what is measured.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap

_WIDTH = 104


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be at least, or at most."""

    what: str
    figure: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether it is."""
        low = self.at_least is None or self.figure >= self.at_least
        return low and (self.at_most is None or self.figure <= self.at_most)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; each row has as many cells as the head."""
    return [_line(head), f"|{'---|' * len(head)}", *(_line(row) for row in rows)]


def verdicts(aims: Iterable[Aim]) -> list[str]:
    """A table of what was aimed at."""
    rows = ([aim.what, f"{aim.figure:.2f}", "met" if aim.is_met else "missed"] for aim in aims)
    return table(["aim", "measured", ""], rows)


def prose(text: str) -> list[str]:
    """A paragraph, in lines of one length."""
    return wrap(" ".join(text.split()), _WIDTH)


def spread(figures: Sequence[float]) -> tuple[float, float]:
    """p50 and p95."""
    cuts = statistics.quantiles(figures, n=100, method="inclusive")
    return cuts[49], cuts[94]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""How answers are shown: tables for people, JSON for machines. It owns the form and no content, and that
nothing in a content steers the terminal.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 240
"""Columns where no terminal says how many there are: nothing is cut for a file or a pipe."""

# What a terminal obeys instead of showing it: controls, ends of lines, what turns the direction of writing,
# halves of characters.
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NEW_LINE = "\n"


def visible(text: str, *, lines: bool = False) -> str:
    r"""``text`` with all that would steer the terminal written out, ESC as ``\x1b``; ``lines`` keeps ends
    of lines.
    """
    return _STEERING.sub(lambda match: _escaped(match[0], lines=lines), text)


def _escaped(character: str, *, lines: bool) -> str:
    if lines and character == _NEW_LINE:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


class SafeConsole(Console):
    """A console whose every text is :func:`visible`."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich's."""
        shown = (visible(each, lines=True) if isinstance(each, str) else each for each in objects)
        super().print(*shown, **options)


console = SafeConsole(width=None if sys.stdout.isatty() else _WIDE)
errors = SafeConsole(stderr=True)


def show_json(value: Any) -> None:
    """One JSON value on standard output. What JSON leaves as it is, and a terminal does not, is escaped."""
    text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
    typer.echo(_STEERING.sub(_json_escaped, text))


def _json_escaped(match: re.Match[str]) -> str:
    """Within JSON's own layout there are ends of lines only; all else stands in a text."""
    return match[0] if match[0] == _NEW_LINE else f"\\u{ord(match[0]):04x}"


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table, or one line that says that there is nothing."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(visible(str(cell))) if cell is not None else "" for cell in row))
    console.print(table if table.row_count else "Nothing to show.", soft_wrap=True)


def show_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line; empty values are left out."""
    for name, value in fields:
        if value not in (None, "", [], ()):
            console.print(f"[bold]{name:<14}[/bold] ", end="")
            console.print(visible(str(value)), markup=False, highlight=False, soft_wrap=True)


def iso(at: float | None) -> str | None:
    """Epoch seconds as RFC 3339 in UTC, to the second."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

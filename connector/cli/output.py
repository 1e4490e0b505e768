"""How answers are shown: tables for people, JSON for machines. It owns the form and no content."""

import json
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

console = Console(width=None if sys.stdout.isatty() else _WIDE)
errors = Console(stderr=True)


def show_json(value: Any) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table, or one line that says that there is nothing."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(str(cell)) if cell is not None else "" for cell in row))
    console.print(table if table.row_count else "Nothing to show.", soft_wrap=True)


def show_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line; empty values are left out."""
    for name, value in fields:
        if value not in (None, "", [], ()):
            console.print(f"[bold]{name:<14}[/bold] ", end="")
            console.print(str(value), markup=False, highlight=False, soft_wrap=True)


def iso(at: float | None) -> str | None:
    """Epoch seconds as RFC 3339 in UTC, to the second."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

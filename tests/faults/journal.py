"""What the feeder asked for and what it was answered, in a file that outlives its kills. It owns the file's
lines; what must follow from them is ``invariants``'s.

A line is written before a change is asked for, and another, synced to the disk, when it was answered.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What is known of a request by the one who made it."""

    ASKED = "asked"
    ANSWERED = "answered"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    """Its unit of work was made to fail: nothing of it may be anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request at one moment. ``version`` is the user's after it, ``changed`` whether it rose by it."""

    fate: Fate
    request: str
    user: str
    action: str
    version: int = 0
    changed: bool = False


class Journal:
    """One file; each line is one write, so that a kill leaves it whole or out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, line: Line) -> None:
        os.write(self._file, json.dumps(asdict(line)).encode() + b"\n")
        if line.fate is not Fate.ASKED:
            os.fdatasync(self._file)

    def lines(self) -> Iterator[Line]:
        """All lines so far, oldest first."""
        for text in self._path.read_text().splitlines():
            values = json.loads(text)
            yield Line(**values | {"fate": Fate(values["fate"])})

    def close(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Account:
    """A journal, summed up: the last fate of each request."""

    last: dict[str, Line]

    @classmethod
    def of(cls, journal: Journal) -> "Account":
        return cls({line.request: line for line in journal.lines()})

    def of_fate(self, fate: Fate) -> list[Line]:
        return [line for line in self.last.values() if line.fate is fate]

"""What is wrong with what an operator wrote, each with its place. It owns the shape of a fault and the
error that carries all of them; it must not know what is checked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from connector.domain.errors import UsherError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to mend. ``line`` counts from 1, 0 where no line can be named; ``where`` is the dotted
    key; ``message`` is a sentence without any secret.
    """

    message: str
    file: Path | None = None
    line: int = 0
    where: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        return ": ".join(part for part in (place, self.where, self.message) if part)


class ConfigError(UsherError):
    """Something an operator wrote, or left out, has to be mended first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults

    @classmethod
    def of(cls, message: str, *, file: Path | None = None, where: str = "") -> "ConfigError":
        """The error of a single fault that has no line."""
        return cls((Fault(message=message, file=file, where=where),))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or nothing if no known word is near."""
    near = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

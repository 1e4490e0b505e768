"""YAML files as plain data in which each value still knows its line. It owns reading them and finding the
line of a key; it must not know what the data means.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarfloat import ScalarFloat
from ruamel.yaml.scalarint import ScalarInt

from connector.foundation.faults import ConfigError, Fault

KeyPath = Sequence[str | int]
"""Keys and indexes that lead to a value, outermost first."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One file: ``data`` is plain dicts, lists and scalars; ``_tree`` is what ruamel read, with lines."""

    path: Path
    data: Any
    _tree: Any = field(repr=False)

    def fault(self, where: KeyPath, message: str, *, shown: KeyPath | None = None) -> Fault:
        """A fault at the deepest part of ``where`` that is in the file; ``shown`` is the place's name,
        if the file is part of something larger.
        """
        name = ".".join(str(part) for part in (where if shown is None else shown))
        return Fault(message=message, file=self.path, line=self.line(where), where=name)

    def line(self, where: KeyPath) -> int:
        """The line of the deepest part of ``where`` that is in the file."""
        tree, line = self._tree, 1
        for part in where:
            found = _line_of(tree, part)
            if found is None:
                break
            tree, line = tree[part], found
        return line


def read_yaml(path: Path) -> YamlFile:
    """Read a file that holds one mapping.

    :raises ConfigError: it cannot be read, is no YAML, or holds something else.
    """
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
        data = _plain(tree)
    except MarkedYAMLError as error:
        raise ConfigError((_syntax_fault(path, error),)) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError.of(f"is not YAML: {_first_line(error)}", file=path) from None
    except OSError as error:
        raise ConfigError.of(f"cannot be read: {error.strerror}", file=path) from None
    if not isinstance(tree, CommentedMap):
        fault = Fault(message="must hold keys and values", file=path, line=1)
        raise ConfigError((fault,))
    return YamlFile(path, data, tree)


def _line_of(tree: Any, part: str | int) -> int | None:
    """The line of one key or index, None if ``tree`` has none such."""
    try:
        if isinstance(tree, CommentedMap) and part in tree:
            return int(tree.lc.key(part)[0]) + 1
        if isinstance(tree, CommentedSeq) and isinstance(part, int) and part < len(tree):
            return int(tree.lc.item(part)[0]) + 1
    except KeyError:  # came in through a merge key, whose values have no line of their own
        return None
    return None


def _plain(value: Any) -> Any:
    """The round-trip types as Python's own."""
    match value:
        case CommentedMap():
            return {key: _plain(item) for key, item in value.items()}
        case CommentedSeq():
            return [_plain(item) for item in value]
        case ScalarBoolean():
            return bool(value)
        case ScalarInt():
            return int(value)
        case ScalarFloat():
            return float(value)
        case str():
            return str(value)
        case _:
            return value


def _syntax_fault(path: Path, error: MarkedYAMLError) -> Fault:
    """What the parser stumbled over; of a key that stands twice only the key, its value may be secret."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 0
    problem = _first_line(error.problem).partition(" with value ")[0]
    return Fault(message=f"is not YAML: {problem}", file=path, line=line)


def _first_line(error: object) -> str:
    return (str(error).strip() or "unreadable").splitlines()[0]

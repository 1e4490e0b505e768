"""Reads a request's JSON, stricter than the standard library: what two readers could understand
differently is refused. It owns the rules of the text; it must not know what the text is about.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from scim_server.errors import ScimError, bad_json

MAX_DEPTH = 32
"""How many objects and lists may stand in one another; SCIM's deepest body has six."""

_INTEGERS = range(-(2**63), 2**64)
_LONGEST_INTEGER = 20


def load(body: bytes) -> dict[str, Any]:
    """The object in a request's body.

    :raises ScimError: 400 ``invalidSyntax``, naming the rule: UTF-8 without a byte order mark, well
        formed, no doubled name (in whatever case), no NaN or Infinity, integers of 64 bits, no NUL,
        no lone surrogate, nested at most :data:`MAX_DEPTH` deep, an object.
    """
    loaded = _parsed(_text(body))
    if not isinstance(loaded, dict):
        raise bad_json("it must be an object")
    _check_depth(loaded)
    _check_text(loaded)
    return loaded


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_json("it must be UTF-8") from error
    if text.startswith("\ufeff"):
        raise bad_json("it must not begin with a byte order mark")
    return text


def _parsed(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        raise bad_json(f"it is malformed at character {error.pos + 1}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.lower() for name, _ in pairs}) != len(pairs):
        raise bad_json("a name occurs twice in one object")
    return dict(pairs)


def _refuse_constant(_constant: str) -> NoReturn:
    raise bad_json("NaN and Infinity are no numbers")


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER or int(digits) not in _INTEGERS:
        raise bad_json("an integer is beyond 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise bad_json("a number is beyond what can be kept")
    return number


def _too_deep() -> ScimError:
    return bad_json(f"it is nested more than {MAX_DEPTH} deep")


def _check_depth(loaded: Any) -> None:
    level, depth = [loaded], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [child for parent in level for child in _children(parent)]


def _children(parent: Any) -> Iterator[Any]:
    items = parent.values() if isinstance(parent, dict) else parent
    return (item for item in items if isinstance(item, dict | list))


def _check_text(value: Any) -> None:
    match value:
        case str():
            _check_characters(value)
        case dict():
            for name, item in value.items():
                _check_characters(name)
                _check_text(item)
        case list():
            for item in value:
                _check_text(item)


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise bad_json("it holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise bad_json("it holds half a surrogate pair") from error

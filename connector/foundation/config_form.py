"""What every part of a configuration shares: a form that is checked whole, with each of its faults told in
our words. It owns the checking and the wording; it must not know any key.
"""

from collections.abc import Iterable
from copy import deepcopy
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from connector.foundation.config_values import Surroundings
from connector.foundation.faults import did_you_mean

FormType = TypeVar("FormType", bound="Form")
Place = tuple[str | int, ...]
"""Keys and indexes that lead to a value, outermost first."""

_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be text; put it in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "too_short": "must not be empty",
    "invalid_key": "must be text; put the key in quotes",
}
"""Kinds of pydantic's errors in our words; those that say more are in :func:`_message`."""


class Form(BaseModel):
    """A mapping in a configuration: frozen, and no key but the declared ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class FormError(Exception):
    """Data does not fit its form; ``faults`` are all that is wrong, as (place, sentence)."""

    def __init__(self, faults: list[tuple[Place, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


def fill(form: type[FormType], data: Any, surroundings: Surroundings) -> FormType:
    """``data`` as a form.

    :raises FormError: anything in it is wrong.
    """
    try:
        return form.model_validate(data, context=surroundings)
    except ValidationError as error:
        faults = [(_place(problem), _message(form, problem)) for problem in _problems(error)]
        raise FormError(faults) from None


def sound_part(form: type[FormType], data: Any, surroundings: Surroundings) -> FormType:
    """What is left of ``data`` as a form once all that is wrong was cut out, and then what needed that;
    so faults between parts are found beside faults within them. Nothing in ``form`` may be required.
    """
    rest = deepcopy(data)
    while True:
        try:
            return form.model_validate(rest, context=surroundings)
        except ValidationError as error:
            places = {_existing(rest, _place(problem)) for problem in _problems(error)}
        for place in places:
            _cut(rest, place)


def _problems(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def _place(problem: ErrorDetails) -> Place:
    """Pydantic's location without the word it adds for a key that is at fault."""
    return tuple(part for part in problem["loc"] if part != "[key]")


def _existing(data: Any, place: Place) -> Place:
    """As much of ``place`` as mappings lead to; something missing is its holder's fault."""
    found: list[str | int] = []
    for part in place:
        if not isinstance(data, dict) or part not in data:
            break
        found.append(part)
        data = data[part]
    return tuple(found)


def _cut(data: dict[str | int, Any], place: Place) -> None:
    """Remove one entry, unless its holder went before."""
    *holders, last = place
    for part in holders:
        data = data.get(part, {})
    data.pop(last, None)


def _message(form: type[Form], problem: ErrorDetails) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        *holder, key = problem["loc"]
        return f"is not a known key{did_you_mean(str(key), _keys(form, holder))}"
    if kind in {"enum", "literal_error"}:
        return f"must be one of {context['expected'].replace(' or ', ', ')}"
    if kind == "value_error":
        return str(context["error"])
    return _MESSAGES.get(kind, problem["msg"])


def _keys(form: type[Form], place: Iterable[str | int]) -> Iterable[str]:
    """The keys of the form that lies at ``place`` inside ``form``."""
    annotation: Any = form
    for part in place:
        annotation = _step(annotation, part)
    return _fields(_bare(annotation))


def _step(annotation: Any, part: str | int) -> Any:
    """The annotation of one field of a form, or of a mapping's or list's values."""
    bare = _bare(annotation)
    fields = _fields(bare)
    return fields.get(str(part)) if fields else get_args(bare)[-1]


def _bare(annotation: Any) -> Any:
    """An annotation without ``Annotated`` and ``| None`` around it."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = next(arg for arg in get_args(annotation) if arg is not NoneType)
    return annotation


def _fields(form: Any) -> dict[str, Any]:
    """The annotations of a form's fields by key; of anything else none."""
    if not (isinstance(form, type) and issubclass(form, Form)):
        return {}
    return {field.alias or name: field.annotation for name, field in form.model_fields.items()}

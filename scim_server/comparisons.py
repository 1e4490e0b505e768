"""What a filter can compare: a table from attributes to rules, and the reading of operands. It owns
the attributes, the operators each knows and the kind of value each wants; it must not know a
filter's grammar.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.domain.document import fold
from connector.domain.query import And, Attribute, Compare, EmailItem, Filter, Operator
from scim_server.errors import ScimError, bad_filter, sensitive
from scim_server.names import unqualified
from scim_server.profiles import Client, Switch
from scim_server.times import seconds_of
from scim_server.tolerance import is_whole, shown

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False}
_MICROSECOND = 1e-6

NOBODY = Compare(Attribute.ID, Operator.EQ, "")
"""A filter that is understood and that no user meets."""


@dataclass(frozen=True, slots=True)
class Bare:
    """An operand without quotation marks, as it stands in the filter."""

    text: str


def comparison(path: str, operator: str, operand: Any, client: Client) -> Filter:
    """The query of one comparison.

    :raises ScimError: 400 ``invalidFilter``: the attribute is not in the table, or not compared so; 403
        ``sensitive`` for a password.
    """
    name = unqualified(path)
    if name.lower() == "password":
        raise sensitive("password")
    rule = _RULES.get(name.lower())
    if rule is None:
        raise cannot(name)
    return rule(name, operator, operand, client)


def cannot(name: str) -> ScimError:
    """An attribute that is not in the table."""
    return bad_filter(f"'{shown(name)}' cannot be filtered")


# --- operands --------------------------------------------------------------------------------------


def text_of(operand: Any, name: str, client: Client) -> str:
    """A text operand; bare words and numbers where the client may write such.

    :raises ScimError: 400 ``invalidFilter``.
    """
    if isinstance(operand, str):
        return _storable(operand, name)
    if isinstance(operand, Bare):
        is_number = _NUMBER.fullmatch(operand.text) is not None
        switch = Switch.NUMBER_FOR_TEXT if is_number else Switch.UNQUOTED_FILTER
        if operand.text.lower() != "null" and client.takes(switch):
            return _storable(operand.text, name)
    is_number = isinstance(operand, int | float) and not isinstance(operand, bool)
    if is_number and client.takes(Switch.NUMBER_FOR_TEXT):
        return str(operand)
    raise bad_filter(f"'{shown(name)}' is compared with text, in quotation marks")


def boolean_of(operand: Any, name: str, client: Client) -> bool:
    """A Boolean operand; as text too where the client may write it so.

    :raises ScimError: 400 ``invalidFilter``.
    """
    if isinstance(operand, Bare):
        operand = _WORDS.get(operand.text.lower())
    elif isinstance(operand, str) and client.takes(Switch.TEXT_BOOLEAN):
        operand = _WORDS.get(operand.lower())
    if isinstance(operand, bool):
        return operand
    raise bad_filter(f"'{shown(name)}' is compared with true or false")


def _storable(text: str, name: str) -> str:
    """Text that a database takes as a parameter."""
    if not is_whole(text):
        raise bad_filter(f"'{shown(name)}' is compared with text of whole characters")
    return text


# --- rules -----------------------------------------------------------------------------------------

_Rule = Callable[[str, str, Any, Client], Filter]


def _only_eq(name: str, operator: str) -> None:
    if operator != "eq":
        raise bad_filter(f"'{shown(name)}' can be compared with 'eq' alone")


def _text(attribute: Attribute, key: Callable[[str], str]) -> _Rule:
    def rule(name: str, operator: str, operand: Any, client: Client) -> Filter:
        _only_eq(name, operator)
        text = text_of(operand, name, client)
        return Compare(attribute, Operator.EQ, key(text)) if text else NOBODY

    return rule


def _boolean(attribute: Attribute) -> _Rule:
    def rule(name: str, operator: str, operand: Any, client: Client) -> Filter:
        _only_eq(name, operator)
        return Compare(attribute, Operator.EQ, boolean_of(operand, name, client))

    return rule


def _time(attribute: Attribute) -> _Rule:
    def rule(name: str, operator: str, operand: Any, client: Client) -> Filter:
        if operator not in list(Operator):
            raise bad_filter(f"'{shown(name)}' can be compared with {', '.join(Operator)}")
        try:
            seconds = seconds_of(text_of(operand, name, client))
        except ValueError as error:
            raise bad_filter(f"'{shown(name)}' is compared with a time") from error
        if operator != "eq":
            return Compare(attribute, Operator(operator), seconds)
        # Answers show microseconds; what is equal to one of them is anything within it.
        until = Compare(attribute, Operator.LT, seconds + _MICROSECOND)
        return And((Compare(attribute, Operator.GE, seconds), until))

    return rule


def _email(part: str) -> _Rule:
    def rule(name: str, operator: str, operand: Any, client: Client) -> Filter:
        _only_eq(name, operator)
        key = fold(text_of(operand, name, client))
        return EmailItem(
            type_key=key if part == "type" else None, value_key=key if part == "value" else None
        )

    return rule


_RULES: dict[str, _Rule] = {
    "id": _text(Attribute.ID, str),
    "externalid": _text(Attribute.EXTERNAL_ID, str),
    "username": _text(Attribute.USER_NAME, fold),
    "displayname": _text(Attribute.DISPLAY_NAME, fold),
    "name.givenname": _text(Attribute.GIVEN_NAME, fold),
    "name.familyname": _text(Attribute.FAMILY_NAME, fold),
    "emails": _email("value"),
    "emails.value": _email("value"),
    "emails.type": _email("type"),
    "active": _boolean(Attribute.ACTIVE),
    "meta.created": _time(Attribute.CREATED),
    "meta.lastmodified": _time(Attribute.MODIFIED),
}
"""Every attribute that can be compared, by its folded path; a complex one stands for its ``value``."""

"""From a typed query to SQL conditions. It owns which column answers for which attribute; every value is a
bound parameter, so that a statement is built once for each shape of filter.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, assert_never

from sqlalchemy import ColumnElement, and_, bindparam, exists, false, func, or_, select, true

from connector.domain.model import InvitationStatus, State
from connector.domain.query import And, Attribute, Compare, EmailItem, Filter, InState, Operator
from connector.store.keys import key
from connector.store.tables import user, user_email, user_hold

_COLUMNS = {
    Attribute.ID: user.c.id,
    Attribute.USER_NAME: user.c.user_key,
    Attribute.EXTERNAL_ID: user.c.external_id,
    Attribute.DISPLAY_NAME: user.c.display_key,
    Attribute.GIVEN_NAME: user.c.given_key,
    Attribute.FAMILY_NAME: user.c.family_key,
    Attribute.ACTIVE: user.c.active,
    Attribute.CREATED: user.c.created_at,
    Attribute.MODIFIED: user.c.modified_at,
}

_OPERATORS = {
    Operator.EQ: lambda column, value: column == value,
    Operator.GT: lambda column, value: column > value,
    Operator.GE: lambda column, value: column >= value,
    Operator.LT: lambda column, value: column < value,
    Operator.LE: lambda column, value: column <= value,
}

Shape = Any
"""A filter with the places of its values in their stead: hashable, equal for equal statements."""


@dataclass(slots=True)
class Shaped:
    """A filter taken apart: its shape, and the values by their places."""

    shape: Shape
    values: dict[str, Any] = field(default_factory=dict)


def shaped(tree: Filter | None) -> Shaped:
    """Take a filter apart; None is everybody."""
    taken = Shaped(shape=None)
    if tree is not None:
        taken.shape = _shape(tree, taken.values)
    return taken


@lru_cache(maxsize=256)
def condition(shape: Shape) -> ColumnElement[bool]:
    """The condition of a shape, with a bound parameter for each place."""
    match shape:
        case None:
            return true()
        case And(parts):
            return and_(*(condition(part) for part in parts))
        case Compare(attribute, operator, place):
            return _OPERATORS[operator](_COLUMNS[attribute], bindparam(str(place)))  # type: ignore[no-any-return]
        case EmailItem(type_place, value_place):
            return _email(type_place, value_place)
        case InState(states, place):
            return or_(*(_state(state, bindparam(str(place))) for state in sorted(states)))
        case _:
            raise AssertionError(f"no shape of a filter: {shape!r}")


def not_hidden_from_source() -> ColumnElement[bool]:
    """No hold of the bound ``source`` hides the user from it."""
    return ~exists().where(
        user_hold.c.tenant == user.c.tenant,
        user_hold.c.user_id == user.c.id,
        user_hold.c.source == bindparam("source"),
        user_hold.c.hides,
    )


def _shape(tree: Filter, values: dict[str, Any]) -> Shape:
    match tree:
        case And(parts):
            return And(tuple(_shape(part, values) for part in parts))
        case Compare(attribute, operator, value):
            return Compare(attribute, operator, _place(value, values))
        case EmailItem(type_key, value_key):
            return EmailItem(
                None if type_key is None else _place(type_key, values),
                None if value_key is None else _place(value_key, values),
            )
        case InState(states, now):
            return InState(states, _place(now, values))  # type: ignore[arg-type]
        case _:
            assert_never(tree)


def _place(value: Any, values: dict[str, Any]) -> str:
    place = f"value_{len(values)}"
    values[place] = key(value) if isinstance(value, str) else value
    return place


def _email(type_place: str | None, value_place: str | None) -> ColumnElement[bool]:
    wanted = ((user_email.c.type_key, type_place), (user_email.c.value_key, value_place))
    having = select(user_email.c.user_id).where(
        user_email.c.tenant == bindparam("tenant"),
        *(column == bindparam(place) for column, place in wanted if place is not None),
    )
    return user.c.id.in_(having)


def _state(state: State, now: Any) -> ColumnElement[bool]:
    """The rows in one state: ``domain.model.state_of`` in SQL (a test compares the two)."""
    living = user.c.removed_at.is_(None)
    waiting = and_(living, user.c.active, user.c.activated_at.is_(None))
    is_open = func.coalesce(user.c.invitation_status, "") == InvitationStatus.OPEN
    conditions_of = {
        State.ABSENT: false(),
        State.DELETED: ~living,
        State.DISABLED: and_(living, ~user.c.active),
        State.ACTIVE: and_(living, user.c.active, user.c.activated_at.is_not(None)),
        State.PENDING: and_(waiting, is_open, user.c.invitation_expires_at > now),
        State.EXPIRED: and_(waiting, is_open, user.c.invitation_expires_at <= now),
        State.DRAFT: and_(waiting, ~is_open),
    }
    return conditions_of[state]

"""From a typed query to SQL conditions. It owns which column answers for which attribute; every value is a
bound parameter.
"""

from typing import Any, assert_never

from sqlalchemy import and_, exists, false, func, or_

from connector.domain.model import InvitationStatus, State
from connector.domain.query import And, Attribute, Compare, EmailItem, Filter, InState, Operator
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


def conditions(tree: Filter | None) -> list[Any]:
    """The conditions of a filter, to be joined by ``and``; none for everybody."""
    return [] if tree is None else [_condition(tree)]


def not_hidden_from(source: str) -> Any:
    """No hold of ``source`` hides the user from it."""
    return ~exists().where(
        user_hold.c.tenant == user.c.tenant,
        user_hold.c.user_id == user.c.id,
        user_hold.c.source == source,
        user_hold.c.hides,
    )


def _condition(tree: Filter) -> Any:
    match tree:
        case And(parts):
            return and_(*(_condition(part) for part in parts))
        case Compare(attribute, operator, value):
            return _OPERATORS[operator](_COLUMNS[attribute], value)
        case EmailItem(type_key, value_key):
            return _email(type_key, value_key)
        case InState(states, now):
            return or_(*(_state(state, now) for state in sorted(states)))
        case _:
            assert_never(tree)


def _email(type_key: str | None, value_key: str | None) -> Any:
    wanted = ((user_email.c.type_key, type_key), (user_email.c.value_key, value_key))
    return exists().where(
        user_email.c.tenant == user.c.tenant,
        user_email.c.user_id == user.c.id,
        *(column == key for column, key in wanted if key is not None),
    )


def _state(state: State, now: float) -> Any:
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

"""The action table: which action leads where from each state, and who may ask. It owns the table and
nothing else; what an action does on the way is ``lifecycle.decide``'s.
"""

from enum import StrEnum

from connector.domain.errors import Refusal
from connector.domain.model import ActorKind, State


class Action(StrEnum):
    """Everything that can happen to a portal user."""

    CREATE = "create"
    INVITE = "invite"
    RESEND = "resend"
    RESET_ACCESS = "reset_access"
    REVOKE_INVITATION = "revoke_invitation"
    ACCEPT = "accept"
    ACTIVATE = "activate"
    EXPIRE = "expire"
    DISABLE = "disable"
    ENABLE = "enable"
    HOLD = "hold"
    RELEASE = "release"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (an action's name)
    EDIT = "edit"
    CHANGE_EMAIL = "change_email"
    GRANT_ADMIN = "grant_admin"
    REVOKE_ADMIN = "revoke_admin"
    DELETE = "delete"
    RESTORE = "restore"
    PURGE = "purge"
    ACCOUNT_LOST = "account_lost"


CALC = "calc"
"""In the table: the state that ``state_of`` computes from what is left."""

_COLUMNS = (State.DRAFT, State.PENDING, State.EXPIRED, State.ACTIVE, State.DISABLED, State.DELETED)

# A plain word is the next state, `!key` a refusal. A user without a record can only be created.
# fmt: off
_ROWS: dict[Action, str] = {
    #                         draft          pending         expired         active         disabled     deleted
    Action.CREATE:            "!exists       !exists         !exists         !exists        !exists      !gone",
    Action.INVITE:            "pending       !invited        !invited        !is_active     !is_disabled !gone",
    Action.RESEND:            "!uninvited    pending         pending         !is_active     !is_disabled !gone",
    Action.RESET_ACCESS:      "!uninvited    !not_expired    pending         !is_active     !is_disabled !gone",
    Action.REVOKE_INVITATION: "!uninvited    draft           draft           !is_active     !is_disabled !gone",
    Action.ACCEPT:            "!link_dead    active          !link_expired   !link_used     !link_dead   !link_dead",
    Action.ACTIVATE:          "active        active          active          active         !is_disabled !gone",
    Action.EXPIRE:            "!not_due      !not_due        expired         !not_due       !not_due     !gone",
    Action.DISABLE:           "!not_active   !revoke_instead !revoke_instead disabled       !is_disabled !gone",
    Action.ENABLE:            "!not_disabled !not_disabled   !not_disabled   !not_disabled  calc         !gone",
    Action.HOLD:              "disabled      disabled        disabled        disabled       disabled     !gone",
    Action.RELEASE:           "draft         pending         expired         active         calc         !gone",
    Action.RESET_PASSWORD:    "!not_active   !not_active     !not_active     active         !is_disabled !gone",
    Action.EDIT:              "draft         pending         expired         active         disabled     !gone",
    Action.CHANGE_EMAIL:      "draft         pending         expired         active         disabled     !gone",
    Action.GRANT_ADMIN:       "draft         pending         expired         active         disabled     !gone",
    Action.REVOKE_ADMIN:      "draft         pending         expired         active         disabled     !gone",
    Action.DELETE:            "deleted       deleted         deleted         deleted        deleted      !gone",
    Action.RESTORE:           "!not_deleted  !not_deleted    !not_deleted    !not_deleted   !not_deleted calc",
    Action.PURGE:             "!not_deleted  !not_deleted    !not_deleted    !not_deleted   !not_deleted deleted",
    Action.ACCOUNT_LOST:      "draft         draft           draft           draft          disabled     deleted",
}
# fmt: on

TRANSITIONS: dict[tuple[State, Action], State | str] = {(State.ABSENT, Action.CREATE): State.DRAFT}
REFUSED: dict[tuple[State, Action], Refusal] = {
    (State.ABSENT, action): Refusal.NOT_FOUND for action in Action if action is not Action.CREATE
}
for _action, _row in _ROWS.items():
    for _state, _cell in zip(_COLUMNS, _row.split(), strict=True):
        if _cell.startswith("!"):
            REFUSED[_state, _action] = Refusal(_cell[1:])
        else:
            TRANSITIONS[_state, _action] = CALC if _cell == CALC else State(_cell)

_P_PLUS = frozenset({ActorKind.OPERATOR, ActorKind.ORG_ADMIN})
_SYSTEM = frozenset({ActorKind.SYSTEM})
_USER = frozenset({ActorKind.USER})
_OPERATOR = frozenset({ActorKind.OPERATOR})

WHO: dict[Action, frozenset[ActorKind]] = {
    Action.CREATE: _P_PLUS | _SYSTEM,
    Action.INVITE: _P_PLUS,
    Action.RESEND: _P_PLUS | _USER,
    Action.RESET_ACCESS: _P_PLUS,
    Action.REVOKE_INVITATION: _P_PLUS,
    Action.ACCEPT: _USER,
    Action.ACTIVATE: _SYSTEM,
    Action.EXPIRE: _SYSTEM,
    Action.DISABLE: _P_PLUS,
    Action.ENABLE: _P_PLUS,
    Action.HOLD: _OPERATOR | _SYSTEM,
    Action.RELEASE: _OPERATOR | _SYSTEM,
    Action.RESET_PASSWORD: _P_PLUS,
    Action.EDIT: _P_PLUS | _SYSTEM,
    Action.CHANGE_EMAIL: _P_PLUS | _SYSTEM,
    Action.GRANT_ADMIN: _P_PLUS,
    Action.REVOKE_ADMIN: _P_PLUS,
    Action.DELETE: _P_PLUS | _SYSTEM,
    Action.RESTORE: _OPERATOR,
    Action.PURGE: _SYSTEM,
    Action.ACCOUNT_LOST: _SYSTEM,
}
"""Who may ask; an organisation's administrator only for what ``policy.org_admin_can`` lists too."""

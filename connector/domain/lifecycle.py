"""The heart: what a command does to a portal user. It owns the way from a command to a decision; it must
not know a clock, a database or who carries the effects out.

``decide`` looks the action up in the table (``transitions.py``), asks the command's rule for what the table
cannot hold (``inviting``, ``access``, ``editing``, ``admins``, ``ending``), and answers with the user as it
then is and with what must happen outside. It raises nothing but :class:`~connector.domain.errors.Refused`.
"""

from collections.abc import Callable
from typing import Any

from connector.domain import access, admins, editing, ending, inviting
from connector.domain import commands as c
from connector.domain.decision import Decision, Facts, Outcome
from connector.domain.errors import Refusal, Refused
from connector.domain.model import (
    ActorKind,
    PortalUser,
    State,
    state_of,
)
from connector.domain.policy import DeletePolicy, Policy
from connector.domain.transitions import REFUSED, TRANSITIONS, WHO, Action


def decide(user: PortalUser | None, command: c.Command, facts: Facts) -> Decision:
    """The decision on ``command``.

    :raises Refused: the action is not possible in this state, not permitted, or against the policy.
    """
    before = state_of(user, facts.now)
    action = action_of(user, command)
    _check_actor(action, command, before, facts.policy)
    if refusal := REFUSED.get((before, action)):
        raise Refused(refusal, before)
    outcome = RULES[type(command)](user, command, facts)
    return Decision(
        action=action,
        before=before,
        after=state_of(outcome.user, facts.now),
        user=outcome.user,
        effects=outcome.effects,
        reason=outcome.reason,
        erase=outcome.erase,
    )


def action_of(user: PortalUser | None, command: c.Command) -> Action:
    """The action a command comes to: an edit of the address has rules of its own."""
    if isinstance(command, c.Edit) and user and editing.is_moved(user, command):
        return Action.CHANGE_EMAIL
    return command.action


def allowed_actions(user: PortalUser, facts: Facts) -> frozenset[Action]:
    """What an operator may do to ``user`` now, as far as state and policy tell."""
    state = state_of(user, facts.now)
    possible = {a for a in Action if ActorKind.OPERATOR in WHO[a] and (state, a) in TRANSITIONS}
    if inviting.why_not_invite(user.profile, facts):
        possible -= {Action.INVITE, Action.RESEND, Action.RESET_ACCESS}
    if inviting.is_mail_live(user, facts):
        possible -= {Action.RESEND}
    if facts.policy.sso:
        possible -= {Action.REVOKE_INVITATION, Action.RESET_PASSWORD}
    if not facts.policy.admin_reset_password:
        possible -= {Action.RESET_PASSWORD}
    if facts.policy.delete is DeletePolicy.FORBIDDEN:
        possible -= {Action.DELETE}
    if editing.is_address_fixed(user, facts.policy):
        possible -= {Action.CHANGE_EMAIL}
    if not user.profile.user_name:
        possible -= {Action.RESTORE}
    return frozenset(possible)


def _check_actor(action: Action, command: c.Command, state: State, policy: Policy) -> None:
    kind = command.actor.kind
    if kind not in WHO[action]:
        raise Refused(Refusal.NOT_PERMITTED, state)
    if kind is ActorKind.ORG_ADMIN and action not in policy.org_admin_can:
        raise Refused(Refusal.NOT_PERMITTED, state)


RULES: dict[type[c.Command], Callable[[Any, Any, Facts], Outcome]] = {
    c.Create: inviting.create,
    c.Invite: inviting.invite,
    c.Resend: inviting.resend,
    c.ResetAccess: inviting.resend,
    c.RevokeInvitation: inviting.revoke_invitation,
    c.Accept: inviting.accept,
    c.Activate: inviting.activate,
    c.Expire: inviting.expire,
    c.Disable: access.disable,
    c.Enable: access.enable,
    c.PutHold: access.put_hold,
    c.Release: access.release,
    c.ResetPassword: access.reset_password,
    c.Edit: editing.edit,
    c.GrantAdmin: admins.grant_admin,
    c.RevokeAdmin: admins.revoke_admin,
    c.Delete: ending.delete,
    c.Restore: ending.restore,
    c.Purge: ending.purge,
    c.AccountLost: ending.account_lost,
}
"""Which rule answers which command; total over the commands (a test says so)."""

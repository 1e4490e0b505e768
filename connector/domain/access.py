"""Off and on: holds, what lifting the last one brings back, and password resets. It owns who may lift whose
hold.
"""

from dataclasses import replace

from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.admins import check_last_admin
from connector.domain.decision import Facts, Outcome
from connector.domain.errors import Refusal, Refused
from connector.domain.inviting import check_invite, invited, revoked, why_not_invite
from connector.domain.model import (
    ActorKind,
    Hold,
    HoldKind,
    PortalUser,
    State,
)
from connector.domain.policy import InvitePolicy, Reenable

OFF: tuple[fx.Effect, ...] = (fx.SyncAccount(urgent=True), fx.EndSessions(urgent=True))


def _held(user: PortalUser, kind: HoldKind, source: str, facts: Facts, *, hides: bool = False) -> Outcome:
    hold = Hold(kind=kind, source=source, since=facts.now, hides=hides)
    same = next((h for h in user.holds if h == hold), None)
    if same and (same.hides or not hides):
        return Outcome(user=user)
    others = user.holds - {hold}
    return Outcome(user=replace(revoked(user), holds=others | {hold}), effects=OFF)


def disable(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """Hold ``admin`` or ``org_admin``, by who asks."""
    check_last_admin(user, command, facts)
    by_org = command.actor.kind is ActorKind.ORG_ADMIN
    kind = HoldKind.ORG_ADMIN if by_org else HoldKind.ADMIN
    return _held(user, kind, str(kind), facts)


def put_hold(user: PortalUser, command: c.PutHold, facts: Facts) -> Outcome:
    """One hold, in whatever state."""
    return _held(user, command.kind, command.source, facts, hides=command.hides)


def enable(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """Lifts what the actor may lift without naming it; access is back only when none remains."""
    liftable = {HoldKind.ORG_ADMIN}
    if command.actor.kind is ActorKind.OPERATOR:
        liftable |= {HoldKind.ADMIN, HoldKind.KEYCLOAK}
    mine = {hold for hold in user.holds if hold.kind in liftable}
    if not mine:
        owners = tuple(sorted(f"{hold.kind} ({hold.source})" for hold in user.holds))
        raise Refused(Refusal.HELD_BY_OTHER, State.DISABLED, owners=owners)
    left = replace(user, holds=user.holds - mine)
    if left.holds:
        return Outcome(user=left, reason=str(Refusal.HELD_BY_OTHER))
    if left.activated_at is None:
        return _back_without_access(left, command, facts, automatic=False)
    return _back_with_access(left, command, facts)


def _back_with_access(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(),)
    if facts.policy.reenable is Reenable.REINVITE and not facts.policy.sso:
        check_invite(user, facts)
        unproven = replace(user, activated_at=None)
        return invited(unproven, command.actor.name, facts, fx.Template.INVITATION)
    if facts.policy.reenable is Reenable.NOTIFY and facts.tenant.can_send and user.profile.email:
        effects += (fx.SendMail(template=fx.Template.ACCESS_ENABLED),)
    return Outcome(user=user, effects=effects)


def _back_without_access(user: PortalUser, command: c.Command, facts: Facts, *, automatic: bool) -> Outcome:
    """A user who was held before ever getting in: invited anew if there was an invitation. What a
    system lifts invites only where the policy invites by itself, and no faster than it may resend.
    """
    wanted = facts.policy.invite is InvitePolicy.ON_CREATE if automatic else bool(user.invitation)
    if not wanted or facts.policy.sso:
        return Outcome(user=user, effects=(fx.SyncAccount(),))
    refusal = why_not_invite(user.profile, facts)
    if automatic and facts.is_undeliverable:
        refusal = refusal or Refusal.UNDELIVERABLE
    if refusal is not None:
        return Outcome(user=user, effects=(fx.SyncAccount(),), reason=str(refusal))
    not_before = None
    if automatic and user.invitation:
        earliest = user.invitation.issued_at + facts.policy.resend_interval
        not_before = earliest if earliest > facts.now else None
    return invited(user, command.actor.name, facts, fx.Template.INVITATION, not_before)


def release(user: PortalUser, command: c.Release, facts: Facts) -> Outcome:
    """One hold by name; what was not there is no change."""
    source = command.hold_source or command.source
    mine = {hold for hold in user.holds if hold.kind is command.kind and hold.source == source}
    if not mine:
        return Outcome(user=user)
    left = replace(user, holds=user.holds - mine)
    if left.holds:
        return Outcome(user=left)
    if left.activated_at is None:
        return _back_without_access(left, command, facts, automatic=True)
    return Outcome(user=left, effects=(fx.SyncAccount(),))


def reset_password(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """Keycloak mails the link; nothing of ours changes."""
    if facts.policy.sso:
        raise Refused(Refusal.SSO_MANAGED, State.ACTIVE)
    if not facts.policy.admin_reset_password:
        raise Refused(Refusal.RESET_OFF, State.ACTIVE)
    return Outcome(user=user, effects=(fx.MailPasswordReset(),))

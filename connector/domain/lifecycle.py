"""The heart: what a command does to a portal user. It owns the rules between the action table and the
effects; it must not know a clock, a database or who carries the effects out.

``decide`` looks the action up in the table (``transitions.py``), asks the rules that the table cannot
hold, and answers with the user as it then is and with what must happen outside. It raises nothing but
:class:`~connector.domain.errors.Refused`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.errors import Refusal, Refused
from connector.domain.model import (
    ActorKind,
    Hold,
    HoldKind,
    Invitation,
    InvitationStatus,
    PortalUser,
    Profile,
    State,
    Tenant,
    UserId,
    state_of,
)
from connector.domain.policy import HOUR, DeletePolicy, EmailChange, InvitePolicy, Policy, Reenable
from connector.domain.transitions import REFUSED, TRANSITIONS, WHO, Action

_REMIND_IF_LONGER = 96 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision may rest on besides the user: all of it given, none of it looked up."""

    tenant: Tenant
    now: float
    invitation_id: str
    """A fresh random id, used if this decision makes the user's first invitation."""
    other_admins: int = 0
    """Administrators of the tenant besides this user who are not deleted …"""
    other_active_admins: int = 0
    """… and those of them who are active."""

    @property
    def policy(self) -> Policy:
        """The tenant's policy."""
        return self.tenant.policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What comes of a command. ``reason`` says why less was done than could be expected; ``erase``
    asks the store to forget the person's data, the timeline's included.
    """

    action: Action
    before: State
    after: State
    user: PortalUser
    effects: tuple[fx.Effect, ...] = ()
    reason: str = ""
    erase: bool = False


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
    if isinstance(command, c.Edit) and user and _is_moved(user, command):
        return Action.CHANGE_EMAIL
    return command.action


def allowed_actions(user: PortalUser, facts: Facts) -> frozenset[Action]:
    """What an operator may do to ``user`` now, as far as state and policy tell."""
    state = state_of(user, facts.now)
    possible = {a for a in Action if ActorKind.OPERATOR in WHO[a] and (state, a) in TRANSITIONS}
    if _why_not_invite(user.profile, facts):
        possible -= {Action.INVITE, Action.RESEND, Action.RESET_ACCESS}
    if facts.policy.sso:
        possible -= {Action.REVOKE_INVITATION, Action.RESET_PASSWORD}
    if not facts.policy.admin_reset_password:
        possible -= {Action.RESET_PASSWORD}
    if facts.policy.delete is DeletePolicy.FORBIDDEN:
        possible -= {Action.DELETE}
    if _is_address_fixed(user, facts.policy):
        possible -= {Action.CHANGE_EMAIL}
    if not user.profile.user_name:
        possible -= {Action.RESTORE}
    return frozenset(possible)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """A rule's answer; the fields are those of :class:`Decision`."""

    user: PortalUser
    effects: tuple[fx.Effect, ...] = ()
    reason: str = ""
    erase: bool = False


# --- who may ask ---------------------------------------------------------------------------------


def _check_actor(action: Action, command: c.Command, state: State, policy: Policy) -> None:
    kind = command.actor.kind
    if kind not in WHO[action]:
        raise Refused(Refusal.NOT_PERMITTED, state)
    if kind is ActorKind.ORG_ADMIN and action not in policy.org_admin_can:
        raise Refused(Refusal.NOT_PERMITTED, state)


# --- inviting ------------------------------------------------------------------------------------


def _why_not_invite(profile: Profile, facts: Facts) -> Refusal | None:
    """The first reason that keeps an invitation from going out."""
    if facts.policy.sso:
        return Refusal.SSO_MANAGED
    if facts.policy.invite is InvitePolicy.NEVER:
        return Refusal.INVITE_OFF
    if not profile.email:
        return Refusal.NO_ADDRESS
    if not facts.policy.allows_domain(profile.email):
        return Refusal.DOMAIN_REFUSED
    if not facts.tenant.can_send:
        return Refusal.MAILBOX_MISSING
    return None


def _check_invite(user: PortalUser, facts: Facts) -> None:
    if refusal := _why_not_invite(user.profile, facts):
        raise Refused(refusal, state_of(user, facts.now))


def _invited(
    user: PortalUser,
    inviter: str,
    facts: Facts,
    template: fx.Template,
    first_mail_at: float | None = None,
) -> _Outcome:
    """``user`` with the next generation of its invitation, and the effects of that."""
    old = user.invitation
    generation = old.generation + 1 if old else 1
    expires_at = facts.now + facts.policy.invitation_life
    invitation = Invitation(
        id=old.id if old else facts.invitation_id,
        generation=generation,
        address=user.profile.email,
        locale=user.profile.locale or facts.tenant.locale,
        issued_at=facts.now,
        expires_at=expires_at,
        inviter=inviter,
    )
    effects: list[fx.Effect] = [
        fx.SyncAccount(),
        fx.SendMail(template=template, generation=generation, due=first_mail_at),
        fx.ExpireInvitation(due=expires_at),
    ]
    reminder = facts.policy.reminder
    if reminder is not None and facts.policy.invitation_life > _REMIND_IF_LONGER:
        effects.append(fx.Remind(generation=generation, due=expires_at - reminder))
    return _Outcome(user=replace(user, invitation=invitation), effects=tuple(effects))


def _with_status(user: PortalUser, status: InvitationStatus) -> PortalUser:
    """``user`` with its open invitation closed by ``status``; unchanged if none is open."""
    invitation = user.invitation
    if invitation is None or invitation.status is not InvitationStatus.OPEN:
        return user
    return replace(user, invitation=replace(invitation, status=status))


def _revoked(user: PortalUser) -> PortalUser:
    return _with_status(user, InvitationStatus.REVOKED)


def _create(user: PortalUser | None, command: c.Create, facts: Facts) -> _Outcome:
    created = PortalUser(
        tenant=command.tenant,
        id=UserId(command.user_id),
        profile=command.profile,
        document=command.document,
        created_at=facts.now,
        modified_at=facts.now,
    )
    if not facts.policy.allows_domain(command.profile.email):
        raise Refused(Refusal.DOMAIN_REFUSED, State.ABSENT)
    if command.held is not None:
        hold = Hold(kind=command.held, source=command.source, since=facts.now)
        effects = (fx.SyncAccount(),) if facts.policy.sso or facts.policy.draft_account else ()
        activated_at = facts.now if facts.policy.sso else None
        held = replace(created, holds=frozenset({hold}), activated_at=activated_at)
        return _Outcome(user=held, effects=effects)
    if facts.policy.sso:
        return _sso_active(created, facts)
    if facts.policy.invite is InvitePolicy.ON_CREATE:
        refusal = _why_not_invite(created.profile, facts)
        if refusal is None:
            return _invited(created, command.actor.name, facts, fx.Template.INVITATION)
        return _Outcome(user=created, effects=_draft_effects(facts), reason=str(refusal))
    return _Outcome(user=created, effects=_draft_effects(facts))


def _draft_effects(facts: Facts) -> tuple[fx.Effect, ...]:
    return (fx.SyncAccount(),) if facts.policy.draft_account else ()


def _sso_active(user: PortalUser, facts: Facts) -> _Outcome:
    """A tenant whose people sign in at their own provider has nothing to accept."""
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(),)
    sso = facts.policy.sso
    if sso and sso.welcome_mail and facts.tenant.can_send and user.profile.email:
        effects += (fx.SendMail(template=fx.Template.WELCOME),)
    return _Outcome(user=replace(user, activated_at=facts.now), effects=effects)


def _invite(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    _check_invite(user, facts)
    return _invited(user, command.actor.name, facts, fx.Template.INVITATION)


def _resend(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    _check_invite(user, facts)
    _check_interval(user, command, facts)
    return _invited(user, command.actor.name, facts, fx.Template.ACTIVATION_RESEND)


def _check_interval(user: PortalUser, command: c.Command, facts: Facts) -> None:
    """The user and an organisation's administrator may not send mails faster than the policy says;
    the user only once the old link has expired, and only where the policy lets people help themselves.
    """
    if command.actor.kind is ActorKind.OPERATOR or user.invitation is None:
        return
    state = state_of(user, facts.now)
    if command.actor.kind is ActorKind.USER and not (facts.policy.self_renew and state is State.EXPIRED):
        raise Refused(Refusal.NOT_PERMITTED, state)
    if facts.now < user.invitation.issued_at + facts.policy.resend_interval:
        raise Refused(Refusal.TOO_SOON, state)


def _revoke_invitation(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    if facts.policy.sso:
        raise Refused(Refusal.SSO_MANAGED, state_of(user, facts.now))
    return _Outcome(user=_revoked(user), effects=(fx.SyncAccount(urgent=True),))


# --- becoming active -----------------------------------------------------------------------------


def _accept(user: PortalUser, command: c.Accept, facts: Facts) -> _Outcome:
    if user.invitation is None or user.invitation.generation != command.generation:
        raise Refused(Refusal.LINK_DEAD, state_of(user, facts.now))
    return _activate(user, command, facts)


def _activate(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    if user.activated_at is not None:
        return _Outcome(user=user)
    accepted = _with_status(user, InvitationStatus.ACCEPTED)
    return _Outcome(user=replace(accepted, activated_at=facts.now), effects=(fx.SyncAccount(),))


def _expire(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(urgent=True),)
    invitation = user.invitation
    if invitation and "@" in invitation.inviter and facts.tenant.can_send:
        notice = fx.Template.INVITATION_EXPIRED_NOTICE
        effects += (fx.SendMail(template=notice, generation=invitation.generation),)
    return _Outcome(user=user, effects=effects)


# --- off and on ----------------------------------------------------------------------------------

_OFF: tuple[fx.Effect, ...] = (fx.SyncAccount(urgent=True), fx.EndSessions(urgent=True))


def _held(user: PortalUser, kind: HoldKind, source: str, facts: Facts, *, hides: bool = False) -> _Outcome:
    hold = Hold(kind=kind, source=source, since=facts.now, hides=hides)
    same = next((h for h in user.holds if h == hold), None)
    if same and (same.hides or not hides):
        return _Outcome(user=user)
    others = user.holds - {hold}
    return _Outcome(user=replace(_revoked(user), holds=others | {hold}), effects=_OFF)


def _disable(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    _check_last_admin(user, command, facts)
    by_org = command.actor.kind is ActorKind.ORG_ADMIN
    kind = HoldKind.ORG_ADMIN if by_org else HoldKind.ADMIN
    return _held(user, kind, str(kind), facts)


def _put_hold(user: PortalUser, command: c.PutHold, facts: Facts) -> _Outcome:
    return _held(user, command.kind, command.source, facts, hides=command.hides)


def _enable(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
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
        return _Outcome(user=left, reason=str(Refusal.HELD_BY_OTHER))
    if left.activated_at is None:
        return _back_without_access(left, command, facts, automatic=False)
    return _back_with_access(left, command, facts)


def _back_with_access(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(),)
    if facts.policy.reenable is Reenable.REINVITE and not facts.policy.sso:
        _check_invite(user, facts)
        unproven = replace(user, activated_at=None)
        return _invited(unproven, command.actor.name, facts, fx.Template.INVITATION)
    if facts.policy.reenable is Reenable.NOTIFY and facts.tenant.can_send and user.profile.email:
        effects += (fx.SendMail(template=fx.Template.ACCESS_ENABLED),)
    return _Outcome(user=user, effects=effects)


def _back_without_access(
    user: PortalUser, command: c.Command, facts: Facts, *, automatic: bool
) -> _Outcome:
    """A user who was held before ever getting in: invited anew if there was an invitation. What a
    system lifts invites only where the policy invites by itself, and no faster than it may resend.
    """
    wanted = facts.policy.invite is InvitePolicy.ON_CREATE if automatic else bool(user.invitation)
    if not wanted or facts.policy.sso:
        return _Outcome(user=user, effects=(fx.SyncAccount(),))
    refusal = _why_not_invite(user.profile, facts)
    if refusal is not None:
        return _Outcome(user=user, effects=(fx.SyncAccount(),), reason=str(refusal))
    not_before = None
    if automatic and user.invitation:
        earliest = user.invitation.issued_at + facts.policy.resend_interval
        not_before = earliest if earliest > facts.now else None
    return _invited(user, command.actor.name, facts, fx.Template.INVITATION, not_before)


def _release(user: PortalUser, command: c.Release, facts: Facts) -> _Outcome:
    source = command.hold_source or command.source
    mine = {hold for hold in user.holds if hold.kind is command.kind and hold.source == source}
    if not mine:
        return _Outcome(user=user)
    left = replace(user, holds=user.holds - mine)
    if left.holds:
        return _Outcome(user=left)
    if left.activated_at is None:
        return _back_without_access(left, command, facts, automatic=True)
    return _Outcome(user=left, effects=(fx.SyncAccount(),))


def _reset_password(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    if facts.policy.sso:
        raise Refused(Refusal.SSO_MANAGED, State.ACTIVE)
    if not facts.policy.admin_reset_password:
        raise Refused(Refusal.RESET_OFF, State.ACTIVE)
    return _Outcome(user=user, effects=(fx.MailPasswordReset(),))


# --- values --------------------------------------------------------------------------------------


def _edit(user: PortalUser, command: c.Edit, facts: Facts) -> _Outcome:
    edited = replace(user, profile=command.profile, document=command.document)
    if not _is_moved(user, command):
        return _Outcome(user=edited, effects=(fx.SyncAccount(),) if edited != user else ())
    return _change_email(user, edited, command, facts)


def _is_moved(user: PortalUser, command: c.Edit) -> bool:
    """Whether the address is another one; its case is no difference to who reads the mail."""
    return command.profile.email.casefold() != user.profile.email.casefold()


def _change_email(user: PortalUser, edited: PortalUser, command: c.Edit, facts: Facts) -> _Outcome:
    state = state_of(user, facts.now)
    if _is_address_fixed(user, facts.policy):
        raise Refused(Refusal.EMAIL_IMMUTABLE, state)
    if not facts.policy.allows_domain(edited.profile.email):
        raise Refused(Refusal.DOMAIN_REFUSED, state)
    if state is State.PENDING:
        if refusal := _why_not_invite(edited.profile, facts):
            return _Outcome(
                user=_revoked(edited),
                effects=(fx.SyncAccount(urgent=True),),
                reason=str(refusal),
            )
        return _invited(edited, command.actor.name, facts, fx.Template.INVITATION)
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(),)
    if state is State.ACTIVE and user.profile.email and facts.tenant.can_send:
        effects += (fx.SendMail(template=fx.Template.EMAIL_CHANGED_NOTICE),)
    return _Outcome(user=edited, effects=effects)


def _is_address_fixed(user: PortalUser, policy: Policy) -> bool:
    locked = policy.email_change is EmailChange.PENDING_ONLY and user.activated_at is not None
    return locked or policy.email_change is EmailChange.NEVER


def _grant_admin(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    limit = facts.policy.org_admins.max
    if not user.is_admin and limit is not None and facts.other_admins >= limit:
        raise Refused(Refusal.TOO_MANY_ADMINS, state_of(user, facts.now))
    return _Outcome(user=replace(user, is_admin=True), effects=(fx.SyncAccount(),))


def _revoke_admin(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    _check_last_admin(user, command, facts)
    return _Outcome(user=replace(user, is_admin=False), effects=(fx.SyncAccount(urgent=True),))


def _check_last_admin(user: PortalUser, command: c.Command, facts: Facts) -> None:
    """Systems are not asked: what they take away is gone, and the timeline says so."""
    if command.actor.kind is ActorKind.SYSTEM or not user.is_admin:
        return
    state = state_of(user, facts.now)
    if state is State.ACTIVE and facts.other_active_admins < facts.policy.org_admins.min:
        raise Refused(Refusal.LAST_ADMIN, state)


# --- the end -------------------------------------------------------------------------------------


def _delete(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    _check_last_admin(user, command, facts)
    if facts.policy.delete is DeletePolicy.FORBIDDEN:
        raise Refused(Refusal.DELETE_FORBIDDEN, state_of(user, facts.now))
    removed = replace(_revoked(user), removed_at=facts.now)
    if facts.policy.delete is DeletePolicy.HARD:
        return _Outcome(user=_erased(removed), effects=_OFF, erase=True)
    purge = fx.PurgeUser(due=facts.now + facts.policy.grace)
    return _Outcome(user=removed, effects=(*_OFF, purge))


def _erased(user: PortalUser) -> PortalUser:
    """What is left of a person: ids, so that the account can be removed and the link says withdrawn."""
    invitation = user.invitation
    if invitation:
        invitation = replace(invitation, address="", locale="", inviter="")
    nobody = Profile(user_name="")
    return replace(user, profile=nobody, document={}, holds=frozenset(), invitation=invitation)


def _restore(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    if not user.profile.user_name:
        raise Refused(Refusal.GONE, State.DELETED)
    activated_at = facts.now if facts.policy.sso else None  # who is never invited has nothing to accept
    back = replace(user, removed_at=None, activated_at=activated_at)
    return _Outcome(user=back, effects=(fx.SyncAccount(),))


def _purge(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    return _Outcome(user=_erased(user), effects=(fx.SyncAccount(urgent=True),), erase=True)


def _account_lost(user: PortalUser, command: c.Command, facts: Facts) -> _Outcome:
    lost = replace(_revoked(user), activated_at=None, account_id=None)
    return _Outcome(user=lost, effects=(fx.SyncAccount(),))


RULES: dict[type[c.Command], Callable[[Any, Any, Facts], _Outcome]] = {
    c.Create: _create,
    c.Invite: _invite,
    c.Resend: _resend,
    c.ResetAccess: _resend,
    c.RevokeInvitation: _revoke_invitation,
    c.Accept: _accept,
    c.Activate: _activate,
    c.Expire: _expire,
    c.Disable: _disable,
    c.Enable: _enable,
    c.PutHold: _put_hold,
    c.Release: _release,
    c.ResetPassword: _reset_password,
    c.Edit: _edit,
    c.GrantAdmin: _grant_admin,
    c.RevokeAdmin: _revoke_admin,
    c.Delete: _delete,
    c.Restore: _restore,
    c.Purge: _purge,
    c.AccountLost: _account_lost,
}
"""Which rule answers which command; total over the commands (a test says so)."""

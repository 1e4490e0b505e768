"""Creating and inviting: how a person comes to a link, and what its end is: accepted, expired, withdrawn.
It owns the generations of invitations; it must not know holds.
"""

from dataclasses import replace

from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.decision import Facts, Outcome
from connector.domain.errors import Refusal, Refused
from connector.domain.model import (
    ActorKind,
    Handover,
    Hold,
    Invitation,
    InvitationStatus,
    PortalUser,
    Profile,
    State,
    UserId,
    state_of,
)
from connector.domain.policy import HOUR, InvitePolicy

_REMIND_IF_LONGER = 96 * HOUR


def why_not_invite(profile: Profile, facts: Facts) -> Refusal | None:
    """The first reason that keeps an invitation from going out."""
    if facts.policy.sso:
        return Refusal.SSO_MANAGED
    if facts.policy.invite is InvitePolicy.NEVER:
        return Refusal.INVITE_OFF
    if not profile.email:
        return Refusal.NO_ADDRESS
    if not facts.allows_address(profile.email):
        return Refusal.DOMAIN_REFUSED
    if not (facts.tenant.can_send or _keycloak_mails(facts)):
        return Refusal.MAILBOX_MISSING
    return None


def _keycloak_mails(facts: Facts) -> bool:
    return facts.tenant.handover is Handover.KEYCLOAK_MAIL


def is_mail_live(user: PortalUser, facts: Facts) -> bool:
    """Whether Keycloak has mailed a link that still works. Another would stand beside it: only what ends
    the invitation ends that link.
    """
    invitation = user.invitation
    was_sent = invitation is not None and invitation.sent_at is not None
    return _keycloak_mails(facts) and was_sent and state_of(user, facts.now) is State.PENDING


def check_invite(user: PortalUser, facts: Facts) -> None:
    """:raises Refused: an invitation may not go out."""
    if refusal := why_not_invite(user.profile, facts):
        raise Refused(refusal, state_of(user, facts.now))


def invited(
    user: PortalUser,
    inviter: str,
    facts: Facts,
    template: fx.Template,
    first_mail_at: float | None = None,
) -> Outcome:
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
    mail: fx.Effect = fx.SendMail(template=template, generation=generation, due=first_mail_at)
    reminder = facts.policy.reminder
    if _keycloak_mails(facts):
        mail, reminder = fx.MailInvitation(generation=generation, due=first_mail_at), None
    effects: list[fx.Effect] = [fx.SyncAccount(), mail, fx.ExpireInvitation(due=expires_at)]
    if reminder is not None and facts.policy.invitation_life > _REMIND_IF_LONGER:
        effects.append(fx.Remind(generation=generation, due=expires_at - reminder))
    return Outcome(user=replace(user, invitation=invitation), effects=tuple(effects))


def _with_status(user: PortalUser, status: InvitationStatus) -> PortalUser:
    """``user`` with its open invitation closed by ``status``; unchanged if none is open."""
    invitation = user.invitation
    if invitation is None or invitation.status is not InvitationStatus.OPEN:
        return user
    return replace(user, invitation=replace(invitation, status=status))


def revoked(user: PortalUser) -> PortalUser:
    """``user`` with its open invitation withdrawn."""
    return _with_status(user, InvitationStatus.REVOKED)


def create(user: PortalUser | None, command: c.Create, facts: Facts) -> Outcome:
    """A draft, or further in the same commit: invited, held, or active with single sign-on."""
    created = PortalUser(
        tenant=command.tenant,
        id=UserId(command.user_id),
        profile=command.profile,
        document=command.document,
        created_at=facts.now,
        modified_at=facts.now,
    )
    if not facts.allows_address(command.profile.email):
        raise Refused(Refusal.DOMAIN_REFUSED, State.ABSENT)
    if command.held is not None:
        hold = Hold(kind=command.held, source=command.source, since=facts.now)
        effects = (fx.SyncAccount(),) if facts.policy.sso or facts.policy.draft_account else ()
        activated_at = facts.now if facts.policy.sso else None
        held = replace(created, holds=frozenset({hold}), activated_at=activated_at)
        return Outcome(user=held, effects=effects)
    if facts.policy.sso:
        return sso_active(created, facts)
    if facts.policy.invite is InvitePolicy.ON_CREATE:
        refusal = why_not_invite(created.profile, facts)
        if refusal is None:
            return invited(created, command.actor.name, facts, fx.Template.INVITATION)
        return Outcome(user=created, effects=_draft_effects(facts), reason=str(refusal))
    return Outcome(user=created, effects=_draft_effects(facts))


def _draft_effects(facts: Facts) -> tuple[fx.Effect, ...]:
    return (fx.SyncAccount(),) if facts.policy.draft_account else ()


def sso_active(user: PortalUser, facts: Facts) -> Outcome:
    """A tenant whose people sign in at their own provider has nothing to accept."""
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(),)
    sso = facts.policy.sso
    if sso and sso.welcome_mail and facts.tenant.can_send and user.profile.email:
        effects += (fx.SendMail(template=fx.Template.WELCOME),)
    return Outcome(user=replace(user, activated_at=facts.now), effects=effects)


def invite(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """The first generation of a draft."""
    check_invite(user, facts)
    return invited(user, command.actor.name, facts, fx.Template.INVITATION)


def resend(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """The next generation; the old link dies."""
    check_invite(user, facts)
    _check_interval(user, command, facts)
    return invited(user, command.actor.name, facts, fx.Template.ACTIVATION_RESEND)


def _check_interval(user: PortalUser, command: c.Command, facts: Facts) -> None:
    """The user and an organisation's administrator may not send mails faster than the policy says;
    the user only once the old link has expired, and only where the policy lets people help themselves.
    Nobody may have Keycloak mail a second link beside one that works.
    """
    if is_mail_live(user, facts):
        raise Refused(Refusal.TOO_SOON, State.PENDING)
    if command.actor.kind is ActorKind.OPERATOR or user.invitation is None:
        return
    state = state_of(user, facts.now)
    if command.actor.kind is ActorKind.USER and not (facts.policy.self_renew and state is State.EXPIRED):
        raise Refused(Refusal.NOT_PERMITTED, state)
    if facts.now < user.invitation.issued_at + facts.policy.resend_interval:
        raise Refused(Refusal.TOO_SOON, state)


def bound(user: PortalUser, browser: str, until: float) -> PortalUser:
    """``user`` after the first press of a link that works once: now it is good in ``browser`` alone,
    and not beyond ``until``. Later presses there give it no more time.
    """
    invitation = user.invitation
    if invitation is None or invitation.browser:
        return user
    shorter = replace(invitation, browser=browser, expires_at=min(invitation.expires_at, until))
    return replace(user, invitation=shorter)


def revoke_invitation(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """Back to a draft; the link dies."""
    if facts.policy.sso:
        raise Refused(Refusal.SSO_MANAGED, state_of(user, facts.now))
    return Outcome(user=revoked(user), effects=(fx.SyncAccount(urgent=True),))


def accept(user: PortalUser, command: c.Accept, facts: Facts) -> Outcome:
    """The hand-over's own generation only."""
    if user.invitation is None or user.invitation.generation != command.generation:
        raise Refused(Refusal.LINK_DEAD, state_of(user, facts.now))
    return activate(user, command, facts)


def activate(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """In, however that was seen; nothing new for who is in."""
    if user.activated_at is not None:
        return Outcome(user=user)
    accepted = _with_status(user, InvitationStatus.ACCEPTED)
    return Outcome(user=replace(accepted, activated_at=facts.now), effects=(fx.SyncAccount(),))


def expire(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """The account goes off, and an inviter who is a person hears of it."""
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(urgent=True),)
    invitation = user.invitation
    if invitation and "@" in invitation.inviter and facts.tenant.can_send:
        notice = fx.Template.INVITATION_EXPIRED_NOTICE
        effects += (fx.SendMail(template=notice, generation=invitation.generation),)
    return Outcome(user=user, effects=effects)

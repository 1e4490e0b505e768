"""New values of a user, above all a new address. It owns when an address may change and what follows."""

from dataclasses import replace

from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.decision import Facts, Outcome
from connector.domain.errors import Refusal, Refused
from connector.domain.inviting import invited, revoked, why_not_invite
from connector.domain.model import (
    PortalUser,
    State,
    state_of,
)
from connector.domain.policy import EmailChange, Policy


def edit(user: PortalUser, command: c.Edit, facts: Facts) -> Outcome:
    """The new profile and document, whole."""
    edited = replace(user, profile=command.profile, document=command.document)
    if not is_moved(user, command):
        return Outcome(user=edited, effects=(fx.SyncAccount(),) if edited != user else ())
    return _change_email(user, edited, command, facts)


def is_moved(user: PortalUser, command: c.Edit) -> bool:
    """Whether the address is another one; its case is no difference to who reads the mail."""
    return command.profile.email.casefold() != user.profile.email.casefold()


def _change_email(user: PortalUser, edited: PortalUser, command: c.Edit, facts: Facts) -> Outcome:
    state = state_of(user, facts.now)
    if is_address_fixed(user, facts.policy):
        raise Refused(Refusal.EMAIL_IMMUTABLE, state)
    if not facts.allows_address(edited.profile.email):
        raise Refused(Refusal.DOMAIN_REFUSED, state)
    if state is State.PENDING:
        if refusal := why_not_invite(edited.profile, facts):
            return Outcome(
                user=revoked(edited),
                effects=(fx.SyncAccount(urgent=True),),
                reason=str(refusal),
            )
        return invited(edited, command.actor.name, facts, fx.Template.INVITATION)
    effects: tuple[fx.Effect, ...] = (fx.SyncAccount(),)
    if state is State.ACTIVE and user.profile.email and facts.tenant.can_send:
        notice = fx.Template.EMAIL_CHANGED_NOTICE
        effects += (fx.SendMail(template=notice, change=fx.moment_of(facts.now)),)
    return Outcome(user=edited, effects=effects)


def is_address_fixed(user: PortalUser, policy: Policy) -> bool:
    """Whether the policy lets this address not change now."""
    locked = policy.email_change is EmailChange.PENDING_ONLY and user.activated_at is not None
    return locked or policy.email_change is EmailChange.NEVER

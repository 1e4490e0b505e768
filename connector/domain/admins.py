"""The administrator role of an organisation. It owns how many there must and may be."""

from dataclasses import replace

from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.decision import Facts, Outcome
from connector.domain.errors import Refusal, Refused
from connector.domain.model import (
    ActorKind,
    PortalUser,
    State,
    state_of,
)


def grant_admin(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """The role, if there is room for one more."""
    limit = facts.policy.org_admins.max
    if not user.is_admin and limit is not None and facts.other_admins >= limit:
        raise Refused(Refusal.TOO_MANY_ADMINS, state_of(user, facts.now))
    return Outcome(user=replace(user, is_admin=True), effects=(fx.SyncAccount(),))


def revoke_admin(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """The role away, if enough are left."""
    check_last_admin(user, command, facts)
    return Outcome(user=replace(user, is_admin=False), effects=(fx.SyncAccount(urgent=True),))


def check_last_admin(user: PortalUser, command: c.Command, facts: Facts) -> None:
    """Systems are not asked: what they take away is gone, and the timeline says so."""
    if command.actor.kind is ActorKind.SYSTEM or not user.is_admin:
        return
    state = state_of(user, facts.now)
    if state is State.ACTIVE and facts.other_active_admins < facts.policy.org_admins.min:
        raise Refused(Refusal.LAST_ADMIN, state)

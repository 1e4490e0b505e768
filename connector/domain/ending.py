"""The end of a user, and back: delete, restore, purge, and an account that was lost. It owns what is left
of a person.
"""

from dataclasses import replace

from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.access import OFF
from connector.domain.admins import check_last_admin
from connector.domain.decision import Facts, Outcome
from connector.domain.errors import Refusal, Refused
from connector.domain.inviting import revoked
from connector.domain.model import (
    PortalUser,
    Profile,
    State,
    state_of,
)
from connector.domain.policy import DeletePolicy


def delete(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """A tombstone for the grace period, or only ids at once."""
    check_last_admin(user, command, facts)
    if facts.policy.delete is DeletePolicy.FORBIDDEN:
        raise Refused(Refusal.DELETE_FORBIDDEN, state_of(user, facts.now))
    removed = replace(revoked(user), removed_at=facts.now)
    if facts.policy.delete is DeletePolicy.HARD:
        return Outcome(user=_erased(removed), effects=OFF, erase=True)
    purge = fx.PurgeUser(due=facts.now + facts.policy.grace)
    return Outcome(user=removed, effects=(*OFF, purge))


def _erased(user: PortalUser) -> PortalUser:
    """What is left of a person: ids, so that the account can be removed and the link says withdrawn."""
    invitation = user.invitation
    if invitation:
        invitation = replace(invitation, address="", locale="", inviter="")
    nobody = Profile(user_name="")
    return replace(user, profile=nobody, document={}, holds=frozenset(), invitation=invitation)


def restore(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """Back as it was, but for access: that needs a new invitation."""
    if not user.profile.user_name:
        raise Refused(Refusal.GONE, State.DELETED)
    activated_at = facts.now if facts.policy.sso else None  # who is never invited has nothing to accept
    back = replace(user, removed_at=None, activated_at=activated_at)
    return Outcome(user=back, effects=(fx.SyncAccount(),))


def purge(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """Only ids from here on."""
    return Outcome(user=_erased(user), effects=(fx.SyncAccount(urgent=True),), erase=True)


def account_lost(user: PortalUser, command: c.Command, facts: Facts) -> Outcome:
    """A draft again: what the person had proven went with the account."""
    lost = replace(revoked(user), activated_at=None, account_id=None)
    return Outcome(user=lost, effects=(fx.SyncAccount(),))

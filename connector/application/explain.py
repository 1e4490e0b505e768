"""Puts together why a user is what it is: state and the rule behind it, holds and their owners, invitation,
what happened, what waits. It owns the report's shape; it must not change anything.
"""

from dataclasses import dataclass

from connector.application.deliveries import with_queued
from connector.application.records import Entry, MailAttempt, OutboxRow
from connector.application.service import Service
from connector.domain.errors import NotFound
from connector.domain.lifecycle import allowed_actions
from connector.domain.model import PortalUser, State, TenantId, UserId, state_of

_RULES: dict[State, str] = {
    State.DELETED: "the user was removed",
    State.DISABLED: "at least one hold stands; all must go",
    State.ACTIVE: "the invitation was accepted, and no hold stands",
    State.PENDING: "the newest invitation is open and its time is not over",
    State.EXPIRED: "the newest invitation is open, but its time is over",
    State.DRAFT: "there is no open invitation, and none was accepted",
    State.ABSENT: "there is no record",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything there is to say about one user at one moment."""

    now: float
    user: PortalUser
    state: State
    rule: str
    allowed_actions: tuple[str, ...]
    waiting: tuple[OutboxRow, ...]
    timeline: tuple[Entry, ...]
    mails: tuple[MailAttempt, ...]


def explain(service: Service, tenant: TenantId, user_id: UserId) -> Explanation:
    """The explanation of one user.

    :raises NotFound: no such tenant or user.
    """
    facts = service.facts(service.tenant(tenant))
    with service.store.read() as work:
        user = work.users.get(tenant, user_id)
        if user is None:
            raise NotFound("There is no such user here.")
        state = state_of(user, facts.now)
        waiting = work.outbox.open_rows(tenant, user_id)
        return Explanation(
            now=facts.now,
            user=user,
            state=state,
            rule=_RULES[state],
            allowed_actions=tuple(sorted(allowed_actions(user, facts))),
            waiting=tuple(waiting),
            timeline=tuple(work.timeline.of(tenant, user_id)),
            mails=tuple(with_queued(work.mails.of(tenant, user_id), waiting)),
        )

"""What becomes of a hand-over that was begun: looks whether its person came to the end unseen (the mail was
opened in another browser, a tab was closed, we were down), and ends what must not stay. It owns the
times of these looks; it must not talk to a browser.
"""

from dataclasses import dataclass

from connector.application.account import Accounts
from connector.application.records import HandOver, HandOverStatus
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.errors import Gone, VersionConflict
from connector.domain.model import (
    AccountId,
    Actor,
    ActorKind,
    Handover,
    PortalUser,
    State,
    Tenant,
    state_of,
)
from connector.foundation import metrics

LOOKER = Actor(kind=ActorKind.SYSTEM, name="hand-over")


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpTimes:
    """Seconds after the press, or after Keycloak's mail, at which to look; of a press the last is the
    hand-over's end. A mail lives for days: each further look comes when as much time has passed again, but
    after ``longest`` at the latest. Each is one read of one account at Keycloak.
    """

    looks: tuple[float, ...] = (120.0, 600.0, 1800.0)
    longest: float = 4 * 3600.0


class FollowUp:
    """Looks after begun hand-overs."""

    def __init__(self, service: Service, accounts: Accounts, times: FollowUpTimes) -> None:
        self._service = service
        self._accounts = accounts
        self._times = times

    @property
    def first_look(self) -> float:
        """Seconds after a beginning until somebody looks."""
        return self._times.looks[0]

    def look(self, handover_id: str, *, request_id: str) -> float | None:
        """Look once; when to look again (epoch seconds), None when it is over.

        :raises OutsideError: Keycloak did not answer.
        """
        now = self._service.clock.now()
        with self._service.store.read() as work:
            handover = work.handovers.get(handover_id)
        if handover is None or handover.status is not HandOverStatus.OPEN:
            return None
        if self._activated(handover, now, request_id):
            return None
        if not handover.is_open(now):
            self._close(handover, request_id)
            return None
        if now >= handover.link_until:
            self._look_at_account(handover, request_id)
        return self._next(handover, now)

    def activate_if_complete(self, handover: HandOver, *, request_id: str) -> bool:
        """Whether its person is active by now, made so if Keycloak says that all is done.

        :raises OutsideError: Keycloak did not answer.
        """
        return self._activated(handover, self._service.clock.now(), request_id)

    def activate_if_done_in_time(self, user: PortalUser, *, request_id: str) -> bool:
        """Whether somebody whose invitation is about to expire, and whose way Keycloak mailed, had come to
        its end by then; active now if so. Nobody else tells us.

        :raises OutsideError: Keycloak did not answer.
        """
        tenant = self._service.tenant(user.tenant)
        if tenant.handover is not Handover.KEYCLOAK_MAIL or user.account_id is None:
            return False
        return self._is_complete(tenant, user.account_id) and self._activate(user, None, request_id)

    def _activated(self, handover: HandOver, now: float, request_id: str) -> bool:
        with self._service.store.read() as work:
            user = work.users.get(handover.tenant, handover.user_id)
        if user is None or user.account_id is None or user.account_id != handover.account:
            return False
        state = state_of(user, now)
        if state is State.ACTIVE:
            return True
        if state not in (State.PENDING, State.EXPIRED):
            return False
        if user.invitation is None or user.invitation.generation != handover.generation:
            return False
        tenant = self._service.tenant(handover.tenant)
        return self._is_complete(tenant, user.account_id) and self._activate(user, handover.id, request_id)

    def _is_complete(self, tenant: Tenant, account: AccountId) -> bool:
        try:
            return self._accounts.is_complete(tenant, account)
        except Gone:
            return False

    def _activate(self, user: PortalUser, handover: str | None, request_id: str) -> bool:
        """Whether what was seen of the account still held for the user when it was written down: meanwhile
        the address may have changed, the invitation been sent anew, or another browser have begun.
        """
        try:
            self._service.handle(
                c.Activate(
                    tenant=user.tenant,
                    user_id=user.id,
                    actor=LOOKER,
                    source="keycloak",
                    request_id=request_id,
                    expected_version=user.version,
                    expected_handover=handover,
                )
            )
        except VersionConflict:
            return False
        metrics.handover("completed_elsewhere")
        return True

    def _close(self, handover: HandOver, request_id: str) -> None:
        """Close one whose time is over."""
        with self._service.store.write() as work:
            newest = work.handovers.get(handover.id)
            if newest is None or newest.status is not HandOverStatus.OPEN:
                return
            work.handovers.save(newest.ended(HandOverStatus.CLOSED))
            self._enqueue_sync(work, handover, request_id)

    def _look_at_account(self, handover: HandOver, request_id: str) -> None:
        """The link's time is over while the person may still be on Keycloak's pages."""
        with self._service.store.write() as work:
            self._enqueue_sync(work, handover, request_id)

    def _enqueue_sync(self, work: UnitOfWork, handover: HandOver, request_id: str) -> None:
        """Have the account looked at in its turn: no link stays on it that may not be used."""
        self._service.enqueue(
            work, handover.tenant, handover.user_id, fx.SyncAccount(), request_id=request_id
        )

    def _next(self, handover: HandOver, now: float) -> float:
        planned = (handover.opened_at + look for look in self._times.looks)
        looks = (*planned, handover.link_until, handover.closes_at)
        nearest = min((look for look in looks if look > now), default=now)
        passed = now - handover.opened_at
        if handover.is_mailed and passed >= self._times.looks[-1]:
            return min(nearest, now + min(passed, self._times.longest))
        return nearest

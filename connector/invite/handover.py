"""The press: opens a hand-over for one browser and makes the account ready to be entered. It owns the order
of these steps; it must not know HTTP, pages, or what comes back from Keycloak.

The press works on the account at once, because a person is waiting, yet in the outbox's own order: it takes
the user's ``sync_account`` row with a short lease, so that no worker writes to the account meanwhile.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from connector.application.account import Accounts
from connector.application.followup import FollowUp
from connector.application.pace import PRESS_LEASE
from connector.application.ports import Ids
from connector.application.records import Entry, HandOver, HandOverStatus, OutboxRow
from connector.application.repeat import repeated
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.effects import CheckHandover, SyncAccount
from connector.domain.errors import Busy, Unavailable, UsherError
from connector.domain.model import PortalUser, State
from connector.domain.policy import LinkUse
from connector.foundation.config import HandoverSettings
from connector.foundation.deadline import within
from connector.invite.standing import Invited, browser_of, is_live, is_of_browser, may_press

PATIENCE = 10.0
"""Seconds to wait for somebody else's work on the account."""
PREPARING = 10.0
"""Seconds that Keycloak may take for the account: less than the lease."""
PAUSE = 0.1
COOKIE_BITS = 256
SUB_BITS = 128


class NotLive(UsherError):
    """The link or the hand-over lost its worth meanwhile; look again what to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A hand-over that is ready, and the cookie of the browser it belongs to."""

    handover: HandOver
    cookie: str


class HandOverDesk:
    """Opens hand-overs."""

    def __init__(
        self,
        service: Service,
        accounts: Accounts,
        followup: FollowUp,
        ids: Ids,
        times: HandoverSettings,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._store = service.store
        self._clock = service.clock
        self._accounts = accounts
        self._followup = followup
        self._ids = ids
        self._times = times
        self._wait = wait

    def press(self, invited: Invited, *, cookie: str, request_id: str) -> Pressed:
        """Begin, or go on where this browser is already on its way. Repeatable: it uses nothing up.

        :raises NotLive: the invitation is over or accepted, or another browser took the hand-over.
        :raises OutsideError: Keycloak did not take it in time; the link stays good.
        """
        self._look_after(invited, cookie, request_id)
        self._give_time(invited, request_id)
        pressed, row = repeated(lambda: self._open(invited, cookie, request_id))
        if pressed.handover.sub:
            return pressed
        row = row or self._awaited_row(pressed.handover, request_id)
        return replace(pressed, handover=self._prepared(pressed.handover, row, request_id))

    def _look_after(self, invited: Invited, cookie: str, request_id: str) -> None:
        """Who finished elsewhere, or while nobody heard of it, need not do it all again. A hand-over that
        this browser can go on with tells by itself.
        """
        user, now = invited.user, self._clock.now()
        with self._store.read() as work:
            begun = work.handovers.open_of(user.tenant, user.id, now=now)
        if begun is None or (begun.may_link(now) and is_of_browser(begun, browser_of(cookie))):
            return
        if self._followup.activate_if_complete(begun, request_id=request_id):
            raise NotLive("The invitation is accepted.")

    def _give_time(self, invited: Invited, request_id: str) -> None:
        """Who begins in time may finish: the invitation lives as long as a hand-over, but pressing again
        and again makes it outlive its end by no more than that. A link that works once gets no time.
        """
        if invited.tenant.policy.link_use is LinkUse.FIRST_PRESS:
            return
        invitation, life = invited.invitation, self._times.life
        whole_life = invited.tenant.policy.invitation_life + life
        latest = (invitation.sent_at or invitation.issued_at) + whole_life
        until = min(self._clock.now() + life, latest)
        if until > invitation.expires_at:
            user = invited.user
            self._service.extend_invitation(
                user.tenant, user.id, invited.generation, until, request_id=request_id
            )

    # --- opening -----------------------------------------------------------------------------------

    def _open(self, invited: Invited, cookie: str, request_id: str) -> tuple[Pressed, OutboxRow | None]:
        """One commit: the hand-over, what looks after it later, and the account's row if it is free."""
        now = self._clock.now()
        tenant, user_id = invited.user.tenant, invited.user.id
        with self._store.write() as work:
            user = work.users.get(tenant, user_id)
            if user is None or not is_live(user, invited.generation, now):
                raise NotLive("The invitation is over.")
            if not may_press(user.invitation, browser_of(cookie)):
                raise NotLive("The link was used up in another browser.")
            former = work.handovers.of_browser(browser_of(cookie)) if cookie else None
            if former and former.may_link(now) and _is_for(former, invited):
                return Pressed(handover=former, cookie=cookie), None
            if former and former.is_open(now) and former.user_id != user_id:
                self._end(work, former, request_id)
            is_bound = user.invitation is not None and user.invitation.browser
            fresh = cookie if is_bound else self._ids.token(COOKIE_BITS)
            handover = self._new(invited, browser_of(fresh), now)
            work.handovers.add(handover)
            work.timeline.add(press_entry(user, now, request_id))
            check = CheckHandover(handover=handover.id, due=now + self._times.checks[0])
            self._service.enqueue(work, tenant, user_id, check, request_id=request_id)
            row = self._take(work, handover, request_id, now)
        return Pressed(handover=handover, cookie=fresh), row

    def _new(self, invited: Invited, browser: str, now: float) -> HandOver:
        return HandOver(
            id=self._ids.token(128),
            tenant=invited.user.tenant,
            user_id=invited.user.id,
            generation=invited.generation,
            browser=browser,
            opened_at=now,
            link_until=now + self._times.link_life,
            closes_at=now + self._times.life,
        )

    def _end(self, work: UnitOfWork, former: HandOver, request_id: str) -> None:
        """This browser goes on with another invitation: the former's link must go too."""
        work.handovers.save(former.ended(HandOverStatus.CLOSED))
        self._service.enqueue(work, former.tenant, former.user_id, SyncAccount(), request_id=request_id)

    # --- the account's turn ------------------------------------------------------------------------

    def _awaited_row(self, handover: HandOver, request_id: str) -> OutboxRow:
        """The account's row, as soon as whoever works on the account has finished."""
        deadline = self._clock.now() + PATIENCE
        while (now := self._clock.now()) < deadline:
            self._wait(PAUSE)
            with self._store.write() as work:
                newest = work.handovers.get(handover.id)
                if newest is None or not newest.is_open(now):
                    raise NotLive("Another browser took the hand-over.")
                row = self._take(work, handover, request_id, now)
            if row:
                return row
        raise Unavailable("The account is being worked on.")

    def _take(self, work: UnitOfWork, handover: HandOver, request_id: str, now: float) -> OutboxRow | None:
        """The ``sync_account`` row if it is free, made if there is none."""
        tenant, user_id, effect = handover.tenant, handover.user_id, SyncAccount()
        if not any(row.effect == effect.name for row in work.outbox.open_rows(tenant, user_id)):
            self._service.enqueue(work, tenant, user_id, effect, request_id=request_id)
        return work.outbox.take(tenant, user_id, effect.name, effect.target, lease=PRESS_LEASE, now=now)

    def _prepared(self, handover: HandOver, row: OutboxRow, request_id: str) -> HandOver:
        """The hand-over with its link. If that fails it is over, and the row goes back to the worker."""
        sub = self._ids.token(SUB_BITS)
        try:
            with within(PREPARING):
                account = self._accounts.prepare_handover(handover, sub)
        except BaseException:
            # A row that cannot be given back is the worker's again when its lease is over.
            with suppress(Busy):
                repeated(lambda: self._give_back(handover, row))
            raise
        linked = replace(handover, sub=sub, account=account)
        if failure := repeated(lambda: self._keep(linked, row, request_id)):
            raise failure
        return linked

    def _give_back(self, handover: HandOver, row: OutboxRow) -> None:
        now = self._clock.now()
        with self._store.write() as work:
            newest = work.handovers.get(handover.id) or handover
            work.handovers.save(newest.ended(HandOverStatus.CLOSED))
            work.outbox.postpone(row, at=now, now=now)

    def _keep(self, linked: HandOver, row: OutboxRow, request_id: str) -> UsherError | None:
        """Store the link if the account and the hand-over were ours all the time. Else have the worker
        look at the account, so that no link stays that nobody waits for; and say what happened.
        """
        now = self._clock.now()
        with self._store.write() as work:
            newest = work.handovers.get(linked.id)
            ours = row.id in work.outbox.acknowledge([row.key], now=now)
            if ours and newest is not None and newest.is_open(now):
                work.handovers.save(replace(newest, sub=linked.sub, account=linked.account))
                self._use_up(work, newest, request_id)
                return None
            work.handovers.save((newest or linked).ended(HandOverStatus.CLOSED))
            self._service.enqueue(work, linked.tenant, linked.user_id, SyncAccount(), request_id=request_id)
        if ours:
            return NotLive("Another browser took the hand-over.")
        return Unavailable("Keycloak took too long.")

    def _use_up(self, work: UnitOfWork, handover: HandOver, request_id: str) -> None:
        """Bind a link that works once to this browser, for as long as this hand-over may take. Only now: a
        press that Keycloak did not take leaves the link as it was.
        """
        if self._service.tenant(handover.tenant).policy.link_use is not LinkUse.FIRST_PRESS:
            return
        self._service.bind_invitation(
            work,
            handover.tenant,
            handover.user_id,
            browser=handover.browser,
            until=handover.closes_at,
            request_id=request_id,
        )


def _is_for(handover: HandOver, invited: Invited) -> bool:
    whose = (handover.tenant, handover.user_id, handover.generation)
    return whose == (invited.user.tenant, invited.user.id, invited.generation)


def press_entry(user: PortalUser, at: float, request_id: str, reason: str = "") -> Entry:
    """A press on the timeline, ``reason`` why it was in vain."""
    return Entry(
        tenant=user.tenant,
        user_id=user.id,
        at=at,
        actor="user",
        source="link",
        request_id=request_id,
        action="press",
        before=State.PENDING,
        after=State.PENDING,
        reason=reason,
    )

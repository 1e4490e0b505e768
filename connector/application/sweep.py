"""Looks now and then, in each realm, for accounts that are linked to our provider though nobody is on the
way, and has the link removed. It owns that look; it must not decide what an account should be.

A link ends with its hand-over by itself, a dead press's with the worker's next look at the account. What is
found here was left by something that nobody thought of: a database put back from a copy, a row that was
skipped, somebody at Keycloak's console.
"""

import structlog

from connector.application.ports import IdentityProvider, IdentityProviders, Ids
from connector.application.records import Entry, OutboxRow
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.effects import SyncAccount
from connector.domain.errors import Gone, OutsideError
from connector.domain.model import AccountId, PortalUser, state_of
from connector.foundation import metrics

log = structlog.get_logger()


class LinkSweep:
    """The sweep, a chore of each worker; of several, one has a realm's turn, ``every`` so many seconds."""

    def __init__(self, service: Service, idps: IdentityProviders, ids: Ids, *, every: float) -> None:
        self._service = service
        self._store = service.store
        self._clock = service.clock
        self._idps = idps
        self._ids = ids
        self._every = every

    def run(self) -> None:
        """Sweep the realms whose turn it is and whose Keycloak is not known to be away."""
        for realm in self._due():
            if self._win(realm):
                self._sweep(realm)

    def _due(self) -> list[str]:
        now = self._clock.now()
        realms = sorted({tenant.realm for tenant in self._service.tenants.all()})
        with self._store.read() as work:
            return [
                realm
                for realm in realms
                if work.rounds.is_due(_round(realm), every=self._every, now=now)
                and work.sinks.get(f"keycloak:{realm}") is None
            ]

    def _win(self, realm: str) -> bool:
        with self._store.write() as work:
            return work.rounds.win(_round(realm), every=self._every, now=self._clock.now())

    def _sweep(self, realm: str) -> None:
        """One that fails is made up for by the next."""
        request_id = f"sweep-{self._ids.token(64)}"
        idp = self._idps.of(realm)
        try:
            for account in idp.linked_accounts():
                self._look_at(idp, realm, account, request_id)
        except OutsideError as error:
            log.warning("sweep_failed", realm=realm, kind=type(error).__name__, detail=str(error))

    def _look_at(self, idp: IdentityProvider, realm: str, account: AccountId, request_id: str) -> None:
        """What was linked when the list was made may have come to its end since: only what has no reason,
        is linked still, and has no reason still, was left behind.
        """
        with self._store.read() as work:
            user = self._user_of(work, realm, account)
            if user and self._is_on_the_way(work, user):
                return
        if not _is_linked(idp, account):
            return
        with self._store.write() as work:
            user = self._user_of(work, realm, account)
            if user is not None:
                self._look_after(work, user, request_id)
        if user is None:
            # A press remembers the account before it links it: nobody can be on the way with this one.
            idp.unlink(account)
            _found("unknown", realm=realm, account=account)

    def _user_of(self, work: UnitOfWork, realm: str, account: AccountId) -> PortalUser | None:
        """The account's user; locked, if the unit of work writes, and theirs still."""
        found = work.users.by_account(realm, account)
        user = work.users.get(found.tenant, found.id) if found else None
        return user if user and user.account_id == account else None

    def _look_after(self, work: UnitOfWork, user: PortalUser, request_id: str) -> None:
        """The user's own row removes the link, in its turn: a press may be about to make one."""
        row = _row_of(work, user)
        if self._is_on_the_way(work, user) or (row and row.state == "running"):
            return
        if row is not None:
            # It was due before; what keeps it is told where rows that wait are.
            _found("waiting", tenant=user.tenant, user_id=user.id)
            return
        self._service.enqueue(work, user.tenant, user.id, SyncAccount(), request_id=request_id)
        work.timeline.add(_entry(user, self._clock.now(), request_id))
        _found("removed", tenant=user.tenant, user_id=user.id)

    def _is_on_the_way(self, work: UnitOfWork, user: PortalUser) -> bool:
        now = self._clock.now()
        begun = work.handovers.open_of(user.tenant, user.id, now=now)
        return begun is not None and begun.account == user.account_id and begun.may_link(now)


def _is_linked(idp: IdentityProvider, account: AccountId) -> bool:
    try:
        return idp.linked_sub(account) is not None
    except Gone:
        return False


def _row_of(work: UnitOfWork, user: PortalUser) -> OutboxRow | None:
    """The user's row that has their account looked at, if there is one."""
    rows = work.outbox.open_rows(user.tenant, user.id)
    return next((row for row in rows if row.effect == SyncAccount.name), None)


def _round(realm: str) -> str:
    return f"links:{realm}"


def _found(outcome: str, **whose: str) -> None:
    metrics.stale_link(outcome)
    log.warning("stale_link", outcome=outcome, **whose)


def _entry(user: PortalUser, now: float, request_id: str) -> Entry:
    state = state_of(user, now)
    return Entry(
        tenant=user.tenant,
        user_id=user.id,
        at=now,
        actor="sweep",
        source="clock",
        request_id=request_id,
        action="link_removed",
        before=state,
        after=state,
        reason="linked without a hand-over",
    )

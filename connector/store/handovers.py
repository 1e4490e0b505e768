"""The repository of hand-overs. It owns their rows and that a user has at most one open; a code is redeemed
by one statement, so that of many who try one succeeds.
"""

from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from connector.application.records import HandOver, HandOverStatus
from connector.domain.model import AccountId, TenantId, UserId
from connector.store.tables import handover
from connector.store.users import LockUser

_FIELDS = tuple(HandOver.__dataclass_fields__)
_OPEN = handover.c.status == HandOverStatus.OPEN


class SqlHandOvers:
    """:class:`~connector.application.repositories.HandOvers` in one transaction."""

    def __init__(self, connection: Connection, lock_user: LockUser) -> None:
        self._db = connection
        self._lock_user = lock_user

    def add(self, new: HandOver) -> None:
        """See the port. Of two that are opened at once, the second waits, and closes the first."""
        self._lock_user(new.tenant, new.user_id)
        self.close_all(new.tenant, new.user_id)
        self._db.execute(insert(handover).values(_values(new)))

    def save(self, changed: HandOver) -> None:
        """See the port."""
        mine = (
            handover.c.id == changed.id,
            handover.c.tenant == changed.tenant,
            handover.c.user_id == changed.user_id,
        )
        self._db.execute(update(handover).where(*mine).values(_values(changed)))

    def get(self, handover_id: str) -> HandOver | None:
        """See the port."""
        return self._kept(select(handover).where(handover.c.id == handover_id))

    def of_browser(self, browser: str) -> HandOver | None:
        """See the port."""
        newest = (handover.c.opened_at.desc(), handover.c.id)
        return self._kept(select(handover).where(handover.c.browser == browser).order_by(*newest).limit(1))

    def open_of(self, tenant: TenantId, user: UserId, *, now: float) -> HandOver | None:
        """See the port."""
        self._lock_user(tenant, user)
        mine = (handover.c.tenant == tenant, handover.c.user_id == user, _OPEN, handover.c.closes_at > now)
        return self._one(select(handover).where(*mine))

    def redeem(self, code: str, *, now: float) -> HandOver | None:
        """See the port."""
        found = self._one(select(handover).where(handover.c.code == code)) if code else None
        if found is None:
            return None
        live = (handover.c.id == found.id, handover.c.code == code, handover.c.code_until > now)
        taken = self._db.execute(update(handover).where(*live).values(code="", code_until=None))
        return found if taken.rowcount == 1 else None

    def statuses_on(self, account: AccountId) -> frozenset[HandOverStatus]:
        """See the port."""
        found = self._db.execute(select(handover.c.status).where(handover.c.account == account).distinct())
        return frozenset(HandOverStatus(status) for status in found.scalars())

    def complete(self, tenant: TenantId, user: UserId) -> int:
        """See the port."""
        return self._end(tenant, user, HandOverStatus.DONE)

    def close_all(self, tenant: TenantId, user: UserId) -> int:
        """See the port."""
        return self._end(tenant, user, HandOverStatus.CLOSED)

    def _end(self, tenant: TenantId, user: UserId, status: HandOverStatus) -> int:
        mine = (handover.c.tenant == tenant, handover.c.user_id == user, _OPEN)
        ended = update(handover).where(*mine).values(status=status, code="", code_until=None)
        return self._db.execute(ended).rowcount

    def _kept(self, statement: Any) -> HandOver | None:
        """What nobody changes any more until this unit of work ends, if it writes: whose it is can be seen
        before the user is locked, what it has come to only after.
        """
        found = self._one(statement)
        if found is None:
            return None
        self._lock_user(found.tenant, found.user_id)
        return self._one(statement)

    def _one(self, statement: Any) -> HandOver | None:
        row = self._db.execute(statement).mappings().one_or_none()
        return _handover(row) if row else None


def _values(one: HandOver) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _FIELDS}


def _handover(row: RowMapping) -> HandOver:
    values = {name: row[name] for name in _FIELDS if name != "status"}
    return HandOver(**values, status=HandOverStatus(row["status"]))

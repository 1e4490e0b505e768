"""The repository of hand-overs. It owns their rows and that a user has at most one open; a code is redeemed
by one statement, so that of many who try one succeeds.
"""

from typing import Any

from sqlalchemy import Connection, Executable, RowMapping

from connector.application.records import HandOver, HandOverStatus
from connector.domain.model import AccountId, TenantId, UserId
from connector.store import handover_sql as sql
from connector.store.users import LockUser


class SqlHandOvers:
    """:class:`~connector.application.repositories.HandOvers` in one transaction."""

    def __init__(self, connection: Connection, lock_user: LockUser) -> None:
        self._db = connection
        self._lock_user = lock_user

    def add(self, new: HandOver) -> None:
        """See the port. Of two that are opened at once, the second waits, and closes the first."""
        self._lock_user(new.tenant, new.user_id)
        self.close_all(new.tenant, new.user_id)
        self._db.execute(sql.ADD, _values(new))

    def save(self, changed: HandOver) -> None:
        """See the port."""
        mine = {"key_id": changed.id, "key_tenant": changed.tenant, "key_user": changed.user_id}
        self._db.execute(sql.SAVE, _values(changed) | mine)

    def get(self, handover_id: str) -> HandOver | None:
        """See the port."""
        return self._kept(sql.GET, key_id=handover_id)

    def of_browser(self, browser: str) -> HandOver | None:
        """See the port."""
        return self._kept(sql.OF_BROWSER, key_browser=browser)

    def open_of(self, tenant: TenantId, user: UserId, *, now: float) -> HandOver | None:
        """See the port."""
        self._lock_user(tenant, user)
        return self._one(sql.OPEN_OF, key_tenant=tenant, key_user=user, now=now)

    def redeem(self, code: str, *, now: float) -> HandOver | None:
        """See the port."""
        found = self._one(sql.OF_CODE, key_code=code) if code else None
        if found is None:
            return None
        self._lock_user(found.tenant, found.user_id)
        taken = self._db.execute(sql.REDEEM, {"key_id": found.id, "key_code": code, "now": now})
        return found if taken.rowcount == 1 else None

    def statuses_on(self, tenant: TenantId, account: AccountId) -> frozenset[HandOverStatus]:
        """See the port."""
        found = self._db.execute(sql.STATUSES_ON, {"key_tenant": tenant, "key_account": account})
        return frozenset(HandOverStatus(status) for status in found.scalars())

    def complete(self, tenant: TenantId, user: UserId) -> int:
        """See the port."""
        return self._end(tenant, user, HandOverStatus.DONE)

    def close_all(self, tenant: TenantId, user: UserId) -> int:
        """See the port."""
        return self._end(tenant, user, HandOverStatus.CLOSED)

    def forget(self, *, before: float, limit: int) -> int:
        """See the port."""
        return self._db.execute(sql.FORGET, {"before": before, "count": limit}).rowcount

    def _end(self, tenant: TenantId, user: UserId, status: HandOverStatus) -> int:
        mine = {"key_tenant": tenant, "key_user": user, "ended": status}
        return self._db.execute(sql.END, mine).rowcount

    def _kept(self, statement: Executable, **values: object) -> HandOver | None:
        """What nobody changes any more until this unit of work ends, if it writes: whose it is can be seen
        before the user is locked, what it has come to only after.
        """
        locked = None
        while (found := self._one(statement, **values)) is not None:
            owner = found.tenant, found.user_id
            if owner == locked:
                break
            self._lock_user(*owner)
            locked = owner
        return found

    def _one(self, statement: Executable, **values: object) -> HandOver | None:
        row = self._db.execute(statement, values).mappings().one_or_none()
        return _handover(row) if row else None


def _values(one: HandOver) -> dict[str, Any]:
    return {name: getattr(one, name) for name in sql.FIELDS}


def _handover(row: RowMapping) -> HandOver:
    values = {name: row[name] for name in sql.FIELDS if name != "status"}
    return HandOver(**values, status=HandOverStatus(row["status"]))

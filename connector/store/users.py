"""The repository of portal users: document, index values, holds and invitations, saved together. It owns
their rows; it decides nothing about them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from connector.application.records import ReadyDocument
from connector.domain.document import Index, fold
from connector.domain.errors import Taken
from connector.domain.model import (
    AccountId,
    Hold,
    Invitation,
    PortalUser,
    TenantId,
    UserId,
)
from connector.domain.query import Page, Query
from connector.store import search
from connector.store import user_sql as sql
from connector.store.keys import key
from connector.store.tables import invitation, user, user_hold
from connector.store.user_rows import NOTHING, Parts, columns_of, hold_of, user_of

# By what the databases name: PostgreSQL the index, SQLite the columns. (PostgreSQL's text has the value in
# it, which is somebody's to choose.)
_TAKEN = {
    "uq_user_email_key": "emails",
    "uq_user_user_key": "userName",
    "uq_user_account_name": "userName",
    "user.realm, user.email_key": "emails",
    "user.tenant, user.user_key": "userName",
    "user.realm, user.account_name": "userName",
}


LockUser = Callable[[TenantId, UserId], None]
"""``Users.lock``, for repositories whose rows belong to a user."""


class SqlUsers:
    """:class:`~connector.application.repositories.Users` in one transaction."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._db = connection
        self._locks = locks
        self._parts: dict[tuple[TenantId, UserId], Parts] = {}

    # --- one user ----------------------------------------------------------------------------------

    def get(self, tenant: TenantId, user_id: UserId) -> PortalUser | None:
        """See the port. The lock is taken by a statement before the one that reads: a statement that locks
        what it reads sees the locked row as it became, but what it is joined to as it was before.
        """
        self.lock(tenant, user_id)
        row = self._db.execute(sql.ONE, {"tenant": tenant, "id": key(user_id)}).mappings().one_or_none()
        if row is None:
            return None
        (found,) = self._whole([row])
        self._parts[tenant, user_id] = Parts.of(found)
        return found

    def lock(self, tenant: TenantId, user_id: UserId) -> None:
        """See the port."""
        if self._locks:
            self._db.execute(sql.LOCK, {"tenant": tenant, "id": key(user_id)})

    def by_invitation(self, invitation_id: str) -> PortalUser | None:
        """See the port."""
        row = self._db.execute(sql.BY_INVITATION, {"invitation": invitation_id}).mappings().one_or_none()
        return self._whole([row])[0] if row else None

    def by_account(self, realm: str, account: AccountId) -> PortalUser | None:
        """See the port."""
        statement = sql.WHOLE.where(user.c.realm == realm, user.c.account_id == account)
        row = self._db.execute(statement.limit(1)).mappings().first()
        return self._whole([row])[0] if row else None

    def removed(self, tenant: TenantId, user_name: str) -> PortalUser | None:
        """See the port."""
        mine = (user.c.tenant == tenant, user.c.user_key == key(fold(user_name)), user.c.user_key != "")
        gone = sql.WHOLE.where(*mine, user.c.removed_at.is_not(None))
        row = self._db.execute(gone.order_by(user.c.removed_at.desc()).limit(1)).mappings().one_or_none()
        return self._whole([row])[0] if row else None

    def add(self, new: PortalUser, index: Index) -> None:
        """See the port."""
        values = columns_of(new, index) | {
            "tenant": new.tenant,
            "id": new.id,
            "seq": self._next_seq(new.tenant),
            "created_at": new.created_at,
        }
        self._checked(sql.ADD, values)
        self._save_parts(NOTHING, new, index)

    def save(self, changed: PortalUser, index: Index) -> None:
        """See the port. What is as it was loaded in this unit of work is not written again."""
        self._checked(sql.SAVE, columns_of(changed, index) | _key(changed))
        self._save_parts(self._parts.get((changed.tenant, changed.id)), changed, index)

    def set_account(self, tenant: TenantId, user_id: UserId, account: AccountId | None) -> None:
        """See the port."""
        statement = update(user).where(user.c.tenant == tenant, user.c.id == user_id)
        self._db.execute(statement.values(account_id=account))

    def mark_sent(self, tenant: TenantId, user_id: UserId, generation: int, at: float) -> None:
        """See the port. Whoever saves the user has read its invitation before, and would write it back."""
        self.lock(tenant, user_id)
        statement = update(invitation).where(
            invitation.c.tenant == tenant,
            invitation.c.user_id == user_id,
            invitation.c.generation == generation,
        )
        self._db.execute(statement.values(sent_at=at))

    def erase(self, tenant: TenantId, user_id: UserId) -> None:
        """See the port."""
        mine = (invitation.c.tenant == tenant, invitation.c.user_id == user_id)
        self._db.execute(update(invitation).where(*mine).values(address="", locale="", inviter=""))

    # --- many users --------------------------------------------------------------------------------

    def find(self, tenant: TenantId, query: Query) -> Page[PortalUser]:
        """See the port."""
        rows, total = self._page(sql.WHOLE, tenant, query, "")
        return Page(items=self._whole(rows), total=total)

    def document(self, tenant: TenantId, user_id: UserId, *, hidden_from: str = "") -> ReadyDocument | None:
        """See the port."""
        statement = sql.READY_ONE_SEEN if hidden_from else sql.READY_ONE
        values = {"tenant": tenant, "id": key(user_id), "source": hidden_from}
        row = self._db.execute(statement, values).mappings().one_or_none()
        return ReadyDocument(**row) if row else None

    def documents(self, tenant: TenantId, query: Query, *, hidden_from: str = "") -> Page[ReadyDocument]:
        """See the port."""
        rows, total = self._page(sql.READY, tenant, query, hidden_from)
        return Page(items=[ReadyDocument(**row) for row in rows], total=total)

    def hidden(self, tenant: TenantId, source: str, user_name: str, external_id: str) -> UserId | None:
        """See the port."""
        values = {
            "tenant": tenant,
            "source": source,
            "user_key": key(fold(user_name)),
            "external_id": key(external_id),
        }
        found = self._db.execute(sql.HIDDEN, values).scalar_one_or_none()
        return UserId(found) if found else None

    def admins(self, tenant: TenantId, *, other_than: UserId) -> tuple[int, int]:
        """See the port. Whoever counts waits for others who counted and have not committed yet."""
        if self._locks:
            self._db.execute(sql.LOCK_TENANT, {"tenant": tenant})
        is_active = and_(user.c.active, user.c.activated_at.is_not(None))
        statement = select(func.count(), func.count().filter(is_active)).where(
            user.c.tenant == tenant,
            user.c.removed_at.is_(None),
            user.c.is_admin,
            user.c.id != other_than,
        )
        admins, active = self._db.execute(statement).one()
        return admins, active

    # --- parts -------------------------------------------------------------------------------------

    def _page(
        self, columns: Select[Any], tenant: TenantId, query: Query, hidden_from: str
    ) -> tuple[Sequence[RowMapping], int]:
        """The rows of a slice, and how many there are in all: counted only if the slice does not tell."""
        filter_ = search.shaped(query.filter)
        shape = (filter_.shape, bool(hidden_from))
        values = filter_.values | {"tenant": tenant, "source": hidden_from}
        slice_ = {"skip": query.skip, "count": query.count}
        rows = self._db.execute(sql.listing(columns, *shape), values | slice_).mappings().all()
        if query.skip == 0 and len(rows) < query.count:
            return rows, len(rows)
        return rows, self._db.execute(sql.counting(*shape), values).scalar_one()

    def _next_seq(self, tenant: TenantId) -> int:
        """The next place in the tenant's lists. Whoever has one keeps the others waiting for theirs, so
        that places rise in the order of the commits.
        """
        return int(self._db.execute(sql.NEXT_SEQ, {"tenant": tenant}).scalar_one())

    def _checked(self, statement: Any, values: Mapping[str, Any]) -> None:
        try:
            self._db.execute(statement, values)
        except IntegrityError as error:
            if attribute := _TAKEN.get(_broken(error)):
                raise Taken(attribute) from error
            raise

    def _save_parts(self, before: Parts | None, owner: PortalUser, index: Index) -> None:
        """What stands in tables of its own; the index of addresses follows from the document's."""
        after = self._parts[owner.tenant, owner.id] = Parts.of(owner)
        if before is None or before.emails != after.emails:
            self._save_emails(before, owner, index)
        if before is None or before.holds != after.holds:
            self._save_holds(before, owner)
        if owner.invitation and (before is None or before.invitation != owner.invitation):
            self._save_invitation(before, owner, owner.invitation)

    def _save_emails(self, before: Parts | None, owner: PortalUser, index: Index) -> None:
        if before is not NOTHING:
            self._db.execute(sql.DROP_EMAILS, _key(owner))
        rows = [
            _owned(owner) | {"item": item, "type_key": key(type_key), "value_key": key(value_key)}
            for item, (type_key, value_key) in enumerate(index.email_values)
        ]
        if rows:
            self._db.execute(sql.ADD_EMAILS, rows)

    def _save_holds(self, before: Parts | None, owner: PortalUser) -> None:
        if before is not NOTHING:
            self._db.execute(sql.DROP_HOLDS, _key(owner))
        rows = [_owned(owner) | asdict(hold) for hold in owner.holds]
        if rows:
            self._db.execute(sql.ADD_HOLDS, rows)

    def _save_invitation(self, before: Parts | None, owner: PortalUser, newest: Invitation) -> None:
        values = asdict(newest)
        generation = _key(owner) | {"key_generation": newest.generation}
        if before is not NOTHING:
            if self._db.execute(sql.SAVE_INVITATION, values | generation).rowcount:
                return
            self._db.execute(sql.SUPERSEDE, _key(owner))
        self._db.execute(sql.ADD_INVITATION, values | _owned(owner))

    def _whole(self, rows: Sequence[RowMapping]) -> list[PortalUser]:
        holds: dict[tuple[str, str], set[Hold]] = {(row["tenant"], row["id"]): set() for row in rows}
        for row in self._holds_of(list(holds)):
            holds[row["tenant"], row["user_id"]].add(hold_of(row))
        return [user_of(row, frozenset(holds[row["tenant"], row["id"]])) for row in rows]

    def _holds_of(self, keys: list[tuple[str, str]]) -> Iterable[RowMapping]:
        if not keys:
            return ()
        if len(keys) == 1:
            ((tenant, user_id),) = keys
            return self._db.execute(sql.HOLDS_OF_ONE, {"key_tenant": tenant, "key_id": user_id}).mappings()
        many = tuple_(user_hold.c.tenant, user_hold.c.user_id).in_(keys)
        return self._db.execute(select(user_hold).where(many)).mappings()


def _key(one: PortalUser) -> dict[str, Any]:
    return {"key_tenant": one.tenant, "key_id": one.id}


def _broken(error: IntegrityError) -> str:
    """Which constraint does not hold, in the database's words."""
    diagnosis = getattr(error.orig, "diag", None)
    return diagnosis.constraint_name if diagnosis else str(error.orig).partition(": ")[2]


def _owned(owner: PortalUser) -> dict[str, Any]:
    return {"tenant": owner.tenant, "user_id": owner.id}

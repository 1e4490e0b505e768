"""The repository of portal users: document, index values, holds and invitations, saved together. It owns
their rows; it decides nothing about them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
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
    HoldKind,
    Invitation,
    InvitationStatus,
    PortalUser,
    Profile,
    TenantId,
    UserId,
)
from connector.domain.query import Page, Query
from connector.store import search
from connector.store.keys import key
from connector.store.tables import invitation, user, user_email, user_hold

_NEWEST = and_(
    invitation.c.tenant == user.c.tenant,
    invitation.c.user_id == user.c.id,
    invitation.c.generation == user.c.invitation_generation,
)
_ANY = invitation.alias()
_INVITATION = [column.label(f"invitation__{column.name}") for column in invitation.c]
_WHOLE = select(user, *_INVITATION).select_from(user.outerjoin(invitation, _NEWEST))
_ONE = _WHOLE.where(user.c.tenant == bindparam("tenant"), user.c.id == bindparam("id"))
_READY = select(
    user.c.id, user.c.document, user.c.version, user.c.created_at, user.c.modified_at, user.c.active
).where(user.c.removed_at.is_(None))
_READY_ONE = _READY.where(user.c.tenant == bindparam("tenant"), user.c.id == bindparam("id"))
_READY_ONE_SEEN = _READY_ONE.where(search.not_hidden_from_source())
_HIDDEN = (
    select(user.c.id)
    .select_from(
        user_hold.join(user, and_(user.c.tenant == user_hold.c.tenant, user.c.id == user_hold.c.user_id))
    )
    .where(
        user_hold.c.tenant == bindparam("tenant"),
        user_hold.c.source == bindparam("source"),
        user_hold.c.hides,
        user.c.removed_at.is_(None),
        or_(
            user.c.user_key == bindparam("user_key"),
            and_(user.c.external_id == bindparam("external_id"), user.c.external_id != ""),
        ),
    )
    .order_by(user.c.seq)
    .limit(1)
)

# Statements that every request runs are built once: building one costs as much as running it.
_KEY = (user.c.tenant == bindparam("key_tenant"), user.c.id == bindparam("key_id"))
_ADD = insert(user)
_SAVE = update(user).where(*_KEY)
_LOCK = text('SELECT 1 FROM "user" WHERE tenant = :tenant AND id = :id FOR UPDATE')
_LOCK_TENANT = text("SELECT 1 FROM counter WHERE tenant = :tenant FOR UPDATE")
_NEXT_SEQ = text(
    """
    INSERT INTO counter (tenant, users) VALUES (:tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET users = counter.users + 1 RETURNING users
    """
)
_OF_USER = {
    table: (table.c.tenant == bindparam("key_tenant"), table.c.user_id == bindparam("key_id"))
    for table in (user_email, user_hold, invitation)
}
_DROP_EMAILS = delete(user_email).where(*_OF_USER[user_email])
_DROP_HOLDS = delete(user_hold).where(*_OF_USER[user_hold])
_HOLDS_OF_ONE = select(user_hold).where(*_OF_USER[user_hold])
_SAVE_INVITATION = update(invitation).where(
    *_OF_USER[invitation], invitation.c.generation == bindparam("key_generation")
)
_SUPERSEDE = (
    update(invitation)
    .where(*_OF_USER[invitation], invitation.c.status == InvitationStatus.OPEN)
    .values(status=InvitationStatus.SUPERSEDED)
)
_ADD_INVITATION = insert(invitation)

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
    """:class:`~connector.application.ports.Users` in one transaction."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._db = connection
        self._locks = locks

    # --- one user ----------------------------------------------------------------------------------

    def get(self, tenant: TenantId, user_id: UserId) -> PortalUser | None:
        """See the port. The lock is taken by a statement before the one that reads: a statement that locks
        what it reads sees the locked row as it became, but what it is joined to as it was before.
        """
        self.lock(tenant, user_id)
        row = self._db.execute(_ONE, {"tenant": tenant, "id": key(user_id)}).mappings().one_or_none()
        return self._whole([row])[0] if row else None

    def lock(self, tenant: TenantId, user_id: UserId) -> None:
        """See the port."""
        if self._locks:
            self._db.execute(_LOCK, {"tenant": tenant, "id": key(user_id)})

    def by_invitation(self, invitation_id: str) -> PortalUser | None:
        """See the port."""
        owner = select(_ANY.c.tenant, _ANY.c.user_id).where(_ANY.c.id == invitation_id)
        statement = _WHOLE.where(tuple_(user.c.tenant, user.c.id).in_(owner))
        row = self._db.execute(statement).mappings().one_or_none()
        return self._whole([row])[0] if row else None

    def removed(self, tenant: TenantId, user_name: str) -> PortalUser | None:
        """See the port."""
        mine = (user.c.tenant == tenant, user.c.user_key == key(fold(user_name)), user.c.user_key != "")
        gone = _WHOLE.where(*mine, user.c.removed_at.is_not(None))
        row = self._db.execute(gone.order_by(user.c.removed_at.desc()).limit(1)).mappings().one_or_none()
        return self._whole([row])[0] if row else None

    def add(self, new: PortalUser, index: Index) -> None:
        """See the port."""
        values = _columns(new, index) | {
            "tenant": new.tenant,
            "id": new.id,
            "seq": self._next_seq(new.tenant),
            "created_at": new.created_at,
        }
        self._checked(_ADD, values)
        self._save_parts(new, index)

    def save(self, changed: PortalUser, index: Index) -> None:
        """See the port."""
        self._checked(_SAVE, _columns(changed, index) | _key(changed))
        self._db.execute(_DROP_EMAILS, _key(changed))
        self._db.execute(_DROP_HOLDS, _key(changed))
        self._save_parts(changed, index)

    def set_account(self, tenant: TenantId, user_id: UserId, account: AccountId | None) -> None:
        """See the port."""
        statement = update(user).where(user.c.tenant == tenant, user.c.id == user_id)
        self._db.execute(statement.values(account_id=account))

    def mark_sent(self, tenant: TenantId, user_id: UserId, generation: int, at: float) -> None:
        """See the port."""
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
        rows, total = self._page(_WHOLE, tenant, query, "")
        return Page(items=self._whole(rows), total=total)

    def document(self, tenant: TenantId, user_id: UserId, *, hidden_from: str = "") -> ReadyDocument | None:
        """See the port."""
        statement = _READY_ONE_SEEN if hidden_from else _READY_ONE
        values = {"tenant": tenant, "id": key(user_id), "source": hidden_from}
        row = self._db.execute(statement, values).mappings().one_or_none()
        return ReadyDocument(**row) if row else None

    def documents(self, tenant: TenantId, query: Query, *, hidden_from: str = "") -> Page[ReadyDocument]:
        """See the port."""
        rows, total = self._page(_READY, tenant, query, hidden_from)
        return Page(items=[ReadyDocument(**row) for row in rows], total=total)

    def hidden(self, tenant: TenantId, source: str, user_name: str, external_id: str) -> UserId | None:
        """See the port."""
        values = {
            "tenant": tenant,
            "source": source,
            "user_key": key(fold(user_name)),
            "external_id": key(external_id),
        }
        found = self._db.execute(_HIDDEN, values).scalar_one_or_none()
        return UserId(found) if found else None

    def admins(self, tenant: TenantId, *, other_than: UserId) -> tuple[int, int]:
        """See the port. Whoever counts waits for others who counted and have not committed yet."""
        if self._locks:
            self._db.execute(_LOCK_TENANT, {"tenant": tenant})
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
        rows = self._db.execute(_listing(columns, *shape), values | slice_).mappings().all()
        if query.skip == 0 and len(rows) < query.count:
            return rows, len(rows)
        return rows, self._db.execute(_counting(*shape), values).scalar_one()

    def _next_seq(self, tenant: TenantId) -> int:
        """The next place in the tenant's lists. Whoever has one keeps the others waiting for theirs, so
        that places rise in the order of the commits.
        """
        return int(self._db.execute(_NEXT_SEQ, {"tenant": tenant}).scalar_one())

    def _checked(self, statement: Any, values: Mapping[str, Any]) -> None:
        try:
            self._db.execute(statement, values)
        except IntegrityError as error:
            if attribute := _TAKEN.get(_broken(error)):
                raise Taken(attribute) from error
            raise

    def _save_parts(self, owner: PortalUser, index: Index) -> None:
        mine = {"tenant": owner.tenant, "user_id": owner.id}
        emails = [
            mine | {"item": item, "type_key": key(type_key), "value_key": key(value_key)}
            for item, (type_key, value_key) in enumerate(index.email_values)
        ]
        holds = [
            mine | {"kind": hold.kind, "source": hold.source, "since": hold.since, "hides": hold.hides}
            for hold in owner.holds
        ]
        for table, rows in ((user_email, emails), (user_hold, holds)):
            if rows:
                self._db.execute(insert(table), rows)
        if owner.invitation:
            self._save_invitation(owner, owner.invitation)

    def _save_invitation(self, owner: PortalUser, newest: Invitation) -> None:
        values = asdict(newest)
        generation = _key(owner) | {"key_generation": newest.generation}
        if self._db.execute(_SAVE_INVITATION, values | generation).rowcount:
            return
        self._db.execute(_SUPERSEDE, _key(owner))
        self._db.execute(_ADD_INVITATION, values | {"tenant": owner.tenant, "user_id": owner.id})

    def _whole(self, rows: Sequence[RowMapping]) -> list[PortalUser]:
        holds: dict[tuple[str, str], set[Hold]] = {(row["tenant"], row["id"]): set() for row in rows}
        for row in self._holds_of(list(holds)):
            holds[row["tenant"], row["user_id"]].add(_hold(row))
        return [_user(row, frozenset(holds[row["tenant"], row["id"]])) for row in rows]

    def _holds_of(self, keys: list[tuple[str, str]]) -> Iterable[RowMapping]:
        if not keys:
            return ()
        if len(keys) == 1:
            ((tenant, user_id),) = keys
            return self._db.execute(_HOLDS_OF_ONE, {"key_tenant": tenant, "key_id": user_id}).mappings()
        many = tuple_(user_hold.c.tenant, user_hold.c.user_id).in_(keys)
        return self._db.execute(select(user_hold).where(many)).mappings()


def _key(one: PortalUser) -> dict[str, Any]:
    return {"key_tenant": one.tenant, "key_id": one.id}


def _broken(error: IntegrityError) -> str:
    """Which constraint does not hold, in the database's words."""
    diagnosis = getattr(error.orig, "diag", None)
    return diagnosis.constraint_name if diagnosis else str(error.orig).partition(": ")[2]


def _hold(row: RowMapping) -> Hold:
    return Hold(kind=HoldKind(row["kind"]), source=row["source"], since=row["since"], hides=row["hides"])


def _living(shape: search.Shape, is_hiding: bool) -> tuple[ColumnElement[bool], ...]:
    living = (user.c.tenant == bindparam("tenant"), user.c.removed_at.is_(None), search.condition(shape))
    return (*living, search.not_hidden_from_source()) if is_hiding else living


@lru_cache(maxsize=256)
def _listing(columns: Select[Any], shape: search.Shape, is_hiding: bool) -> Select[Any]:
    """The statement of a slice. With a filter the order must not choose the index: sorting few hits costs
    less than walking everybody in order.
    """
    order: ColumnElement[Any] = user.c.seq if shape is None else user.c.seq + 0
    where = _living(shape, is_hiding)
    return columns.where(*where).order_by(order).offset(bindparam("skip")).limit(bindparam("count"))


@lru_cache(maxsize=256)
def _counting(shape: search.Shape, is_hiding: bool) -> Select[Any]:
    return select(func.count()).select_from(user).where(*_living(shape, is_hiding))


def _columns(one: PortalUser, index: Index) -> dict[str, Any]:
    newest = one.invitation
    return {
        "version": one.version,
        "modified_at": one.modified_at,
        "document": orjson.dumps(one.document),
        "profile": orjson.dumps(asdict(one.profile)),
        "active": not one.holds,
        "is_admin": one.is_admin,
        "activated_at": one.activated_at,
        "removed_at": one.removed_at,
        "account_id": one.account_id,
        "realm": index.realm,
        "account_name": key(index.account_name),
        "email_key": key(index.email_key) or None,
        "user_key": key(index.user_key),
        "external_id": key(index.external_id),
        "display_key": key(index.display_key),
        "given_key": key(index.given_key),
        "family_key": key(index.family_key),
        "invitation_generation": newest.generation if newest else None,
        "invitation_status": newest.status if newest else None,
        "invitation_expires_at": newest.expires_at if newest else None,
    }


def _user(row: RowMapping, holds: frozenset[Hold]) -> PortalUser:
    return PortalUser(
        tenant=TenantId(row["tenant"]),
        id=UserId(row["id"]),
        profile=Profile(**orjson.loads(row["profile"])),
        document=orjson.loads(row["document"]),
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        version=row["version"],
        holds=holds,
        invitation=_invitation(row) if row["invitation_generation"] is not None else None,
        activated_at=row["activated_at"],
        removed_at=row["removed_at"],
        is_admin=row["is_admin"],
        account_id=AccountId(row["account_id"]) if row["account_id"] else None,
    )


def _invitation(row: RowMapping) -> Invitation:
    names = [name for name in Invitation.__dataclass_fields__ if name != "status"]
    values = {name: row[f"invitation__{name}"] for name in names}
    return Invitation(**values, status=InvitationStatus(row["invitation__status"]))

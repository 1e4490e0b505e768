"""The statements of the repository of users. It owns what is asked of the database; what is done with the
answers is the repository's. Statements that every request runs are built once: building one costs as much
as running it.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
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

from connector.domain.model import InvitationStatus
from connector.store import search
from connector.store.tables import invitation, user, user_email, user_hold

_NEWEST = and_(
    invitation.c.tenant == user.c.tenant,
    invitation.c.user_id == user.c.id,
    invitation.c.generation == user.c.invitation_generation,
)
_ANY = invitation.alias()
_INVITATION = [column.label(f"invitation__{column.name}") for column in invitation.c]
WHOLE = select(user, *_INVITATION).select_from(user.outerjoin(invitation, _NEWEST))
ONE = WHOLE.where(user.c.tenant == bindparam("tenant"), user.c.id == bindparam("id"))
BY_INVITATION = WHOLE.where(
    tuple_(user.c.tenant, user.c.id).in_(
        select(_ANY.c.tenant, _ANY.c.user_id).where(_ANY.c.id == bindparam("invitation"))
    )
)
READY = select(
    user.c.id, user.c.document, user.c.version, user.c.created_at, user.c.modified_at, user.c.active
).where(user.c.removed_at.is_(None))
READY_ONE = READY.where(user.c.tenant == bindparam("tenant"), user.c.id == bindparam("id"))
READY_ONE_SEEN = READY_ONE.where(search.not_hidden_from_source())
HIDDEN = (
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

_KEY = (user.c.tenant == bindparam("key_tenant"), user.c.id == bindparam("key_id"))
ADD = insert(user)
SAVE = update(user).where(*_KEY)
LOCK = text('SELECT 1 FROM "user" WHERE tenant = :tenant AND id = :id FOR UPDATE')
LOCK_TENANT = text("SELECT 1 FROM counter WHERE tenant = :tenant FOR UPDATE")
NEXT_SEQ = text(
    """
    INSERT INTO counter (tenant, users) VALUES (:tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET users = counter.users + 1 RETURNING users
    """
)
_OF_USER = {
    table: (table.c.tenant == bindparam("key_tenant"), table.c.user_id == bindparam("key_id"))
    for table in (user_email, user_hold, invitation)
}
DROP_EMAILS = delete(user_email).where(*_OF_USER[user_email])
ADD_EMAILS = insert(user_email)
ADD_HOLDS = insert(user_hold)
DROP_HOLDS = delete(user_hold).where(*_OF_USER[user_hold])
HOLDS_OF_ONE = select(user_hold).where(*_OF_USER[user_hold])
SAVE_INVITATION = update(invitation).where(
    *_OF_USER[invitation], invitation.c.generation == bindparam("key_generation")
)
SUPERSEDE = (
    update(invitation)
    .where(*_OF_USER[invitation], invitation.c.status == InvitationStatus.OPEN)
    .values(status=InvitationStatus.SUPERSEDED)
)
ADD_INVITATION = insert(invitation)


def _living(shape: search.Shape, is_hiding: bool) -> tuple[ColumnElement[bool], ...]:
    living = (user.c.tenant == bindparam("tenant"), user.c.removed_at.is_(None), search.condition(shape))
    return (*living, search.not_hidden_from_source()) if is_hiding else living


@lru_cache(maxsize=256)
def listing(columns: Select[Any], shape: search.Shape, is_hiding: bool) -> Select[Any]:
    """The statement of a slice. With a filter the order must not choose the index: sorting few hits costs
    less than walking everybody in order.
    """
    order: ColumnElement[Any] = user.c.seq if shape is None else user.c.seq + 0
    where = _living(shape, is_hiding)
    return columns.where(*where).order_by(order).offset(bindparam("skip")).limit(bindparam("count"))


@lru_cache(maxsize=256)
def counting(shape: search.Shape, is_hiding: bool) -> Select[Any]:
    """The statement that counts all that a slice is of."""
    return select(func.count()).select_from(user).where(*_living(shape, is_hiding))

"""The statements of the repository of hand-overs. It owns what is asked of the database; what is done with
the answers is the repository's. Each is built once: every step of a waiting person runs several.
"""

from sqlalchemy import bindparam, delete, exists, insert, select, update

from connector.application.records import HandOver, HandOverStatus
from connector.store.tables import handover, user

FIELDS = tuple(HandOver.__dataclass_fields__)

_ID = handover.c.id == bindparam("key_id")
_OPEN_OF_USER = (
    handover.c.tenant == bindparam("key_tenant"),
    handover.c.user_id == bindparam("key_user"),
    handover.c.status == HandOverStatus.OPEN,
)
_CODE = handover.c.code == bindparam("key_code")

ADD = insert(handover).values({name: bindparam(name) for name in FIELDS})
SAVE = (
    update(handover)
    .where(
        _ID,
        handover.c.tenant == bindparam("key_tenant"),
        handover.c.user_id == bindparam("key_user"),
    )
    .values({name: bindparam(name) for name in FIELDS})
)
GET = select(handover).where(_ID)
OF_BROWSER = (
    select(handover)
    .where(handover.c.browser == bindparam("key_browser"))
    .order_by(handover.c.opened_at.desc(), handover.c.id)
    .limit(1)
)
OPEN_OF = select(handover).where(*_OPEN_OF_USER, handover.c.closes_at > bindparam("now"))
OF_CODE = select(handover).where(_CODE)
REDEEM = (
    update(handover)
    .where(_ID, _CODE, handover.c.code_until > bindparam("now"))
    .values(code="", code_until=None)
)
STATUSES_ON = (
    select(handover.c.status)
    .where(handover.c.tenant == bindparam("key_tenant"), handover.c.account == bindparam("key_account"))
    .distinct()
)
END = update(handover).where(*_OPEN_OF_USER).values(status=bindparam("ended"), code="", code_until=None)
_LEADS_SOMEWHERE = exists().where(
    user.c.tenant == handover.c.tenant,
    user.c.id == handover.c.user_id,
    user.c.account_id == handover.c.account,
)
FORGET = delete(handover).where(
    handover.c.id.in_(
        select(handover.c.id)
        .where(
            handover.c.status == HandOverStatus.CLOSED,
            handover.c.closes_at < bindparam("before"),
            ~_LEADS_SOMEWHERE,
        )
        .order_by(handover.c.closes_at)
        .limit(bindparam("count"))
    )
)

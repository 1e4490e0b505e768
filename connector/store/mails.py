"""The repository of the record of mails. It owns its rows, and how the newest word of an address is
found.
"""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from connector.application.records import SETTLED, UNDELIVERED, MailAttempt, Outcome
from connector.domain.model import TenantId, UserId
from connector.store.keys import kept, key
from connector.store.tables import mail_attempt

_NAMES = tuple(MailAttempt.__dataclass_fields__)
_COLUMNS = tuple(mail_attempt.c[name] for name in _NAMES)
_LATER = mail_attempt.alias("later")
_BEHIND_THE_MARK = chr(ord("@") + 1)

_is_settled = _LATER.c.outcome.in_(sorted(SETTLED))
_is_undelivered = mail_attempt.c.outcome.in_(sorted(UNDELIVERED))
_is_outdated = exists().where(
    _LATER.c.tenant == mail_attempt.c.tenant,
    _LATER.c.recipient == mail_attempt.c.recipient,
    _is_settled,
    or_(
        _LATER.c.at > mail_attempt.c.at,
        (_LATER.c.at == mail_attempt.c.at) & (_LATER.c.seq > mail_attempt.c.seq),
    ),
)
"""A newer word of the same address is there."""

_ADD = insert(mail_attempt)
_REPLACE_QUEUED = (
    update(mail_attempt)
    .where(
        mail_attempt.c.tenant == bindparam("key_tenant"),
        mail_attempt.c.user_id == bindparam("key_user"),
        mail_attempt.c.template == bindparam("key_template"),
        mail_attempt.c.generation == bindparam("key_generation"),
        mail_attempt.c.outcome == Outcome.QUEUED,
        or_(bindparam("key_message") == "", mail_attempt.c.message_id == bindparam("key_message")),
    )
    .values({name: bindparam(f"new_{name}") for name in ("at", "outcome", "answer")})
)
_HAS_BOUNCED = select(mail_attempt.c.seq).where(
    mail_attempt.c.tenant == bindparam("tenant"),
    mail_attempt.c.user_id == bindparam("user_id"),
    mail_attempt.c.message_id == bindparam("message_id"),
    mail_attempt.c.message_id != "",
    mail_attempt.c.outcome == Outcome.BOUNCED,
)
_NEWEST_WORD = (
    select(mail_attempt.c.outcome)
    .where(
        mail_attempt.c.tenant == bindparam("tenant"),
        mail_attempt.c.recipient == bindparam("recipient"),
        mail_attempt.c.outcome.in_(sorted(SETTLED)),
    )
    .order_by(mail_attempt.c.at.desc(), mail_attempt.c.seq.desc())
    .limit(1)
)


class SqlMailAttempts:
    """:class:`~connector.application.repositories.MailAttempts` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(self, attempt: MailAttempt) -> None:
        """See the port."""
        values = _values(attempt)
        if self._db.execute(_REPLACE_QUEUED, _replacing(attempt, values)).rowcount:
            return
        if not self._db.execute(_HAS_BOUNCED, values).first():
            self._db.execute(_ADD, values)

    def of(self, tenant: TenantId, user: UserId) -> list[MailAttempt]:
        """See the port."""
        return self._found(*_mine(tenant, user))

    def of_message(self, mark: str) -> list[MailAttempt]:
        """See the port."""
        begin = f"<{kept(mark)}"
        message_id = mail_attempt.c.message_id
        return self._found(message_id >= f"{begin}@", message_id < f"{begin}{_BEHIND_THE_MARK}")

    def bounce(self, attempt: MailAttempt, *, answer: str, at: float) -> bool:
        """See the port."""
        statement = update(mail_attempt).where(
            *_mine(attempt.tenant, attempt.user_id),
            mail_attempt.c.message_id == attempt.message_id,
            mail_attempt.c.outcome.not_in(sorted(UNDELIVERED | {Outcome.SKIPPED})),
        )
        newest = {"outcome": Outcome.BOUNCED, "answer": kept(answer), "at": at}
        return self._db.execute(statement.values(newest)).rowcount > 0

    def is_undeliverable(self, tenant: TenantId, recipient: str) -> bool:
        """See the port."""
        values = {"tenant": tenant, "recipient": key(recipient)}
        return bool(recipient) and self._db.execute(_NEWEST_WORD, values).scalar() in UNDELIVERED

    def undeliverable(self, tenant: TenantId) -> list[MailAttempt]:
        """See the port."""
        names_one = mail_attempt.c.recipient != ""
        return self._found(mail_attempt.c.tenant == tenant, _is_undelivered, names_one, ~_is_outdated)

    def forget(self, *, before: float, limit: int) -> int:
        """See the port."""
        is_free = or_(~_is_undelivered, mail_attempt.c.recipient == "", _is_outdated)
        old = select(mail_attempt.c.seq).where(mail_attempt.c.at < before, is_free)
        picked = old.order_by(mail_attempt.c.at).limit(limit)
        return self._db.execute(delete(mail_attempt).where(mail_attempt.c.seq.in_(picked))).rowcount

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """See the port."""
        self._db.execute(delete(mail_attempt).where(*_mine(tenant, user)))

    def _found(self, *conditions: Any) -> list[MailAttempt]:
        rows = self._db.execute(select(*_COLUMNS).where(*conditions).order_by(mail_attempt.c.seq))
        return [MailAttempt(**row) for row in rows.mappings()]


def _values(attempt: MailAttempt) -> dict[str, Any]:
    values = {name: getattr(attempt, name) for name in _NAMES}
    return values | {"answer": kept(attempt.answer), "recipient": key(attempt.recipient)}


def _replacing(attempt: MailAttempt, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "new_at": values["at"],
        "new_outcome": values["outcome"],
        "new_answer": values["answer"],
        "key_tenant": attempt.tenant,
        "key_user": attempt.user_id,
        "key_template": attempt.template,
        "key_generation": attempt.generation,
        "key_message": attempt.message_id,
    }


def _mine(tenant: TenantId, user: UserId) -> tuple[Any, Any]:
    return mail_attempt.c.tenant == tenant, mail_attempt.c.user_id == user

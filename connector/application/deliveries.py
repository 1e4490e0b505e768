"""What the record of mails says of a user's address. It owns which word of it counts; it must not send
anything.
"""

from collections.abc import Iterable, Sequence

from connector.application.records import SETTLED, UNDELIVERED, MailAttempt, OutboxRow, Outcome
from connector.domain.effects import INVITING, SendMail
from connector.domain.model import PortalUser


def invitation_came_back(user: PortalUser, attempts: Iterable[MailAttempt]) -> bool:
    """Whether the newest word of the user's invitation is that its mail failed or bounced, and the address
    is still the one it went to.
    """
    invitation = user.invitation
    if invitation is None or invitation.address.casefold() != user.profile.email.casefold():
        return False
    words = (a for a in attempts if a.generation == invitation.generation and a.template in INVITING)
    newest = max((a for a in words if a.outcome in SETTLED), key=lambda a: a.at, default=None)
    return newest is not None and newest.outcome in UNDELIVERED


def with_queued(attempts: Sequence[MailAttempt], waiting: Iterable[OutboxRow]) -> list[MailAttempt]:
    """The record, and behind it the mails that wait in the outbox and were not tried yet."""
    tried = {_which(attempt) for attempt in attempts if attempt.outcome == Outcome.QUEUED}
    queued = (_queued(row) for row in waiting if row.effect == SendMail.name)
    return [*attempts, *(mail for mail in queued if _which(mail) not in tried)]


def _which(attempt: MailAttempt) -> tuple[str, int]:
    return attempt.template, attempt.generation


def _queued(row: OutboxRow) -> MailAttempt:
    mail = SendMail.parse(row.target)
    return MailAttempt(
        tenant=row.tenant,
        user_id=row.user_id,
        template=mail.template,
        generation=mail.generation,
        at=row.created_at,
        outcome=Outcome.QUEUED,
        answer=row.detail or "",
        message_id="",
    )

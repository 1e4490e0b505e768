"""What an operator does about work that waits: have it tried again, or give it up. It owns that each deed
is one commit with an entry on its user's timeline; it must not perform anything itself.
"""

from dataclasses import dataclass
from functools import partial

from connector.application.parking import try_now
from connector.application.records import Entry, MailAttempt, OutboxRow, Outcome
from connector.application.repeat import repeated
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain import effects as fx
from connector.domain.errors import Invalid, NotFound
from connector.domain.model import state_of

QUARANTINED = "quarantined"
AT_ONCE = 10_000
"""Rows that one call tries again at most; whoever has more calls again."""

_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose deed it is, as the timeline shows it."""

    actor: str
    source: str
    request_id: str


class Quarantine:
    """The deeds of one person."""

    def __init__(self, service: Service, who: Who) -> None:
        self._service = service
        self._who = who

    def retry(self, row: int) -> OutboxRow:
        """Have a waiting or quarantined row tried at once, its failures forgotten; the row as it was.

        :raises NotFound: there is no such row, or nothing to try again.
        """
        return repeated(lambda: self._retry(row))

    def retry_all(self, *, reason: str | None = None, sink: str | None = None) -> int:
        """Have every quarantined row of a reason, of a sink, tried at once; how many they were.

        Rows that were not in quarantine when this began are left alone, so that a row which fails again
        meanwhile does not keep it going.
        """
        with self._service.store.read() as work:
            found = work.outbox.list(state=QUARANTINED, reason=reason, sink=sink, limit=AT_ONCE)
        return sum(repeated(partial(self._release, row.id)) for row in found)

    def skip(self, row: int, because: str) -> OutboxRow:
        """Give a row up for good; the row as it was.

        :raises NotFound: there is no such row, or it is running or finished.
        :raises Invalid: ``because`` is empty, too long, or more than a line.
        """
        text = because.strip()
        if not text or not text.isprintable() or len(text) > _LONGEST_TEXT:
            raise Invalid("because", f"must be one line of at most {_LONGEST_TEXT} characters")
        return repeated(lambda: self._skip(row, text))

    # --- one commit each ---------------------------------------------------------------------------

    def _retry(self, row: int) -> OutboxRow:
        with self._service.store.write() as work:
            found = self._locked(work, row)
            if not work.outbox.make_due(row, now=self._service.clock.now()):
                raise NotFound(f"Row {row} is {found.state}; there is nothing to try again.")
            self._hurry(work, found.sink)
            self._enter(work, found, "outbox_retry", found.reason or "")
        return found

    def _hurry(self, work: UnitOfWork, name: str) -> bool:
        """Whether a sink was away; if so it is tried at once, with what waits for it."""
        sink = work.sinks.get(name)
        if sink is None:
            return False
        try_now(work, sink, now=self._service.clock.now())
        return True

    def hurry(self, sink: str) -> bool:
        """Have a sink that is away tried at once, in place of its next try; whether it was away."""

        def change() -> bool:
            with self._service.store.write() as work:
                return self._hurry(work, sink)

        return repeated(change)

    def _release(self, row: int) -> bool:
        """As ``retry``, of a row that is still in quarantine."""
        with self._service.store.write() as work:
            found = self._locked(work, row)
            if found.state != QUARANTINED or not work.outbox.make_due(row, now=self._service.clock.now()):
                return False
            self._enter(work, found, "outbox_retry", found.reason or "")
        return True

    def _skip(self, row: int, because: str) -> OutboxRow:
        with self._service.store.write() as work:
            found = self._locked(work, row)
            if not work.outbox.skip(row, now=self._service.clock.now()):
                raise NotFound(f"Row {row} is {found.state}; it cannot be skipped.")
            self._enter(work, found, "outbox_skip", because)
            if found.lane is fx.Lane.MAIL:
                work.mails.put(_given_up(found, because, at=self._service.clock.now()))
        return found

    def _locked(self, work: UnitOfWork, row: int) -> OutboxRow:
        """The row as it is while nobody else changes anything for its user."""
        found = work.outbox.get(row)
        if found is None:
            raise NotFound(f"There is no row {row}.")
        work.users.lock(found.tenant, found.user_id)
        return work.outbox.get(row) or found

    def _enter(self, work: UnitOfWork, row: OutboxRow, action: str, reason: str) -> None:
        now = self._service.clock.now()
        state = state_of(work.users.get(row.tenant, row.user_id), now)
        work.timeline.add(
            Entry(
                tenant=row.tenant,
                user_id=row.user_id,
                at=now,
                actor=self._who.actor,
                source=self._who.source,
                request_id=self._who.request_id,
                action=action,
                before=state,
                after=state,
                reason=f"{row.what}: {reason}" if reason else row.what,
            )
        )


def _mail_of(row: OutboxRow) -> fx.SendMail:
    """Which mail a row of the mail lane is; Keycloak's is an invitation like ours."""
    if row.effect == fx.MailInvitation.name:
        return fx.SendMail(template=fx.Template.INVITATION, generation=int(row.target))
    return fx.SendMail.parse(row.target)


def _given_up(row: OutboxRow, because: str, *, at: float) -> MailAttempt:
    """What the record of mails says of one that is given up."""
    mail = _mail_of(row)
    return MailAttempt(
        tenant=row.tenant,
        user_id=row.user_id,
        template=mail.template,
        generation=mail.generation,
        at=at,
        outcome=Outcome.SKIPPED,
        answer=f"given up: {because}",
        message_id="",
    )

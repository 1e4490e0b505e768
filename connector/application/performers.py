"""What each effect does when its row's turn comes: looks at the user as it is by then, and acts. It owns
the table from an effect's name to its deed; it must not know rows' lives (``endings``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from connector.application.account import Accounts
from connector.application.followup import FollowUp
from connector.application.keycloak_post import KeycloakMail, KeycloakPost
from connector.application.post import Letter, Post
from connector.application.records import OutboxRow
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain import commands as c
from connector.domain import effects as fx
from connector.domain.errors import DeliveryUnknown, Exists, Rejected, Unavailable
from connector.domain.model import Actor, ActorKind, PortalUser, State, state_of

_C = TypeVar("_C", bound=c.Command)

CLOCK = Actor(kind=ActorKind.SYSTEM, name="clock")


@dataclass(frozen=True, slots=True)
class Again:
    """Not done yet, and nobody's fault: look again at ``at`` (epoch seconds)."""

    at: float


COPIES = 3
"""So many tries of one mail may end without an answer."""


class Performers:
    """The deeds."""

    def __init__(self, service: Service, accounts: Accounts, post: Post, followup: FollowUp) -> None:
        self._service = service
        self._accounts = accounts
        self._post = post
        self._keycloak_post = KeycloakPost(service, accounts, followup.first_look)
        self._followup = followup
        self._deeds: dict[str, Callable[[OutboxRow], Again | None]] = {
            fx.SyncAccount.name: self._sync_account,
            fx.EndSessions.name: self._end_sessions,
            fx.MailPasswordReset.name: self._mail_password_reset,
            fx.SendMail.name: self._send_mail,
            fx.MailInvitation.name: self._mail_invitation,
            fx.ExpireInvitation.name: self._expire_invitation,
            fx.Remind.name: self._remind,
            fx.PurgeUser.name: self._purge_user,
            fx.CheckHandover.name: self._check_handover,
        }

    def perform(self, row: OutboxRow) -> Again | None:
        """Do what the row asks for.

        :raises OutsideError: the other side did not take it. :raises Rejected: no such effect is known.
        """
        deed = self._deeds.get(row.effect)
        if deed is None:
            raise Rejected("effect", f"{row.effect} is not known to this version of Usher")
        return deed(row)

    def _sync_account(self, row: OutboxRow) -> None:
        """A name that is taken may be that of another user of ours, who is about to give it up, or has by
        now: deleted and made anew, renamed. Only what stays taken when all older rows are done is foreign.
        """
        try:
            self._accounts.sync(row.tenant, row.user_id, is_repeat=row.attempt > 1)
        except Exists as error:
            with self._service.store.read() as work:
                is_behind = work.outbox.is_behind(row)
            if is_behind:
                raise Unavailable(f"{error}; older changes may free it", sink_wide=False) from error
            self._accounts.sync(row.tenant, row.user_id, is_repeat=True)

    def _end_sessions(self, row: OutboxRow) -> None:
        self._accounts.end_sessions(row.tenant, row.user_id)

    def _mail_password_reset(self, row: OutboxRow) -> None:
        self._accounts.mail_password_reset(row.tenant, row.user_id)

    def _send_mail(self, row: OutboxRow) -> None:
        _check_copies(row)
        self._post.send(_letter(row), before_content=lambda work: _expect(work, row))

    def _mail_invitation(self, row: OutboxRow) -> None:
        _check_copies(row)
        asked = KeycloakMail(
            tenant=row.tenant,
            user_id=row.user_id,
            generation=int(row.target),
            request_id=row.request_id,
        )
        self._keycloak_post.send(asked, before_mail=lambda work: _expect(work, row))

    def _expire_invitation(self, row: OutboxRow) -> Again | None:
        now, user = self._now_and_user(row)
        if user is None or user.invitation is None:
            return None
        state = state_of(user, now)
        if state is State.PENDING:
            return Again(user.invitation.expires_at)
        if state is State.EXPIRED and not self._followup.activate_if_done_in_time(
            user, request_id=row.request_id
        ):
            self._service.handle(_by_clock(c.Expire, row))
        return None

    def _remind(self, row: OutboxRow) -> Again | None:
        now, user = self._now_and_user(row)
        reminder = self._service.tenant(row.tenant).policy.reminder
        if user is None or user.invitation is None or reminder is None:
            return None
        if state_of(user, now) is not State.PENDING or user.invitation.generation != int(row.target):
            return None
        due = user.invitation.expires_at - reminder
        if now < due:
            return Again(due)
        if user.invitation.sent_at is not None:
            self._enqueue_reminder(row, user.invitation.generation)
        return None

    def _enqueue_reminder(self, row: OutboxRow, generation: int) -> None:
        """The mail goes out in its own lane: the clock must not wait for a mail server."""
        mail = fx.SendMail(template=fx.Template.REMINDER, generation=generation)
        with self._service.store.write() as work:
            self._service.enqueue(work, row.tenant, row.user_id, mail, request_id=row.request_id)

    def _purge_user(self, row: OutboxRow) -> Again | None:
        now, user = self._now_and_user(row)
        if user is None or user.removed_at is None:
            return None
        due = user.removed_at + self._service.tenant(row.tenant).policy.grace
        if now < due:
            return Again(due)
        self._service.handle(_by_clock(c.Purge, row))
        return None

    def _check_handover(self, row: OutboxRow) -> Again | None:
        at = self._followup.look(row.target, request_id=row.request_id)
        return Again(at) if at is not None else None

    def _now_and_user(self, row: OutboxRow) -> tuple[float, PortalUser | None]:
        with self._service.store.read() as work:
            return self._service.clock.now(), work.users.get(row.tenant, row.user_id)


def _check_copies(row: OutboxRow) -> None:
    """:raises DeliveryUnknown: one more could be one too many."""
    if row.unsure >= COPIES:
        raise DeliveryUnknown(f"{row.unsure} tries ended without an answer of the mail server.")


def _letter(row: OutboxRow) -> Letter:
    mail = fx.SendMail.parse(row.target)
    return Letter(
        tenant=row.tenant,
        user_id=row.user_id,
        template=mail.template,
        generation=mail.generation,
        change=mail.change,
        request_id=row.request_id,
    )


def _expect(work: UnitOfWork, row: OutboxRow) -> None:
    """Count one more copy that may be on its way.

    :raises Unavailable: another worker has the row by now.
    """
    if not work.outbox.expect(row):
        raise Unavailable("Another worker has this mail by now.", sink_wide=False)


def _by_clock(kind: type[_C], row: OutboxRow) -> _C:
    """A command that the clock gives on the user of ``row``."""
    return kind(
        tenant=row.tenant,
        user_id=row.user_id,
        actor=CLOCK,
        source="clock",
        request_id=row.request_id,
    )

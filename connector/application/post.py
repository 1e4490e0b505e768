"""Sends one mail of ours and keeps the record of it. It owns when a mail may still go out and what an
answer means for the record; it must not know templates or SMTP.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connector.application.ports import Links, Mailer, Renderer
from connector.application.records import Mail, MailAttempt, Outcome
from connector.application.repeat import repeated
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.effects import ASKED_FOR, INVITING, Template, moment_of
from connector.domain.errors import MailRefused, Misconfigured, Rejected, Unavailable
from connector.domain.model import Handover, PortalUser, State, TenantId, UserId, state_of
from connector.foundation import metrics

_FITS: dict[Template, frozenset[State]] = {
    **dict.fromkeys(INVITING, frozenset({State.PENDING, State.EXPIRED})),
    Template.ACCESS_ENABLED: frozenset({State.ACTIVE}),
    Template.WELCOME: frozenset({State.ACTIVE}),
    Template.EMAIL_CHANGED_NOTICE: frozenset(State) - {State.ABSENT, State.DELETED},
    Template.INVITATION_EXPIRED_NOTICE: frozenset({State.EXPIRED}),
}
"""In which states a mail still says something true; in others it is skipped. That an address was changed
must be told even if the user was held a moment later.
"""

NOT_WANTED = "no longer wanted"
CAME_BACK = "the last mail to this address failed or came back"
UNANSWERED = "unanswered"
"""In the figures: the answer to a mail got lost."""

_AT_ONCE = 60.0
"""Seconds within which a first mail goes out without its life being counted anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Which mail to whom; ``generation`` of the invitation it belongs to, 0 for none; ``change`` that it
    tells of, 0 for none or (rows of older releases) the newest.
    """

    tenant: TenantId
    user_id: UserId
    template: Template
    generation: int
    request_id: str
    change: int = 0

    @property
    def invites(self) -> bool:
        """Whether the invitation's link is in it."""
        return self.template in INVITING


class Post:
    """Mails of ours."""

    def __init__(self, service: Service, links: Links, renderer: Renderer, mailer: Mailer) -> None:
        self._service = service
        self._links = links
        self._renderer = renderer
        self._mailer = mailer

    def send(self, letter: Letter, *, before_content: Callable[[UnitOfWork], None]) -> None:
        """Send the mail if it is still wanted. A refusal of this recipient ends it, on record; what goes
        out by itself is not sent to an address that the last mail did not reach. ``before_content`` is
        called in the commit that says that the mail may arrive; if it raises, nothing is sent.

        :raises Unavailable: try again. :raises Misconfigured: an operator must act.
        :raises MailRefused: the server will not have this mail, whoever it is for.
        """
        user = self._still_wanted(letter)
        if user is None:
            self._record(letter, None, Outcome.SKIPPED, NOT_WANTED)
            return
        mail = None
        try:
            mail = self._rendered(letter, user)
            if self._is_in_vain(letter, mail):
                self._record(letter, mail, Outcome.SKIPPED, CAME_BACK)
                return
            answer = self._mailer.send(mail, before_content=self._announcing(letter, mail, before_content))
        except Rejected as error:
            if error.field != "recipient":
                raise MailRefused(error.field, error.rule) from error
            self._record(letter, mail, Outcome.FAILED, error.rule)
        except Unavailable as error:
            if error.unsure:
                self._record(letter, mail, Outcome.QUEUED, str(error))
            raise
        else:
            self._record(letter, mail, Outcome.SENT, answer)

    def _rendered(self, letter: Letter, user: PortalUser) -> Mail:
        """:raises Misconfigured: of this tenant or template, so that no other mail has to wait for it."""
        try:
            return self._renderer.render(
                letter.template,
                self._service.tenant(letter.tenant),
                user,
                link=self._link(letter, user),
                request_id=letter.request_id,
                recipient=self._recipient(letter),
            )
        except Misconfigured as error:
            raise Misconfigured(str(error), sink_wide=False) from error

    def _still_wanted(self, letter: Letter) -> PortalUser | None:
        """The user, if this mail still says something true to it. A first invitation lives its whole life
        from the attempt that sends it, however long the mail had to wait.
        """
        now = self._service.clock.now()
        with self._service.store.read() as work:
            user = work.users.get(letter.tenant, letter.user_id)
        if user is None or state_of(user, now) not in _FITS[letter.template]:
            return None
        invitation = user.invitation
        if not letter.invites or invitation is None:
            return user
        if self._service.tenant(letter.tenant).handover is not Handover.BROKER:
            return None
        if invitation.generation != letter.generation or invitation.browser:
            return None
        if invitation.sent_at is not None:
            return user if invitation.is_live(now) else None
        if now < invitation.issued_at + _AT_ONCE:
            return user
        life = self._service.tenant(letter.tenant).policy.invitation_life
        return self._service.extend_invitation(
            letter.tenant, letter.user_id, letter.generation, now + life, request_id=letter.request_id
        )

    def _link(self, letter: Letter, user: PortalUser) -> str | None:
        if not letter.invites or user.invitation is None:
            return None
        return self._links.invitation(user.invitation.id, user.invitation.generation)

    def _recipient(self, letter: Letter) -> str | None:
        """Whom to tell that the address changed: the old one, which only the timeline still knows."""
        if letter.template is not Template.EMAIL_CHANGED_NOTICE:
            return None
        with self._service.store.read() as work:
            entries = work.timeline.of(letter.tenant, letter.user_id)
        moved = [entry for entry in entries if "email" in entry.changes]
        if letter.change:
            moved = [entry for entry in moved if moment_of(entry.at) == letter.change]
        else:
            moved = moved[-1:]
        return str(moved[0].changes["email"][0]) if moved else ""

    def _is_in_vain(self, letter: Letter, mail: Mail) -> bool:
        if letter.template in ASKED_FOR:
            return False
        with self._service.store.read() as work:
            return work.mails.is_undeliverable(letter.tenant, mail.recipient.casefold())

    # --- the record --------------------------------------------------------------------------------

    def _announcing(
        self, letter: Letter, mail: Mail, before_content: Callable[[UnitOfWork], None]
    ) -> Callable[[], None]:
        """What says, in one commit, that the mail may arrive from now on: a report that it came back finds
        it, however soon it comes.
        """

        def announce() -> None:
            with self._service.store.write() as work:
                work.users.lock(letter.tenant, letter.user_id)
                before_content(work)
                self._put(work, letter, mail, Outcome.QUEUED, "")

        return announce

    def _record(self, letter: Letter, mail: Mail | None, outcome: Outcome, answer: str) -> None:
        metrics.mail(letter.template, UNANSWERED if outcome is Outcome.QUEUED else outcome)

        def write_down() -> None:
            with self._service.store.write() as work:
                self._put(work, letter, mail, outcome, answer)
                is_first = letter.invites and letter.template is not Template.REMINDER
                if outcome is Outcome.SENT and is_first:
                    now = self._service.clock.now()
                    work.users.mark_sent(letter.tenant, letter.user_id, letter.generation, now)

        repeated(write_down)  # a mail that went out would go out again

    def _put(
        self, work: UnitOfWork, letter: Letter, mail: Mail | None, outcome: Outcome, answer: str
    ) -> None:
        user = work.users.get(letter.tenant, letter.user_id)
        work.mails.put(
            MailAttempt(
                tenant=letter.tenant,
                user_id=letter.user_id,
                template=letter.template,
                generation=letter.generation,
                at=self._service.clock.now(),
                outcome=outcome,
                answer=answer,
                message_id=mail.message_id if mail else "",
                recipient=_recipient_on_record(letter, mail, user),
            )
        )


def _recipient_on_record(letter: Letter, mail: Mail | None, user: PortalUser | None) -> str:
    """The envelope's address, or what stands in its place and is none. Of a user who was deleted meanwhile
    nothing is kept.
    """
    if user is None or user.removed_at is not None:
        return ""
    if mail is None:
        return user.invitation.address.casefold() if letter.invites and user.invitation else ""
    return mail.recipient.casefold()

"""Sends one mail of ours and keeps the record of it. It owns when a mail may still go out and what an
answer means for the record; it must not know templates or SMTP.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connector.application.ports import Links, Mailer, Renderer
from connector.application.records import Mail, MailAttempt
from connector.application.service import Service
from connector.domain.effects import Template
from connector.domain.errors import MailRefused, Misconfigured, Rejected, Unavailable
from connector.domain.model import PortalUser, State, TenantId, UserId, state_of
from connector.foundation import metrics

_INVITING = {Template.INVITATION, Template.ACTIVATION_RESEND, Template.REMINDER}

_FITS: dict[Template, frozenset[State]] = {
    **dict.fromkeys(_INVITING, frozenset({State.PENDING, State.EXPIRED})),
    Template.ACCESS_ENABLED: frozenset({State.ACTIVE}),
    Template.WELCOME: frozenset({State.ACTIVE}),
    Template.EMAIL_CHANGED_NOTICE: frozenset({State.ACTIVE}),
    Template.INVITATION_EXPIRED_NOTICE: frozenset({State.EXPIRED}),
}
"""In which states a mail still says something true; in others it is skipped."""


_AT_ONCE = 60.0
"""Seconds within which a first mail goes out without its life being counted anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Which mail to whom; ``generation`` of the invitation it belongs to, 0 for none."""

    tenant: TenantId
    user_id: UserId
    template: Template
    generation: int
    request_id: str

    @property
    def invites(self) -> bool:
        """Whether the invitation's link is in it."""
        return self.template in _INVITING


class Post:
    """Mails of ours."""

    def __init__(self, service: Service, links: Links, renderer: Renderer, mailer: Mailer) -> None:
        self._service = service
        self._links = links
        self._renderer = renderer
        self._mailer = mailer

    def send(self, letter: Letter, *, before_content: Callable[[], None] = lambda: None) -> None:
        """Send the mail if it is still wanted. A refusal of this recipient ends it, on record.
        ``before_content`` is the mailer's.

        :raises Unavailable: try again. :raises Misconfigured: an operator must act.
        :raises MailRefused: the server will not have this mail, whoever it is for.
        """
        user = self._still_wanted(letter)
        if user is None:
            self._record(letter, "skipped", "no longer wanted", "")
            return
        message_id = ""
        try:
            mail = self._rendered(letter, user)
            message_id = mail.message_id
            answer = self._mailer.send(mail, before_content=before_content)
        except Rejected as error:
            if error.field != "recipient":
                raise MailRefused(error.field, error.rule) from error
            self._record(letter, "failed", error.rule, message_id)
        except Unavailable as error:
            if error.unsure:
                self._record(letter, "unknown", str(error), message_id)
            raise
        else:
            self._record(letter, "sent", answer, message_id)

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
        if invitation.generation != letter.generation:
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
        return next((str(e.changes["email"][0]) for e in reversed(entries) if "email" in e.changes), "")

    def _record(self, letter: Letter, outcome: str, answer: str, message_id: str) -> None:
        now = self._service.clock.now()
        attempt = MailAttempt(
            tenant=letter.tenant,
            user_id=letter.user_id,
            template=letter.template,
            generation=letter.generation,
            at=now,
            outcome=outcome,
            answer=answer,
            message_id=message_id,
        )
        metrics.mail(letter.template, outcome)
        with self._service.store.write() as work:
            work.mails.add(attempt)
            if outcome == "sent" and letter.invites and letter.template is not Template.REMINDER:
                work.users.mark_sent(letter.tenant, letter.user_id, letter.generation, now)

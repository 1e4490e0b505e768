"""Sends one mail of ours and keeps the record of it. It owns when a mail may still go out and what an
answer means for the record; it must not know templates or SMTP.
"""

from dataclasses import replace

from connector.application.ports import Links, MailAttempt, Mailer, Renderer
from connector.application.service import Service
from connector.domain.effects import Template
from connector.domain.errors import Rejected
from connector.domain.model import Invitation, PortalUser, State, TenantId, UserId, state_of

_INVITING = {Template.INVITATION, Template.ACTIVATION_RESEND, Template.REMINDER}

_FITS: dict[Template, frozenset[State]] = {
    **dict.fromkeys(_INVITING, frozenset({State.PENDING, State.EXPIRED})),
    Template.ACCESS_ENABLED: frozenset({State.ACTIVE}),
    Template.WELCOME: frozenset({State.ACTIVE}),
    Template.EMAIL_CHANGED_NOTICE: frozenset({State.ACTIVE}),
    Template.INVITATION_EXPIRED_NOTICE: frozenset({State.EXPIRED}),
}
"""In which states a mail still says something true; in others it is skipped."""


class Post:
    """Mails of ours."""

    def __init__(self, service: Service, links: Links, renderer: Renderer, mailer: Mailer) -> None:
        self._service = service
        self._links = links
        self._renderer = renderer
        self._mailer = mailer

    def send(
        self, tenant: TenantId, user_id: UserId, template: str, generation: int, *, request_id: str
    ) -> None:
        """Send the mail if it is still wanted. A refusal of this recipient ends it, on record.

        :raises Unavailable: try again. :raises Misconfigured: an operator must act.
        """
        kind = Template(template)
        user = self._wanted(tenant, user_id, kind, generation)
        if user is None:
            self._record(tenant, user_id, kind, generation, "skipped", "no longer wanted", "")
            return
        mail = self._renderer.render(
            kind,
            self._service.tenant(tenant),
            user,
            link=self._link(user, kind),
            request_id=request_id,
        )
        try:
            answer = self._mailer.send(mail)
        except Rejected as error:
            self._record(tenant, user_id, kind, generation, "failed", error.rule, mail.message_id)
            return
        self._record(tenant, user_id, kind, generation, "sent", answer, mail.message_id)

    def _wanted(
        self, tenant: TenantId, user_id: UserId, kind: Template, generation: int
    ) -> PortalUser | None:
        """The user, if this mail still says something true to it. A first invitation lives its whole life
        from the attempt that sends it, however long the mail had to wait.
        """
        now = self._service.clock.now()
        with self._service.store.read() as work:
            user = work.users.get(tenant, user_id)
        if user is None or state_of(user, now) not in _FITS[kind] or not user.profile.email:
            return None
        if kind not in _INVITING:
            return user
        invitation = user.invitation
        if invitation is None or invitation.generation != generation:
            return None
        if invitation.sent_at is not None:
            return user if invitation.is_live(now) else None
        life = self._service.tenant(tenant).policy.invitation_life
        longer: Invitation = replace(invitation, expires_at=max(invitation.expires_at, now + life))
        self._service.extend_invitation(tenant, user_id, generation, longer.expires_at)
        return replace(user, invitation=longer)

    def _link(self, user: PortalUser, kind: Template) -> str | None:
        if kind not in _INVITING or user.invitation is None:
            return None
        return self._links.invitation(user.invitation.id, user.invitation.generation)

    def _record(
        self,
        tenant: TenantId,
        user_id: UserId,
        kind: Template,
        generation: int,
        outcome: str,
        answer: str,
        message_id: str,
    ) -> None:
        now = self._service.clock.now()
        attempt = MailAttempt(
            tenant=tenant,
            user_id=user_id,
            template=kind,
            generation=generation,
            at=now,
            outcome=outcome,
            answer=answer,
            message_id=message_id,
        )
        with self._service.store.write() as work:
            work.mails.add(attempt)
            if outcome == "sent" and kind in _INVITING:
                work.users.mark_sent(tenant, user_id, generation, now)

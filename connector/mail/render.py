"""Makes a mail of a template, a tenant and a user. It owns what each template may say and whom it goes to;
it must not know how mails travel.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from jinja2 import BaseLoader

from connector.application.ports import Clock
from connector.application.records import Mail
from connector.domain.effects import ABOUT_INVITATION, Template
from connector.domain.errors import Misconfigured
from connector.domain.model import PortalUser, Tenant
from connector.foundation.mail_address import Mailbox
from connector.mail.content import MailContents, SignInKindOf, with_password
from connector.mail.dispatch import Dispatch
from connector.mail.envelope import recipient_of, sender_of
from connector.mail.look import Logo, logo_of
from connector.mail.message import Headers, build, content_id, message_id
from connector.mail.templates import OwnTemplates

_TEST = "[Test]"


def _invited_address(user: PortalUser) -> str:
    return user.invitation.address if user.invitation else ""


def _own_address(user: PortalUser) -> str:
    return user.profile.email


def _inviter(user: PortalUser) -> str:
    return user.invitation.inviter if user.invitation else ""


def _unknown(user: PortalUser) -> str:
    """The record holds the new address only; the old one must be given."""
    raise Misconfigured("this mail goes to an address that the user's record does not hold any more")


_RECIPIENTS: Mapping[Template, Callable[[PortalUser], str]] = {
    Template.INVITATION: _invited_address,
    Template.ACTIVATION_RESEND: _invited_address,
    Template.REMINDER: _invited_address,
    Template.ACCESS_ENABLED: _own_address,
    Template.WELCOME: _own_address,
    Template.INVITATION_EXPIRED_NOTICE: _inviter,
    Template.EMAIL_CHANGED_NOTICE: _unknown,
}


class MailRenderer:
    """Renders mails; implements ``ports.Renderer``. ``default_sender`` is the installation's address, None
    if tenants may not use it; ``loader`` finds the templates, by default the shipped ones, ``own`` are the
    tenants'; ``sign_in_kind`` says what the invited will sign in with; ``dispatch`` is how mails leave, by
    default unsigned and from their own sender.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        default_sender: str | None,
        loader: BaseLoader | None = None,
        own: OwnTemplates | None = None,
        sign_in_kind: SignInKindOf = with_password,
        dispatch: Dispatch | None = None,
    ) -> None:
        self._clock = clock
        self._default_sender = default_sender
        self._dispatch = dispatch or Dispatch()
        self._contents = MailContents(loader, own, sign_in_kind)

    def render(
        self,
        template: Template,
        tenant: Tenant,
        user: PortalUser,
        *,
        link: str | None,
        request_id: str,
        recipient: str | None = None,
        is_test: bool = False,
    ) -> Mail:
        """The mail, in the first language of the reader, the tenant, English that the template has. Equal
        arguments give equal mails, save the date. ``is_test`` says so in the subject.

        :raises Misconfigured: the template or the sender does not allow it.
        :raises Rejected: ``field`` ``recipient``: there is no address, or what there is is none.
        """
        to = recipient_of(recipient if recipient is not None else _RECIPIENTS[template](user))
        sender = self._sender(tenant)
        logo = self._logo(tenant, sender)
        content = self._contents.content(template, tenant, user, link=link, logo=logo)
        if is_test:
            content = replace(content, subject=f"{_TEST} {content.subject}")
        headers = Headers(
            sender=sender,
            from_name=tenant.sender.from_name or tenant.name,
            recipient=to,
            reply_to=sender_of(tenant.sender.reply_to) if tenant.sender.reply_to else None,
            message_id=message_id(sender.domain, *_identity(template, user, to, request_id)),
            request_id=request_id,
            at=self._clock.now(),
        )
        return self._dispatch.mail(
            build(headers, content, logo), sender=sender, recipient=to, message_id=headers.message_id
        )

    def _sender(self, tenant: Tenant) -> Mailbox:
        address = tenant.sender.address or self._default_sender
        if not address:
            raise Misconfigured(
                f"tenant '{tenant.id}' has no address to send from: set its sender.address, or mail.from "
                "with mail.allow_default_sender"
            )
        return sender_of(address)

    def _logo(self, tenant: Tenant, sender: Mailbox) -> Logo | None:
        return logo_of(tenant.brand, content_id(tenant.brand.logo or b"", sender.domain))


def _identity(template: Template, user: PortalUser, to: Mailbox, request_id: str) -> tuple[str | int, ...]:
    """What makes two mails the same: the generation of an invitation, else the change that caused them.
    One request may change an address twice; each old one has a mail of its own.
    """
    if user.invitation and template in ABOUT_INVITATION:
        return (user.invitation.id, user.invitation.generation, template)
    about = (user.tenant, user.id, template, request_id)
    return (*about, str(to)) if template is Template.EMAIL_CHANGED_NOTICE else about

"""Makes a mail of a template, a tenant and a user. It owns what each template may say and whom it goes to;
it must not know how mails travel.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape

from babel import Locale
from jinja2 import BaseLoader, FileSystemLoader

from connector.application.ports import Clock
from connector.application.records import Mail
from connector.domain.effects import Template
from connector.domain.errors import Misconfigured
from connector.domain.model import PortalUser, Tenant
from connector.foundation.resources import templates_dir
from connector.mail.address import Mailbox
from connector.mail.dispatch import Dispatch
from connector.mail.envelope import recipient_of, sender_of
from connector.mail.languages import moment, regional, wanted
from connector.mail.look import Logo, logo_of
from connector.mail.message import Headers, build, content_id, message_id
from connector.mail.templates import Content, MailTemplates
from connector.mail.variables import template_variables

_INVITING = frozenset({Template.INVITATION, Template.ACTIVATION_RESEND, Template.REMINDER})
"""These lead to the landing page; without the link in both bodies they would be worth nothing."""

_ABOUT_INVITATION = _INVITING | {Template.INVITATION_EXPIRED_NOTICE}


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
    if tenants may not use it; ``loader`` finds the templates, by default the shipped ones; ``dispatch`` is
    how mails leave, by default unsigned and from their own sender.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        default_sender: str | None,
        loader: BaseLoader | None = None,
        dispatch: Dispatch | None = None,
    ) -> None:
        self._clock = clock
        self._default_sender = default_sender
        self._dispatch = dispatch or Dispatch()
        self._templates = MailTemplates(loader or FileSystemLoader(templates_dir()))

    def render(
        self,
        template: str,
        tenant: Tenant,
        user: PortalUser,
        *,
        link: str | None,
        request_id: str,
        recipient: str | None = None,
    ) -> Mail:
        """The mail, in the first language of the reader, the tenant, English that the template has. Equal
        arguments give equal mails, save the date.

        :raises Misconfigured: the template or the sender does not allow it.
        :raises Rejected: ``field`` ``recipient``: there is no address, or what there is is none.
        """
        kind = _kind(template)
        to = recipient_of(recipient if recipient is not None else _RECIPIENTS[kind](user))
        sender = self._sender(tenant)
        logo = self._logo(tenant, sender)
        content = self._content(kind, tenant, user, link, logo)
        headers = Headers(
            sender=sender,
            from_name=tenant.sender.from_name or tenant.name,
            recipient=to,
            reply_to=sender_of(tenant.sender.reply_to) if tenant.sender.reply_to else None,
            message_id=message_id(sender.domain, *_identity(kind, user, to, request_id)),
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

    def _content(
        self, kind: Template, tenant: Tenant, user: PortalUser, link: str | None, logo: Logo | None
    ) -> Content:
        if link is None and kind in _INVITING:
            raise Misconfigured(f"the mail '{kind}' cannot be made without its link")
        tags = list(wanted(*_preferences(kind, tenant, user)))
        language = self._templates.choose(kind, tags)
        expires_at = self._expiry(tenant, user, regional(language, tags))
        variables = template_variables(
            tenant, user, language=language, link=link, expires_at=expires_at, logo=logo
        )
        content = self._templates.fill(kind, language, variables)
        if kind in _INVITING and not _shows(content, str(link)):
            raise Misconfigured(
                f"the template '{kind}' ({language}) must show invitation.link in text and HTML"
            )
        return content

    def _expiry(self, tenant: Tenant, user: PortalUser, locale: Locale) -> str | None:
        if user.invitation is None:
            return None
        try:
            return moment(user.invitation.expires_at, tenant.time_zone, locale)
        except (LookupError, ValueError):
            zone = tenant.time_zone
            raise Misconfigured(f"tenant '{tenant.id}': there is no time zone '{zone}'") from None


def _kind(template: str) -> Template:
    try:
        return Template(template)
    except ValueError:
        raise Misconfigured(f"there is no mail '{template}'") from None


def _preferences(kind: Template, tenant: Tenant, user: PortalUser) -> Sequence[str]:
    """The reader's language, then the tenant's; of an inviter we know none."""
    if kind is Template.INVITATION_EXPIRED_NOTICE:
        return (tenant.locale,)
    invited_in = user.invitation.locale if user.invitation and kind in _INVITING else ""
    return (invited_in, user.profile.locale, tenant.locale)


def _identity(kind: Template, user: PortalUser, to: Mailbox, request_id: str) -> tuple[str | int, ...]:
    """What makes two mails the same: the generation of an invitation, else the change that caused them.
    One request may change an address twice; each old one has a mail of its own.
    """
    if user.invitation and kind in _ABOUT_INVITATION:
        return (user.invitation.id, user.invitation.generation, kind)
    about = (user.tenant, user.id, kind, request_id)
    return (*about, str(to)) if kind is Template.EMAIL_CHANGED_NOTICE else about


def _shows(content: Content, link: str) -> bool:
    return link in content.text and escape(link) in content.html

"""What a mail says to one reader: the language, the values, and that an invitation is one. It owns what
must be in a mail; it must not know who sends it.
"""

from collections.abc import Callable, Sequence
from html import escape

from babel import Locale
from jinja2 import BaseLoader, FileSystemLoader

from connector.domain.effects import INVITING, Template
from connector.domain.errors import Misconfigured
from connector.domain.mapping import SignInKind
from connector.domain.model import PortalUser, Tenant
from connector.domain.policy import Policy
from connector.foundation.resources import templates_dir
from connector.mail.finished_html import fault_of_html
from connector.mail.languages import Moment, moment, regional, wanted
from connector.mail.look import Logo
from connector.mail.templates import Content, MailTemplates, OwnTemplates
from connector.mail.variables import template_variables

SignInKindOf = Callable[[Policy], SignInKind]
"""What people who are invited under a policy will sign in with."""


def with_password(_policy: Policy) -> SignInKind:
    """The usual one."""
    return SignInKind.PASSWORD


class MailContents:
    """Says mails; ``loader`` finds the templates, by default the shipped ones, ``own`` are the tenants'."""

    def __init__(
        self,
        loader: BaseLoader | None = None,
        own: OwnTemplates | None = None,
        sign_in_kind: SignInKindOf = with_password,
    ) -> None:
        self._sign_in_kind = sign_in_kind
        self._templates = MailTemplates(loader or FileSystemLoader(templates_dir()), own)

    def content(
        self, template: Template, tenant: Tenant, user: PortalUser, *, link: str | None, logo: Logo | None
    ) -> Content:
        """The mail, in the first language of the reader, the tenant, English that the template has.

        :raises Misconfigured: the template does not allow it.
        """
        if link is None and template in INVITING:
            raise Misconfigured(f"the mail '{template}' cannot be made without its link")
        tags = list(wanted(*_preferences(template, tenant, user)))
        version = self._templates.choose(template, tags, tenant=tenant.id)
        expires_at = _expiry(tenant, user, regional(version.language, tags))
        variables = template_variables(
            tenant,
            user,
            language=version.language,
            link=link,
            expires_at=expires_at,
            credential=self._sign_in_kind(tenant.policy),
            logo=logo,
        )
        content = self._templates.fill(version, variables)
        if template in INVITING and not _shows(content, str(link)):
            raise Misconfigured(
                f"the template '{template}' ({version.language}) must show invitation.link in text and HTML"
            )
        if version.is_own and not content.subject:
            raise Misconfigured(f"the template {version.folder}/subject.txt: it is empty for this reader")
        if version.is_own and (fault := fault_of_html(content.html, addresses=_addresses(tenant, link))):
            raise Misconfigured(f"the template {version.folder}/body.html: {fault}")
        return content


def _expiry(tenant: Tenant, user: PortalUser, locale: Locale) -> Moment | None:
    if user.invitation is None:
        return None
    try:
        return moment(user.invitation.expires_at, tenant.time_zone, locale)
    except (LookupError, ValueError):
        zone = tenant.time_zone
        raise Misconfigured(f"tenant '{tenant.id}': there is no time zone '{zone}'") from None


def _preferences(template: Template, tenant: Tenant, user: PortalUser) -> Sequence[str]:
    """The reader's language, then the tenant's; of an inviter we know none."""
    if template is Template.INVITATION_EXPIRED_NOTICE:
        return (tenant.locale,)
    invited_in = user.invitation.locale if user.invitation and template in INVITING else ""
    return (invited_in, user.profile.locale, tenant.locale)


def _addresses(tenant: Tenant, link: str | None) -> frozenset[str]:
    """Where a mail may lead."""
    support = tenant.brand.support
    known = (link, tenant.portal_url, f"mailto:{support}" if support else None)
    return frozenset(address for address in known if address)


def _shows(content: Content, link: str) -> bool:
    return link in content.text and escape(link) in content.html

"""Shows what a mail will look like to somebody who does not exist, with a link that leads nowhere. It owns
the invented person; what it shows is made by the renderer that makes the real mails.
"""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

from connector.application.records import Mail
from connector.domain.effects import INVITING, Template
from connector.domain.model import Invitation, PortalUser, Profile, Tenant, UserId
from connector.mail.render import MailRenderer

DUMMY_LINK = "https://usher.example/invite/0123456789abcdef0123456789abcdef.1.this-link-leads-nowhere"

_ADDRESS = "anna.muster@example.com"
_LOGO = "logo.png"


def preview(
    renderer: MailRenderer,
    template: Template,
    tenant: Tenant,
    locale: str,
    *,
    now: float,
    request_id: str = "preview-0000",
    recipient: str = _ADDRESS,
    is_test: bool = False,
) -> Mail:
    """``template`` in the tenant's brand, for a reader of ``locale``. For somebody's real mailbox give
    their address as ``recipient``, a fresh ``request_id``, so that each is a mail of its own, and
    ``is_test``, for a mark in the subject.

    :raises Misconfigured: the template or the sender does not allow it.
    :raises Rejected: ``recipient`` is no address.
    """
    speaking = speaks(tenant, locale)
    return renderer.render(
        template,
        speaking,
        somebody(speaking, locale, now, invitation=request_id),
        link=DUMMY_LINK if template in INVITING else None,
        request_id=request_id,
        recipient=recipient,
        is_test=is_test,
    )


def opened(mail: Mail) -> dict[str, bytes]:
    """What is in a mail, as the files that its template is made of; the logo beside them."""
    message = message_from_bytes(mail.message, policy=policy.default)
    html = _body(message, "html")
    files: dict[str, bytes] = {}
    for part in message.walk():
        if part.get_content_maintype() == "image":
            files[_LOGO] = part.get_content()
            html = html.replace(f"cid:{part['Content-ID'].strip('<>')}", _LOGO)
    texts = {
        "subject.txt": f"{message['Subject']}\n",
        "body.txt": _body(message, "plain"),
        "body.html": html,
    }
    return {name: text.encode() for name, text in texts.items()} | files


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def speaks(tenant: Tenant, locale: str) -> Tenant:
    """The tenant as if ``locale`` were its own: a notice to an inviter has no other."""
    return replace(tenant, locale=locale)


def somebody(tenant: Tenant, locale: str, now: float, *, invitation: str = "0" * 32) -> PortalUser:
    """A person of whom all is known, invited ``now``."""
    profile = Profile(
        user_name="anna.muster",
        email=_ADDRESS,
        given_name="Anna",
        family_name="Muster",
        display_name="Anna Muster",
        locale=locale,
    )
    return PortalUser(
        tenant=tenant.id,
        id=UserId("preview"),
        profile=profile,
        document={},
        created_at=now,
        modified_at=now,
        invitation=Invitation(
            id=invitation,
            generation=1,
            address=_ADDRESS,
            locale=locale,
            issued_at=now,
            expires_at=now + tenant.policy.invitation_life,
            inviter="jo.doe@example.com",
        ),
    )

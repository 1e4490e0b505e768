"""Shows what a mail will look like to somebody who does not exist, with a link that leads nowhere. It owns
the invented person; what it shows is made by the renderer that makes the real mails.
"""

from connector.application.ports import Renderer
from connector.application.records import Mail
from connector.domain.effects import Template
from connector.domain.model import Invitation, PortalUser, Profile, Tenant, UserId

DUMMY_LINK = "https://usher.example/invite/0123456789abcdef0123456789abcdef.1.this-link-leads-nowhere"
REQUEST_ID = "preview-0000"

_ADDRESS = "anna.muster@example.com"


def preview(renderer: Renderer, template: Template, tenant: Tenant, locale: str, *, now: float) -> Mail:
    """``template`` in the tenant's brand, for a reader of ``locale``.

    :raises Misconfigured: the template or the sender does not allow it.
    """
    return renderer.render(
        template,
        tenant,
        _somebody(tenant, locale, now),
        link=DUMMY_LINK,
        request_id=REQUEST_ID,
        recipient=_ADDRESS,
    )


def _somebody(tenant: Tenant, locale: str, now: float) -> PortalUser:
    profile = Profile(
        user_name="anna.muster",
        email=_ADDRESS,
        given_name="Anna",
        family_name="Muster",
        display_name="Anna Muster",
        locale=locale,
    )
    invitation = Invitation(
        id="0" * 32,
        generation=1,
        address=_ADDRESS,
        locale=locale,
        issued_at=now,
        expires_at=now + tenant.policy.invitation_life,
        inviter="jo.doe@example.com",
    )
    return PortalUser(
        tenant=tenant.id,
        id=UserId("preview"),
        profile=profile,
        document={},
        created_at=now,
        modified_at=now,
        invitation=invitation,
    )

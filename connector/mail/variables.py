"""What mail templates may name, and nothing more. It owns these names and how clean their values are; it
must not know which template uses which.
"""

from typing import Any

from connector.domain.model import PortalUser, Profile, Tenant
from connector.foundation.mail_address import parse
from connector.mail.languages import Moment
from connector.mail.look import BRAND, Logo, brand_variables
from connector.mail.names import clean_name, display_name, inviter_name

SUBJECT_MAY_NAME = frozenset({"tenant", "portal", "brand", "locale"})
"""What people and their inviters are called never stands in a subject, nor does the link."""

VARIABLES = frozenset(
    (
        *("user.given_name", "user.family_name", "user.display_name", "user.email"),
        *("tenant.name", "portal.url", "locale"),
        *("invitation.link", "invitation.expires_at", "invitation.credential", "inviter.display_name"),
        *(f"brand.{name}" for name in BRAND),
    )
)
"""Every name that :func:`template_variables` knows, as templates write it."""


def template_variables(
    tenant: Tenant,
    user: PortalUser,
    *,
    language: str,
    link: str | None,
    expires_at: Moment | None,
    credential: str,
    logo: Logo | None,
) -> dict[str, Any]:
    """The variables of a mail to or about ``user``. One that has no value is missing, so that a template
    which counts on it fails instead of leaving a hole; names alone may be empty.
    """
    invitation = {"link": link, "expires_at": expires_at, "credential": credential}
    inviter = user.invitation.inviter if user.invitation else ""
    return {
        "user": _user(user.profile),
        "tenant": {"name": tenant.name},
        "portal": {"url": tenant.portal_url},
        "invitation": {name: value for name, value in invitation.items() if value is not None},
        "inviter": {"display_name": inviter_name(inviter)},
        "brand": brand_variables(tenant.brand, logo),
        "locale": language,
    }


def _user(profile: Profile) -> dict[str, str]:
    return {
        "given_name": clean_name(profile.given_name),
        "family_name": clean_name(profile.family_name),
        "display_name": display_name(profile),
        "email": _shown_address(profile.email),
    }


def _shown_address(address: str) -> str:
    """``address`` with its domain as the wire has it, so that no look-alike letter passes for another."""
    try:
        return str(parse(address))
    except ValueError:
        return ""

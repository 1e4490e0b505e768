"""What a tenant decides about its users' lives, as typed switches with defaults. It owns the values
and which of them exclude each other; it must not know where they are read from. The presets that
play the products we follow are data: ``mappings/presets/*.yaml``.
"""

from dataclasses import dataclass, field
from enum import StrEnum

HOUR = 3600.0
DAY = 24 * HOUR


class InvitePolicy(StrEnum):
    """When a created user is invited."""

    ON_CREATE = "on_create"
    MANUAL = "manual"
    NEVER = "never"


class LinkUse(StrEnum):
    """What uses an invitation up."""

    COMPLETION = "completion"
    FIRST_PRESS = "first_press"


class EmailVerification(StrEnum):
    """Who proves the mailbox: Keycloak by a mail of its own, or the invitation that was mailed there."""

    KEYCLOAK = "keycloak"
    INVITATION = "invitation"


class View(StrEnum):
    """Whether lists show the five states or three categories."""

    SPLIT = "split"
    MERGED = "merged"


class Reenable(StrEnum):
    """What enabling a user who had access before does."""

    SILENT = "silent"
    NOTIFY = "notify"
    REINVITE = "reinvite"


class DeletePolicy(StrEnum):
    """What deleting leaves behind: a tombstone for the grace period, or a bare one at once."""

    SOFT = "soft"
    FORBIDDEN = "forbidden"
    HARD = "hard"


class EmailChange(StrEnum):
    """When an address may change, and what an active user's new one must go through."""

    VERIFIED = "verified"
    PENDING_ONLY = "pending_only"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sso:
    """Sign-in at the tenant's own identity provider, brokered by Keycloak under ``alias``."""

    alias: str
    link_attribute: str = ""
    welcome_mail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgAdmins:
    """How many administrators one organisation has; ``max`` None means any number."""

    min: int = 0
    max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A tenant's switches; each default is the first value of its row in docs/lifecycle.md.
    Durations are seconds.
    """

    invite: InvitePolicy = InvitePolicy.ON_CREATE
    invitation_life: float = 7 * DAY
    reminder: float | None = 48 * HOUR
    """Seconds before expiry at which to remind; only if the invitation lives longer than 96 hours."""
    link_use: LinkUse = LinkUse.COMPLETION
    self_renew: bool = True
    resend_interval: float = 15 * 60.0
    email_verification: EmailVerification = EmailVerification.KEYCLOAK
    sso: Sso | None = None
    """None: people sign in with credentials of their own at Keycloak."""
    view: View = View.SPLIT
    reenable: Reenable = Reenable.SILENT
    delete: DeletePolicy = DeletePolicy.SOFT
    grace: float = 30 * DAY
    email_change: EmailChange = EmailChange.VERIFIED
    org_admins: OrgAdmins = field(default_factory=OrgAdmins)
    org_admin_can: frozenset[str] = frozenset({"invite", "resend"})
    """Action names; ``all`` in the configuration stands for every action an operator has, less
    granting and revoking the administrator role."""
    admin_reset_password: bool = True
    password_recovery: bool = True
    bulk: frozenset[str] | None = None
    """None: every action may be done to many at once."""
    confirm: frozenset[str] = frozenset({"delete"})
    draft_account: bool = False
    """True: a draft has a disabled account in Keycloak already."""
    console_delete: str = "quarantine"
    email_domains_allow: frozenset[str] | None = None
    email_domains_deny: frozenset[str] = frozenset()

    def allows_domain(self, domain: str) -> bool:
        """Whether addresses of a domain, as mail servers are asked for it, may be used in this tenant. One
        that no server can have, an empty one, may where none is kept out.
        """
        if not domain:
            return self.email_domains_allow is None and not self.email_domains_deny
        allowed = self.email_domains_allow is None or domain in self.email_domains_allow
        return allowed and domain not in self.email_domains_deny

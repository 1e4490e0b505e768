"""The values everything else speaks in: users, invitations, holds, tenants. It owns their shape and
what can be computed from them alone; it must not know a clock, a database or a wire format.

Times are UTC epoch seconds (``float``) everywhere inside Usher; only the edges turn them into text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from connector.domain.policy import Policy

TenantId = NewType("TenantId", str)
UserId = NewType("UserId", str)
AccountId = NewType("AccountId", str)
"""Keycloak's id of an account; its identity for us, never the userName or the e-mail."""


class State(StrEnum):
    """What a portal user is. Computed, never stored; ``ABSENT`` means that there is no record."""

    ABSENT = "absent"
    DRAFT = "draft"
    PENDING = "pending"
    EXPIRED = "expired"
    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class HoldKind(StrEnum):
    """Who keeps a user out. All holds must go before the user gets in."""

    ADMIN = "admin"
    ORG_ADMIN = "org_admin"
    SCIM = "scim"
    HR = "hr"
    KEYCLOAK = "keycloak"
    ENDED = "ended"
    SECURITY = "security"


class InvitationStatus(StrEnum):
    """``SUPERSEDED`` only occurs on generations that are no longer a user's newest."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class Handover(StrEnum):
    """How the invited people of a realm come into Keycloak: through our provider, or by a mail of
    Keycloak's own where the realm may have no other provider.
    """

    BROKER = "broker"
    KEYCLOAK_MAIL = "keycloak_mail"


class ActorKind(StrEnum):
    """P, O, S and U of the action table."""

    OPERATOR = "operator"
    ORG_ADMIN = "org_admin"
    SYSTEM = "system"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. ``name`` is for the timeline: a login, or the connection of a system."""

    kind: ActorKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Hold:
    """One reason to keep a user out; (kind, source) is unique per user. ``hides``: the source deleted
    the user, which the policy forbids, so that source does not see the record any more.
    """

    kind: HoldKind
    source: str
    since: float = field(compare=False)
    hides: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One generation of a user's invitation. ``id`` stays the same over all generations."""

    id: str
    generation: int
    address: str
    locale: str
    issued_at: float
    expires_at: float
    inviter: str
    status: InvitationStatus = InvitationStatus.OPEN
    sent_at: float | None = None
    browser: str = ""
    """What is known of the one browser that a ``first_press`` link opened in; empty before its press."""

    def is_live(self, now: float) -> bool:
        """True while this generation may be accepted, were it the user's newest."""
        return self.status is InvitationStatus.OPEN and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the lifecycle, the account and the mails need of a person; all else a caller sent lives
    in the document only. ``email`` is the primary one, else the first of type work, else the first.
    """

    user_name: str
    email: str = ""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    locale: str = ""
    time_zone: str = ""
    kind: str = ""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    """External id by source; a SCIM connection's is under ``scim``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalUser:
    """One portal user of one tenant. ``document`` is the SCIM document without ``meta``, ``groups``
    and ``active``; ``version`` rises by one at each real change.
    """

    tenant: TenantId
    id: UserId
    profile: Profile
    document: Mapping[str, Any]
    created_at: float
    modified_at: float
    version: int = 1
    holds: frozenset[Hold] = frozenset()
    invitation: Invitation | None = None
    activated_at: float | None = None
    removed_at: float | None = None
    is_admin: bool = False
    account_id: AccountId | None = None


def state_of(user: PortalUser | None, now: float) -> State:
    """The state of ``user`` at ``now``: the first rule that matches answers."""
    if user is None:
        return State.ABSENT
    if user.removed_at is not None:
        return State.DELETED
    if user.holds:
        return State.DISABLED
    if user.activated_at is not None:
        return State.ACTIVE
    invitation = user.invitation
    if invitation is None or invitation.status is not InvitationStatus.OPEN:
        return State.DRAFT
    return State.PENDING if now < invitation.expires_at else State.EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """How a tenant looks. Colours are ``#rrggbb``; ``logo`` is a PNG, already re-encoded by us."""

    primary: str = "#1f4e79"
    accent: str = "#1f4e79"
    support: str = ""
    footer: str = ""
    logo: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whom a tenant's mails come from; ``address`` None means the installation's."""

    address: str | None = None
    from_name: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One organisation with one branded site. ``realm`` is the realm's key in the configuration."""

    id: TenantId
    name: str
    realm: str
    portal_url: str
    handover: Handover = Handover.BROKER
    """The realm's …"""
    portal_client: str = ""
    """… and the portal's client id in it, by which Keycloak's mail leads on to ``portal_url``."""
    locale: str = "en"
    time_zone: str = "UTC"
    policy: Policy = field(default_factory=Policy)
    brand: Brand = field(default_factory=Brand)
    sender: Sender = field(default_factory=Sender)
    can_send: bool = True
    """False when neither the tenant nor the installation has an address to send from."""
    scim_profile: str = "generic"
    scim_switches: Mapping[str, str] = field(default_factory=dict)
    expose_state: bool = False
    discovery_public: bool = False

"""Intents, one class per action a way in may ask for. It owns what each must say; what comes of it is
``lifecycle.decide``'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from connector.domain.model import AccountId, Actor, HoldKind, Profile, TenantId, UserId
from connector.domain.transitions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Asks for one action on one user. ``source`` is the way in (``cli``, ``scim:<connection>``,
    ``clock``, ``link`` …). ``expected_version`` makes the change conditional; ``expected_handover`` too:
    the hand-over with this id must not be over, and its account must be the user's.
    """

    action: ClassVar[Action]

    tenant: TenantId
    user_id: UserId
    actor: Actor
    source: str
    request_id: str
    expected_version: int | None = None
    expected_handover: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Command):
    """A new user; invited in the same commit as the policy says. ``held`` creates it disabled."""

    action = Action.CREATE
    profile: Profile
    document: Mapping[str, Any]
    held: HoldKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Command):
    """Send a draft its first invitation."""

    action = Action.INVITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend(Command):
    """Send a new link; the old one dies."""

    action = Action.RESEND


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetAccess(Command):
    """Give an expired user a new link."""

    action = Action.RESET_ACCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeInvitation(Command):
    """Withdraw the invitation."""

    action = Action.REVOKE_INVITATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """The person finished the hand-over of ``generation``."""

    action = Action.ACCEPT
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activate(Command):
    """The account was seen complete at Keycloak."""

    action = Action.ACTIVATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(Command):
    """The clock says that the invitation's time is over."""

    action = Action.EXPIRE


@dataclass(frozen=True, slots=True, kw_only=True)
class Disable(Command):
    """Take an active user's access away."""

    action = Action.DISABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Enable(Command):
    """Lift what the actor may lift."""

    action = Action.ENABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class PutHold(Command):
    """Keep a user out, in any state, until the same hold is released. ``hides``: and show the record
    to this source no more, as if it were deleted.
    """

    action = Action.HOLD
    kind: HoldKind
    hides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Command):
    """Lift one hold. ``hold_source`` None means the command's own source."""

    action = Action.RELEASE
    kind: HoldKind
    hold_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Command):
    """Have Keycloak mail a password reset."""

    action = Action.RESET_PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Command):
    """The user's new profile and document, whole. A change of address follows its own rules."""

    action = Action.EDIT
    profile: Profile
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantAdmin(Command):
    """Make the user an administrator of its organisation."""

    action = Action.GRANT_ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeAdmin(Command):
    """Take the administrator role away."""

    action = Action.REVOKE_ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Command):
    """Remove the user, as the policy says."""

    action = Action.DELETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(Command):
    """Bring a deleted user back; a new invitation is needed."""

    action = Action.RESTORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge(Command):
    """Forget a deleted user's personal data."""

    action = Action.PURGE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLost(Command):
    """The account is gone from Keycloak and the policy wants a draft of it."""

    action = Action.ACCOUNT_LOST
    account_id: AccountId

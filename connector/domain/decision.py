"""What a decision rests on and what it comes to, as values. It owns their shape; the rules that fill them
are in the modules beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connector.domain import effects as fx
from connector.domain.model import (
    PortalUser,
    State,
    Tenant,
)
from connector.domain.policy import Policy
from connector.domain.transitions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision may rest on besides the user: all of it given, none of it looked up."""

    tenant: Tenant
    now: float
    invitation_id: str
    """A fresh random id, used if this decision makes the user's first invitation."""
    mail_domain: Callable[[str], str]
    """The domain of an address as mail servers are asked for it, so that no other spelling of it passes."""
    other_admins: int = 0
    """Administrators of the tenant besides this user who are not deleted …"""
    other_active_admins: int = 0
    """… and those of them who are active."""
    is_undeliverable: bool = False
    """The newest word of the user's invitation is that its mail failed or bounced."""

    @property
    def policy(self) -> Policy:
        """The tenant's policy."""
        return self.tenant.policy

    def allows_address(self, address: str) -> bool:
        """Whether an address may be used in this tenant; an empty one may."""
        return not address or self.policy.allows_domain(self.mail_domain(address))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What comes of a command. ``reason`` says why less was done than could be expected; ``erase``
    asks the store to forget the person's data, the timeline's included.
    """

    action: Action
    before: State
    after: State
    user: PortalUser
    effects: tuple[fx.Effect, ...] = ()
    reason: str = ""
    erase: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A rule's answer; the fields are those of :class:`Decision`."""

    user: PortalUser
    effects: tuple[fx.Effect, ...] = ()
    reason: str = ""
    erase: bool = False

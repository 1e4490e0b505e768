"""What a mailed link is worth at this moment. It owns the reading of an opened token against the stored
user and hand-over; it must not write, and must not know pages.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from connector.application.ports import Tenants
from connector.application.records import HandOver
from connector.application.repositories import UnitOfWork
from connector.domain.model import Handover, Invitation, PortalUser, State, Tenant, state_of
from connector.domain.policy import LinkUse


class Standing(StrEnum):
    """The states of a genuine link; a forged or unknown one has none."""

    VALID = "valid"
    ELSEWHERE = "elsewhere"
    """Valid, but begun in another browser."""
    TAKEN = "taken"
    """Works once, and was used up in another browser."""
    EXPIRED = "expired"
    USED = "used"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


_BY_STATE: dict[State, Standing] = {
    State.DRAFT: Standing.WITHDRAWN,
    State.PENDING: Standing.VALID,
    State.EXPIRED: Standing.EXPIRED,
    State.ACTIVE: Standing.USED,
    State.DISABLED: Standing.WITHDRAWN,
    State.DELETED: Standing.WITHDRAWN,
}
"""What the newest generation's link is worth; the same of an older one, save that nothing valid is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A genuine link: whose, and how it stands."""

    standing: Standing
    tenant: Tenant
    user: PortalUser
    invitation: Invitation
    generation: int

    @property
    def may_begin(self) -> bool:
        """Whether the button is there."""
        return self.standing in {Standing.VALID, Standing.ELSEWHERE}

    @property
    def asks_address(self) -> bool:
        """Whether the press must bring the invited address: the first one of a link that works once."""
        works_once = self.tenant.policy.link_use is LinkUse.FIRST_PRESS
        return works_once and not self.invitation.browser


def look(
    work: UnitOfWork, tenants: Tenants, opened: tuple[str, int], *, browser: str, now: float
) -> Invited | None:
    """How the link of an opened token stands for ``browser`` (a digest, or empty); None if there is no
    such invitation.
    """
    invitation_id, generation = opened
    user = work.users.by_invitation(invitation_id)
    tenant = tenants.get(user.tenant) if user else None
    if user is None or tenant is None or user.invitation is None:
        return None
    if tenant.handover is not Handover.BROKER:
        return None  # what Keycloak mails is none of our links
    standing = _BY_STATE[state_of(user, now)]
    if standing is Standing.VALID:
        standing = _of_pending(work, user, generation, browser, now)
    return Invited(
        standing=standing,
        tenant=tenant,
        user=user,
        invitation=user.invitation,
        generation=generation,
    )


def is_live(user: PortalUser | None, generation: int, now: float) -> bool:
    """Whether this generation may be accepted: newest, open, unexpired, of a user without holds (I4)."""
    if user is None or user.invitation is None:
        return False
    return state_of(user, now) is State.PENDING and user.invitation.generation == generation


def browser_of(cookie: str) -> str:
    """What is stored of a browser's cookie, empty for none."""
    return sha256(cookie.encode()).hexdigest() if cookie else ""


def is_of_browser(handover: HandOver, browser: str) -> bool:
    """Whether a hand-over was begun in the browser with this digest."""
    return compare_digest(handover.browser, browser)


def may_press(invitation: Invitation | None, browser: str) -> bool:
    """Whether ``browser`` may begin: anywhere, unless the link is used up elsewhere."""
    return invitation is None or not invitation.browser or compare_digest(invitation.browser, browser)


def user_of(work: UnitOfWork, handover: HandOver) -> PortalUser | None:
    """The user of a hand-over."""
    return work.users.get(handover.tenant, handover.user_id)


def _of_pending(work: UnitOfWork, user: PortalUser, generation: int, browser: str, now: float) -> Standing:
    if not is_live(user, generation, now):
        return Standing.SUPERSEDED
    if user.invitation and user.invitation.browser:
        return Standing.VALID if may_press(user.invitation, browser) else Standing.TAKEN
    begun = work.handovers.open_of(user.tenant, user.id, now=now)
    if begun is None or not begun.sub or begun.generation != generation:
        return Standing.VALID
    return Standing.VALID if is_of_browser(begun, browser) else Standing.ELSEWHERE

"""Every error Usher raises on purpose. It owns what an error means and what to do about it; how one is
shown (HTTP status, SCIM type, exit code) is each way in's own table.

::

    UsherError
    ├── Refused          the asker sees it: the lifecycle says no; never retried
    ├── NotFound         the asker sees it; another tenant's id gets the very same
    ├── Invalid          the asker sees it: a value breaks a rule we name
    ├── Taken            the asker sees it: an identifier belongs to somebody else
    ├── VersionConflict  the service repeats: somebody else changed the record meanwhile
    ├── ConfigError      the operator sees it (foundation/faults.py): every fault with its place
    ├── Busy             the asker may come again: the database is locked or gone
    └── OutsideError     the worker sees it: what a call to Keycloak or SMTP came to
        ├── Unavailable      retried with backoff; never a person's fault
        ├── Misconfigured    retried; an operator must act; rows wait unblamed
        ├── Rejected         quarantined: the other side will never take this value
        │   └── MailRefused      quarantined: the mail server will never take this mail
        ├── Forbidden        quarantined: our account lacks the right for this one
        ├── Gone             the account is not there
        ├── Exists           another account has the userName or e-mail
        ├── Linked           the account already has a link to our provider
        ├── DeliveryUnknown  quarantined: too many copies of a mail may have arrived already
        └── Conflict         read, merge and try once more, then quarantined
"""

from enum import StrEnum

from connector.domain.model import State


class Refusal(StrEnum):
    """Why the lifecycle says no. Each has a sentence in :data:`HINTS`."""

    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    EXISTS = "exists"
    GONE = "gone"
    INVITED = "invited"
    UNINVITED = "uninvited"
    IS_ACTIVE = "is_active"
    IS_DISABLED = "is_disabled"
    NOT_ACTIVE = "not_active"
    NOT_DISABLED = "not_disabled"
    NOT_DELETED = "not_deleted"
    NOT_EXPIRED = "not_expired"
    NOT_DUE = "not_due"
    REVOKE_INSTEAD = "revoke_instead"
    LINK_DEAD = "link_dead"
    LINK_EXPIRED = "link_expired"
    LINK_USED = "link_used"
    SSO_MANAGED = "sso_managed"
    INVITE_OFF = "invite_off"
    RESET_OFF = "reset_off"
    DELETE_FORBIDDEN = "delete_forbidden"
    EMAIL_IMMUTABLE = "email_immutable"
    DOMAIN_REFUSED = "domain_refused"
    MAILBOX_MISSING = "mailbox_missing"
    NO_ADDRESS = "no_address"
    LAST_ADMIN = "last_admin"
    TOO_MANY_ADMINS = "too_many_admins"
    HELD_BY_OTHER = "held_by_other"
    TOO_SOON = "too_soon"
    UNDELIVERABLE = "undeliverable"


HINTS: dict[Refusal, str] = {
    Refusal.NOT_FOUND: "There is no such user here. Check the id, or list the users.",
    Refusal.NOT_PERMITTED: "You may not do this. Ask an operator.",
    Refusal.EXISTS: "This user exists already. Edit it instead.",
    Refusal.GONE: "This user was deleted. Create it anew, or restore it within the grace period.",
    Refusal.INVITED: "This user is invited already. Resend the invitation instead.",
    Refusal.UNINVITED: "This user was never invited. Invite first.",
    Refusal.IS_ACTIVE: "This user is active already; there is nothing to invite to.",
    Refusal.IS_DISABLED: "This user is disabled. Enable first.",
    Refusal.NOT_ACTIVE: "This works for active users only. Wait until the invitation is accepted.",
    Refusal.NOT_DISABLED: "This user is not disabled; there is nothing to enable.",
    Refusal.NOT_DELETED: "This user is not deleted; there is nothing to bring back or to purge.",
    Refusal.NOT_EXPIRED: "The invitation is still good. Resend it instead.",
    Refusal.NOT_DUE: "There is no invitation that could expire now.",
    Refusal.REVOKE_INSTEAD: "This user has no access yet. Revoke the invitation instead.",
    Refusal.LINK_DEAD: "This link leads nowhere any more. Ask for a new invitation.",
    Refusal.LINK_EXPIRED: "This link has expired. Ask for a new invitation.",
    Refusal.LINK_USED: "This link was used. Sign in at the portal.",
    Refusal.SSO_MANAGED: "People of this tenant sign in at their own identity provider.",
    Refusal.INVITE_OFF: "This tenant's policy sends no invitations.",
    Refusal.RESET_OFF: "This tenant's policy does not let administrators reset passwords.",
    Refusal.DELETE_FORBIDDEN: "This tenant's policy forbids deleting. Disable instead.",
    Refusal.EMAIL_IMMUTABLE: "This tenant's policy does not let the address change now.",
    Refusal.DOMAIN_REFUSED: "Addresses of this domain are not allowed in this tenant.",
    Refusal.MAILBOX_MISSING: "There is no sender to mail from. Set the tenant's sender first.",
    Refusal.NO_ADDRESS: "This user has no e-mail address. Add one first.",
    Refusal.LAST_ADMIN: "This would leave too few administrators. Grant the role to another first.",
    Refusal.TOO_MANY_ADMINS: "There are as many administrators as the policy allows.",
    Refusal.HELD_BY_OTHER: "Somebody else keeps this user out. Ask the owner of the hold.",
    Refusal.TOO_SOON: "The last invitation is too fresh for another. Wait, or revoke it and invite anew.",
    Refusal.UNDELIVERABLE: "The last invitation to this address came back. Change it, or invite by hand.",
}


class UsherError(Exception):
    """The root; never raised itself."""


class Refused(UsherError):
    """The lifecycle says no. ``owners`` names the holds' owners with ``held_by_other``."""

    def __init__(self, reason: Refusal, state: State, *, owners: tuple[str, ...] = ()) -> None:
        super().__init__(f"{reason}: {HINTS[reason]}")
        self.reason = reason
        self.state = state
        self.owners = owners

    @property
    def hint(self) -> str:
        """The sentence that says what to do instead."""
        return HINTS[self.reason]


class NotFound(UsherError):
    """No such thing in this tenant; the text never tells whether another tenant has it."""


class Invalid(UsherError):
    """A value breaks a rule. ``attribute`` names it, ``rule`` says what is wanted; no value is shown."""

    def __init__(self, attribute: str, rule: str) -> None:
        super().__init__(f"'{attribute}' {rule}")
        self.attribute = attribute
        self.rule = rule


class Taken(UsherError):
    """The identifier belongs to another living user. ``attribute`` is ``userName`` or ``emails``."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"'{attribute}' is already in use")
        self.attribute = attribute


class VersionConflict(UsherError):
    """The record's version is not the expected one."""


class Busy(UsherError):
    """The database did not take the change, or could not say that it did. ``transient``: nothing was
    written, and the same may go through if it is tried again at once.
    """

    def __init__(self, text: str, *, transient: bool = False) -> None:
        super().__init__(text)
        self.transient = transient


class OutsideError(UsherError):
    """A call outside did not end well. ``reason`` is a word of a closed list, for the outbox."""

    reason = "failed"


class Unavailable(OutsideError):
    """Not reachable or not well; ``retry_after`` seconds if the other side said so. ``sink_wide``: others
    would meet the same now; ``unsure``: what was asked for may have been done all the same.
    """

    reason = "unavailable"

    def __init__(
        self,
        text: str,
        *,
        retry_after: float | None = None,
        sink_wide: bool = True,
        unsure: bool = False,
    ) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.sink_wide = sink_wide
        self.unsure = unsure


class Misconfigured(OutsideError):
    """Our settings or the other side's do not fit; trying again helps only after somebody acted.
    ``sink_wide``: nobody else's turn would end better.
    """

    reason = "misconfigured"

    def __init__(self, text: str, *, sink_wide: bool = True) -> None:
        super().__init__(text)
        self.sink_wide = sink_wide


class Rejected(OutsideError):
    """A value is refused for good; ``field`` and ``rule`` as the other side named them."""

    reason = "rejected"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field or 'request'}: {rule}")
        self.field = field
        self.rule = rule


class MailRefused(Rejected):
    """The mail server refuses this mail, whoever it is for."""

    reason = "mail_refused"


class Forbidden(OutsideError):
    """Our account may not touch this one."""

    reason = "forbidden"


class Gone(OutsideError):
    """The account is not there (404 and ``User not found``, nothing less)."""

    reason = "account_missing"


class Exists(OutsideError):
    """Another account has this userName or e-mail, and it is not ours."""

    reason = "account_exists"


class Linked(OutsideError):
    """The account already has a link to our provider."""

    reason = "linked"


class Conflict(OutsideError):
    """The other side saw a contradiction."""

    reason = "conflict"


class DeliveryUnknown(OutsideError):
    """So many tries to send a mail ended without an answer that one more could be one too many."""

    reason = "delivery_unknown"


GAVE_UP, REFUSED = "gave_up", "refused"
"""Why a row waits that failed for too long, and one that the lifecycle no longer allows."""


def reasons() -> frozenset[str]:
    """The closed list of why a row of the outbox waits."""
    found, kinds = {GAVE_UP, REFUSED}, [OutsideError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found.add(kind.reason)
    return frozenset(found - {OutsideError.reason})

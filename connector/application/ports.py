"""What Usher needs from the world, in its own words. Each protocol's docstring is its contract, which one
class in ``tests/contract`` holds every implementation to. It owns shapes only; no adapter is named here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from connector.application.records import (
    Entry,
    HandOver,
    Mail,
    MailAttempt,
    OutboxRow,
    ReadyDocument,
    Token,
)
from connector.domain.account import Account, Credential, DesiredAccount
from connector.domain.document import Index
from connector.domain.effects import Effect, Lane
from connector.domain.model import AccountId, PortalUser, Tenant, TenantId, UserId
from connector.domain.query import Page, Query

# --- time, ids, tenants --------------------------------------------------------------------------


class Clock(Protocol):
    """The time."""

    def now(self) -> float:
        """UTC epoch seconds."""
        ...


class Ids(Protocol):
    """Randomness from the operating system's generator."""

    def user_id(self) -> UserId:
        """A new UUID, as text."""
        ...

    def token(self, bits: int) -> str:
        """``bits`` of randomness as lower-case hex."""
        ...


class Tenants(Protocol):
    """The tenants of the configuration."""

    def get(self, tenant: TenantId) -> Tenant | None:
        """The tenant, or None."""
        ...

    def all(self) -> Sequence[Tenant]:
        """Every tenant, by id."""
        ...


# --- the database --------------------------------------------------------------------------------


class Users(Protocol):
    """Portal users. Every call names the tenant and never sees another's rows, save the look-ups by
    realm or by invitation, which answer for all tenants because their askers know none yet.
    What is returned is a copy. Users that were removed are found by ``get``, ``removed``,
    ``by_invitation`` and ``by_account`` alone.
    """

    def get(self, tenant: TenantId, user: UserId) -> PortalUser | None:
        """One user, removed or not. In a writing unit of work the row is locked."""
        ...

    def add(self, user: PortalUser, index: Index) -> None:
        """:raises Taken: userName in the tenant, or userName or e-mail in the realm, is in use."""
        ...

    def save(self, user: PortalUser, index: Index) -> None:
        """Replace the stored user. Older open generations of its invitation become superseded.

        :raises Taken: as ``add``.
        """
        ...

    def set_account(self, tenant: TenantId, user: UserId, account: AccountId | None) -> None:
        """Remember which account is the user's; no new version."""
        ...

    def mark_sent(self, tenant: TenantId, user: UserId, generation: int, at: float) -> None:
        """Remember that the mail of this generation went out; no new version."""
        ...

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """Forget the address, the language and the inviter of every generation of the invitation; the
        links stay known.
        """
        ...

    def by_invitation(self, invitation: str) -> PortalUser | None:
        """The user of an invitation id, whatever the tenant."""
        ...

    def by_account(self, realm: str, account: AccountId) -> PortalUser | None:
        """The user of an account, whatever the tenant."""
        ...

    def removed(self, tenant: TenantId, user_name: str) -> PortalUser | None:
        """The user of this name that was removed last and is not forgotten yet."""
        ...

    def find(self, tenant: TenantId, query: Query) -> Page[PortalUser]:
        """The living users that match, in order of creation."""
        ...

    def document(self, tenant: TenantId, user: UserId, *, hidden_from: str = "") -> ReadyDocument | None:
        """One living user's document; None also if a hold hides it from the source ``hidden_from``."""
        ...

    def documents(self, tenant: TenantId, query: Query, *, hidden_from: str = "") -> Page[ReadyDocument]:
        """As ``find`` and ``document``."""
        ...

    def hidden(self, tenant: TenantId, source: str, user_name: str, external_id: str) -> UserId | None:
        """The living user that a hold hides from ``source`` and that has this userName or external id."""
        ...

    def admins(self, tenant: TenantId, *, other_than: UserId) -> tuple[int, int]:
        """(administrators not deleted, active ones among them) besides one user."""
        ...


class Outbox(Protocol):
    """What must still happen outside. One open row per (subject, effect, target); rows of one subject
    run in the order they were enqueued, mail after account, the clock's on their own. Urgent rows wait
    only for what runs and for urgent ones that are not quarantined; a mail not for one that is not due.
    """

    def enqueue(
        self,
        tenant: TenantId,
        user: UserId,
        effect: Effect,
        *,
        sink: str,
        request_id: str,
        now: float,
    ) -> None:
        """Add the row, or make the open one run (again). Call after the user's own row was written."""
        ...

    def has_due(self, lane: Lane, *, now: float) -> bool:
        """Whether a claim might find something; a look that locks nothing."""
        ...

    def claim(self, lane: Lane, prio: int, count: int, *, lease: float, now: float) -> list[OutboxRow]:
        """Take due heads of their subjects for ``lease`` seconds."""
        ...

    def take(
        self, tenant: TenantId, user: UserId, effect: str, target: str, *, lease: float, now: float
    ) -> OutboxRow | None:
        """Take one named open row, due or not, if it is its subject's head and nobody runs it."""
        ...

    def acknowledge(self, rows: Iterable[tuple[int, int]], *, now: float) -> set[int]:
        """Finish (id, attempt) rows; those wanted anew meanwhile become ready. Ids missing from the
        answer were lost to another worker.
        """
        ...

    def retry(self, row: OutboxRow, *, at: float, reason: str, detail: str, now: float) -> bool:
        """Put back after a failure; False if the row was lost."""
        ...

    def postpone(self, row: OutboxRow, *, at: float, now: float) -> bool:
        """Put back without blame, to be looked at again at ``at``; False if the row was lost."""
        ...

    def quarantine(self, row: OutboxRow, *, reason: str, detail: str, now: float) -> bool:
        """Stop trying until somebody acts; False if the row was lost."""
        ...

    def renew(self, row: OutboxRow, *, now: float) -> None:
        """Enqueue a row anew that was lost to another worker: what we wrote may be older than its work."""
        ...

    def extend(self, rows: Iterable[tuple[int, int]], *, until: float) -> None:
        """Heartbeat: move the end of running rows' leases."""
        ...

    def release_all(self, *, now: float) -> int:
        """Make every running row due at once; only for the one worker of a SQLite database, at start."""
        ...

    def is_behind(self, row: OutboxRow) -> bool:
        """Whether older rows of the same effect and sink, of whatever user, are still to be done."""
        ...

    def open_rows(self, tenant: TenantId, user: UserId) -> list[OutboxRow]:
        """A user's unfinished rows, oldest first."""
        ...

    def list(self, *, state: str | None = None, limit: int = 100) -> list[OutboxRow]:
        """Unfinished rows of every tenant, oldest first."""
        ...

    def get(self, row: int) -> OutboxRow | None:
        """One row, finished or not."""
        ...

    def make_due(self, row: int, *, now: float) -> bool:
        """Try a waiting or quarantined row at once, its failures forgotten; False if it is not open."""
        ...

    def skip(self, row: int, *, now: float) -> bool:
        """Give a row up; False if it is running or not open."""
        ...


class Timeline(Protocol):
    """What happened to each user; append-only, no link and no secret in it."""

    def add(self, entry: Entry) -> None:
        """Append."""
        ...

    def of(self, tenant: TenantId, user: UserId) -> list[Entry]:
        """A user's entries, oldest first."""
        ...

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """Forget the values in a user's entries; that something happened stays."""
        ...


class Tokens(Protocol):
    """Bearer tokens, looked up only within the tenant of the URL."""

    def add(self, token: Token) -> None:
        """Store a new one."""
        ...

    def by_digest(self, tenant: TenantId, digest: str) -> Token | None:
        """The tenant's token of this SHA-256 (hex), live or not."""
        ...

    def list(self, tenant: TenantId | None = None) -> list[Token]:
        """All, newest first."""
        ...

    def revoke(self, tenant: TenantId, token: str, *, now: float) -> bool:
        """False if there is no such token."""
        ...

    def used(self, tenant: TenantId, token: str, *, at: float) -> None:
        """Remember the last use."""
        ...


class HandOvers(Protocol):
    """Hand-overs; at most one open per user."""

    def add(self, handover: HandOver) -> None:
        """Open one; every other open one of the user is closed in the same statement's transaction."""
        ...

    def save(self, handover: HandOver) -> None:
        """Replace the stored one."""
        ...

    def get(self, handover: str) -> HandOver | None:
        """By id."""
        ...

    def of_browser(self, browser: str) -> HandOver | None:
        """The newest of this browser (SHA-256 of its cookie), whatever its status."""
        ...

    def open_of(self, tenant: TenantId, user: UserId, *, now: float) -> HandOver | None:
        """The user's open one."""
        ...

    def redeem(self, code: str, *, now: float) -> HandOver | None:
        """Use a code (SHA-256, hex) up: its hand-over as it was, once, within the code's life."""
        ...

    def unfinished_on(self, account: AccountId) -> bool:
        """Whether a hand-over on this account was begun and not completed: its password page at
        Keycloak may still be open somewhere.
        """
        ...

    def withdrawn_on(self, account: AccountId) -> bool:
        """As ``unfinished_on``, and its invitation was revoked since, though another may be open by now."""
        ...

    def complete(self, tenant: TenantId, user: UserId) -> int:
        """Mark the user's open ones as come to their end; how many there were."""
        ...

    def close_all(self, tenant: TenantId, user: UserId) -> int:
        """Close the user's open ones; how many there were."""
        ...


class MailAttempts(Protocol):
    """The record of mails; never a link in it."""

    def add(self, attempt: MailAttempt) -> None:
        """Append."""
        ...

    def of(self, tenant: TenantId, user: UserId) -> list[MailAttempt]:
        """A user's, oldest first."""
        ...

    def erase(self, tenant: TenantId, user: UserId) -> None:
        """Forget a user's."""
        ...


class UnitOfWork(Protocol):
    """One transaction's view of the database."""

    @property
    def users(self) -> Users:
        """Portal users."""
        ...

    @property
    def outbox(self) -> Outbox:
        """What must still happen outside."""
        ...

    @property
    def timeline(self) -> Timeline:
        """What happened."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Bearer tokens."""
        ...

    @property
    def handovers(self) -> HandOvers:
        """People on the way through Keycloak."""
        ...

    @property
    def mails(self) -> MailAttempts:
        """The record of mails."""
        ...


class Store(Protocol):
    """The database. No unit of work may be open during a call to the outside."""

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """A transaction; commits when the block ends, rolls back when it raises. Durable on return.

        :raises Busy: the database did not give the lock in time.
        """
        ...

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """A consistent snapshot; writing through it raises."""
        ...


# --- outside -------------------------------------------------------------------------------------


class IdentityProvider(Protocol):
    """One realm of Keycloak, as the lifecycle needs it. Every call may raise the ``OutsideError`` tree;
    each is repeatable. Accounts are named by their id alone.
    """

    def find(self, usher_id: str) -> Account | None:
        """Our account of ``<tenant>:<user id>``, compared exactly."""
        ...

    def get(self, account: AccountId) -> Account:
        """:raises Gone: it is not there."""
        ...

    def create(self, desired: DesiredAccount) -> AccountId:
        """Make it in one call.

        :raises Exists: userName or e-mail is another account's. If a reply was lost, that may be ours.
        """
        ...

    def update(self, account: Account, desired: DesiredAccount) -> bool:
        """Write what differs; whether anything did.

        :raises Gone: it is not there.
        """
        ...

    def delete(self, account: AccountId) -> None:
        """Remove it; fine if it is gone."""
        ...

    def end_sessions(self, account: AccountId) -> None:
        """End sessions and offline tokens (logout, then each consent); fine if the account is gone."""
        ...

    def credentials(self, account: AccountId) -> Sequence[Credential]:
        """:raises Gone: it is not there."""
        ...

    def remove_credential(self, account: AccountId, credential: str) -> None:
        """Fine if it is gone."""
        ...

    def link(self, account: AccountId, sub: str, name: str) -> None:
        """Tie the account to subject ``sub`` of our provider.

        :raises Linked: it already has a link.
        """
        ...

    def linked_sub(self, account: AccountId) -> str | None:
        """The subject it is tied to."""
        ...

    def unlink(self, account: AccountId) -> None:
        """Untie it; fine if it is not tied or gone."""
        ...

    def linked_accounts(self) -> Iterator[AccountId]:
        """Every account with a live link to our provider."""
        ...

    def mail_password_reset(self, account: AccountId) -> None:
        """Have Keycloak mail a link to a new password."""
        ...


class IdentityProviders(Protocol):
    """The identity provider of each realm in the configuration."""

    def of(self, realm: str) -> IdentityProvider:
        """:raises KeyError: there is no such realm."""
        ...


class Mailer(Protocol):
    """Sends finished mails."""

    def send(self, mail: "Mail") -> str:
        """Hand the mail over; the other side's last answer.

        :raises Unavailable: try again.
        :raises Rejected: refused for good; ``field`` is ``recipient`` if this address is, ``message`` if
            the mail is.
        :raises Misconfigured: our credentials or settings are.
        """
        ...


class Renderer(Protocol):
    """Makes a mail of a template in a tenant's brand."""

    def render(
        self,
        template: str,
        tenant: Tenant,
        user: PortalUser,
        *,
        link: str | None,
        request_id: str,
        recipient: str | None = None,
    ) -> Mail:
        """``recipient`` None: the address the template is meant for. ``email_changed_notice`` must be told,
        since the user's record holds the new address only.

        :raises Misconfigured: the template or the sender does not allow it. :raises Rejected: ``field``
            is ``recipient``: there is no address to send to, or none that is one.
        """
        ...


class Links(Protocol):
    """The links that mails carry."""

    def invitation(self, invitation: str, generation: int) -> str:
        """The absolute URL of one generation's landing page; the same at each call."""
        ...

"""What Usher needs from its database, in its own words: a repository a kind of record, all of them in one
unit of work. Each protocol's docstring is its contract, which ``tests/contract`` holds every database to.
It owns shapes only; no SQL is here.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from connector.application.records import (
    SINGLE,
    Entry,
    HandOver,
    HandOverStatus,
    MailAttempt,
    OutboxFigures,
    OutboxRow,
    ReadyDocument,
    Sink,
    Tally,
    Token,
    WorkerSeen,
)
from connector.domain.document import Index
from connector.domain.effects import Effect, Lane
from connector.domain.model import AccountId, PortalUser, TenantId, UserId
from connector.domain.query import Page, Query


class Users(Protocol):
    """Portal users. Every call names the tenant and never sees another's rows, save the look-up by
    invitation and by account, which answer for all tenants because their askers know none yet.
    What is returned is a copy. Users that were removed are found by ``get``, ``removed`` and
    ``by_invitation`` alone.
    """

    def get(self, tenant: TenantId, user: UserId) -> PortalUser | None:
        """One user, removed or not. In a writing unit of work the row is locked to its end."""
        ...

    def lock(self, tenant: TenantId, user: UserId) -> None:
        """Lock the user's row to the end of a writing unit of work, so that others wait their turn."""
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
        """The user of an account, whatever the tenant: accounts are a realm's."""
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

    A claim raises a row's ``attempt``. Who ends a row names the attempt it claimed: if somebody else has
    claimed it since, the row is lost to it and the call changes nothing.
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
        prio: int = SINGLE,
    ) -> None:
        """Add the row, or make the open one run (again). Call after the user's own row was written or
        locked: ids then rise in the order of the commits. ``prio``: 1 a single change, 2 one of many; an
        urgent effect is 0 whatever is said.
        """
        ...

    def has_due(self, lane: Lane, *, urgent_alone: bool = False, now: float) -> bool:
        """Whether a claim would find something (``urgent_alone``: of priority 0); it locks nothing."""
        ...

    def claim(
        self, lane: Lane, prio: int | None, count: int, *, lease: float, now: float, sink: str = ""
    ) -> list[OutboxRow]:
        """Take due heads of their subjects for ``lease`` seconds; of any priority if ``prio`` is None, for
        any sink if ``sink`` is empty.
        """
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

    def retry(
        self, row: OutboxRow, *, at: float, reason: str, detail: str, now: float, unsure: bool = False
    ) -> bool:
        """Put back after a failure; False if the row was lost. Unless ``unsure``, what was expected since
        the claim (:meth:`expect`) is taken back.
        """
        ...

    def postpone(self, row: OutboxRow, *, at: float, now: float) -> bool:
        """Put back without blame, to be looked at again at ``at``; False if the row was lost."""
        ...

    def quarantine(self, row: OutboxRow, *, reason: str, detail: str, now: float) -> bool:
        """Stop trying until somebody acts; False if the row was lost."""
        ...

    def expect(self, row: OutboxRow) -> bool:
        """Count one more try whose end may stay unknown, before it is made; False if the row was lost."""
        ...

    def renew(self, row: OutboxRow, *, now: float) -> None:
        """Enqueue a row anew that was lost to another worker: what we wrote may be older than its work."""
        ...

    def extend(self, rows: Iterable[tuple[int, int]], *, until: float) -> set[int]:
        """Heartbeat: move the end of running rows' leases. Ids missing from the answer were lost."""
        ...

    def give_back(self, rows: Iterable[tuple[int, int]], *, now: float) -> None:
        """Make claimed rows that nobody began ready at once."""
        ...

    def release_all(self, *, now: float, beyond: float = 0.0) -> int:
        """Make every running row due at once whose lease goes ``beyond`` a time; only for the one worker of
        a SQLite database, at start.
        """
        ...

    def hurry(self, *, now: float) -> int:
        """Make every ready row of the account and mail lanes due: the clock has jumped, and with it what
        their times mean.
        """
        ...

    def park(self, sink: str, *, until: float, now: float) -> int:
        """Put off all that is due for ``sink``, without blame; how many rows."""
        ...

    def unpark(self, sink: str, *, parked_until: float, now: float) -> int:
        """Make due what was put off to exactly ``parked_until``."""
        ...

    def is_behind(self, row: OutboxRow) -> bool:
        """Whether older rows of the same effect and sink, of whatever user, are still to be done."""
        ...

    def open_rows(self, tenant: TenantId, user: UserId) -> list[OutboxRow]:
        """A user's unfinished rows, oldest first."""
        ...

    def list(
        self,
        *,
        state: str | None = None,
        reason: str | None = None,
        sink: str | None = None,
        due_by: float = 0.0,
        limit: int = 100,
    ) -> list[OutboxRow]:
        """Unfinished rows of every tenant, oldest first; those of a state, a reason, a sink. With a time
        (epoch seconds) in ``due_by``, without what the clock is to do after it.
        """
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

    def skip_of(self, tenant: TenantId, user: UserId, effect: str, *, now: float) -> int:
        """Give up a user's rows of an effect that is moot by now, but those that run; how many."""
        ...

    def figures(self, *, now: float) -> OutboxFigures:
        """How much waits, and for how long."""
        ...

    def forget_finished(self, *, before: float, limit: int) -> int:
        """Delete at most ``limit`` rows that were finished before a time; how many."""
        ...


class Sinks(Protocol):
    """Which other sides are known to be away, for all workers of the database. A sink without a row is
    well.
    """

    def get(self, name: str) -> Sink | None:
        """The sink if it is away."""
        ...

    def all(self) -> list[Sink]:
        """Every sink that is away, by name."""
        ...

    def open(self, sink: Sink) -> None:
        """Say that it is away, in place of what was said before."""
        ...

    def win_probe(self, name: str, *, until: float, now: float) -> bool:
        """Whether the caller is the one that may try the sink: its pause is over, and nobody else's try
        runs. It keeps the others away until ``until``.
        """
        ...

    def hurry(self, *, now: float, name: str = "") -> None:
        """Let a sink that is away, or every one, be tried at once."""
        ...

    def close(self, name: str) -> None:
        """It is well again."""
        ...


class Workers(Protocol):
    """The workers of this database, as they say themselves."""

    def seen(self, worker: WorkerSeen) -> None:
        """Say that it is there."""
        ...

    def all(self) -> list[WorkerSeen]:
        """All that said so, by id."""
        ...

    def forget(self, worker: str) -> None:
        """It has ended."""
        ...


class Rounds(Protocol):
    """What the workers of this database do by turns, each thing at most once in its time. A time further
    ahead than that comes of a clock that was set back, and counts for nothing.
    """

    def is_due(self, name: str, *, every: float, now: float) -> bool:
        """Whether ``win`` would have a winner; writes nothing."""
        ...

    def win(self, name: str, *, every: float, now: float) -> bool:
        """Whether it is the caller's turn: nobody had it for ``every`` seconds. It is nobody's for as long
        again.
        """
        ...


class Tallies(Protocol):
    """How often things were done that are limited, for all processes of the database. A window begins with
    the first time; one that ends too far ahead comes of a clock that was set back, and is over.
    """

    def count(self, name: str, *, window: float, now: float) -> Tally:
        """Once more; how often by now in the window of so many seconds."""
        ...

    def forget(self, *, before: float, limit: int) -> int:
        """Delete at most ``limit`` whose window has ended before a time; how many."""
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
        """Forget the values in a user's entries and the reasons that people gave; that something happened
        stays.
        """
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
    """Hand-overs; at most one open per user. What is read in a writing unit of work cannot change until its
    end: its user's row is locked first, as by ``Users.lock``.
    """

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

    def statuses_on(self, tenant: TenantId, account: AccountId) -> frozenset[HandOverStatus]:
        """What has become of the tenant's hand-overs that led to this account. After each of them, whatever
        it has come to, its password page at Keycloak may still be open somewhere.
        """
        ...

    def complete(self, tenant: TenantId, user: UserId) -> int:
        """Mark the user's open ones as come to their end; how many there were."""
        ...

    def close_all(self, tenant: TenantId, user: UserId) -> int:
        """Close the user's open ones; how many there were."""
        ...

    def forget(self, *, before: float, limit: int) -> int:
        """Delete at most ``limit`` that were to end before a time and did so without success, but none that
        led to the account which its user still has; how many there were.
        """
        ...


class MailAttempts(Protocol):
    """The record of mails; never a link in it."""

    def put(self, attempt: MailAttempt) -> None:
        """Write down the newest word of a mail: in place of what says that it is queued, else as one more.
        What has bounced stays so. An ``attempt`` without Message-ID is of all the user's mails of this
        template and generation.
        """
        ...

    def of(self, tenant: TenantId, user: UserId) -> list[MailAttempt]:
        """A user's, oldest first."""
        ...

    def of_message(self, mark: str) -> list[MailAttempt]:
        """Those whose Message-ID has ``mark`` before its @, of whatever tenant: who asks knows none yet."""
        ...

    def bounce(self, attempt: MailAttempt, *, answer: str, at: float) -> bool:
        """Write down that a queued or sent mail came back; False if that is known, or it was not sent."""
        ...

    def is_undeliverable(self, tenant: TenantId, recipient: str) -> bool:
        """Whether the newest word of an address (in lower case) is that it failed or bounced."""
        ...

    def undeliverable(self, tenant: TenantId) -> list[MailAttempt]:
        """The newest word of each user's address of which that is so."""
        ...

    def forget(self, *, before: float, limit: int) -> int:
        """Delete at most ``limit`` that are older than a time, but not the newest word of an address that
        failed or bounced; how many.
        """
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

    @property
    def sinks(self) -> Sinks:
        """The other sides that are away."""
        ...

    @property
    def workers(self) -> Workers:
        """Who drains the outbox."""
        ...

    @property
    def rounds(self) -> Rounds:
        """What is done by turns."""
        ...

    @property
    def tallies(self) -> Tallies:
        """How often was done what is limited."""
        ...


class Store(Protocol):
    """The database. No unit of work may be open during a call to the outside."""

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """A transaction; commits when the block ends, rolls back when it raises. Durable on return.

        :raises Busy: the database did not take it; ``Busy.transient`` says that nothing was written and
            that the same may go through if it is tried again at once.
        """
        ...

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """A consistent snapshot; writing through it raises."""
        ...

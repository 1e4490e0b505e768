"""What the ports hand over, as values: rows of the outbox, lines of the timeline, tokens, hand-overs,
mails. It owns their shape and what can be told from them alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from connector.domain.effects import Lane
from connector.domain.model import AccountId, State, TenantId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyDocument:
    """A stored SCIM document as bytes, without ``meta``, ``active`` and ``groups``."""

    id: UserId
    document: bytes
    version: int
    created_at: float
    modified_at: float
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One thing to do, as stored. ``subject`` is ``u:<tenant>/<user id>``; times are epoch seconds.

    ``due_at`` is when it may be tried; of a running row, when its lease ends. ``attempt`` counts claims, so
    that who lost a row cannot end it. ``wanted`` counts how often it was asked for, ``taken`` is what that
    was at the claim: if they differ at the end, it runs again. ``unsure`` counts tries that may have been
    done though no answer came.
    """

    id: int
    tenant: TenantId
    request_id: str
    created_at: float
    subject: str
    effect: str
    target: str
    lane: Lane
    sink: str
    prio: int
    state: str
    due_at: float | None
    wanted: int
    taken: int | None
    attempt: int
    failures: int
    first_failed_at: float | None
    unsure: int
    reason: str | None
    detail: str | None
    finished_at: float | None

    @property
    def user_id(self) -> UserId:
        """The user that the subject names."""
        return UserId(self.subject.partition("/")[2])

    @property
    def key(self) -> tuple[int, int]:
        """Which claim of the row this is: who ends it names both."""
        return self.id, self.attempt

    @property
    def what(self) -> str:
        """The effect and its target, for people."""
        return f"{self.effect} {self.target}".strip()


SELF = "self"
"""The sink of what needs nobody else; it is never away."""

URGENT, SINGLE, MANY = 0, 1, 2
"""The priorities: what takes access away, a single change, one of many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFigures:
    """How full the outbox is. ``open`` maps (lane, state) to a count, ``oldest`` (lane, prio) to how many
    seconds the ready row has waited that waits longest (one that is put off or parked waits all the same;
    one of the clock's from its time on), ``quarantined`` a reason to a count.
    """

    open: Mapping[tuple[int, str], int]
    oldest: Mapping[tuple[int, int], float]
    quarantined: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Another side that is away: ``keycloak:<realm>``, ``smtp:<sender>``. Its rows wait until
    ``open_until`` (epoch seconds); then one worker tries, and has until ``probe_until`` for it.
    ``openings`` counts how often in a row it was found away; ``reason`` and ``detail`` say what it was.
    """

    name: str
    opened_at: float
    open_until: float
    openings: int
    reason: str
    detail: str
    probe_until: float | None = None

    @property
    def waits_until(self) -> float:
        """Until when nobody else may try: the pause, and the probe that runs."""
        return max(self.open_until, self.probe_until or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """A worker, and when it said last that it is there (epoch seconds)."""

    id: str
    host: str
    version: str
    started_at: float
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often something was done in the window that ends at ``ends_at`` (epoch seconds)."""

    count: int
    ends_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a user's timeline. ``changes`` maps an attribute to (before, after)."""

    tenant: TenantId
    user_id: UserId
    at: float
    actor: str
    source: str
    request_id: str
    action: str
    before: State
    after: State
    reason: str = ""
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token as stored: its SHA-256 alone. ``name`` is the connection that owns its holds."""

    id: str
    tenant: TenantId
    name: str
    digest: str
    scope: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None = None
    last_used_at: float | None = None

    def is_live(self, now: float) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class HandOverStatus(StrEnum):
    """``OPEN`` while a person is between our button and our done page."""

    OPEN = "open"
    DONE = "done"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """One person on the way through Keycloak. Nothing in it is secret: the cookie and the code are kept
    as SHA-256 (hex), state, nonce and verifier of ``leg`` are derived from a key file.

    ``sub`` is the subject of the temporary link (32 lower-case hex digits), empty until there is one;
    ``account`` the account it was made on. Where Keycloak mails the way in, there are only that account,
    the times and the status.
    """

    id: str
    tenant: TenantId
    user_id: UserId
    generation: int
    browser: str
    opened_at: float
    link_until: float
    closes_at: float
    status: HandOverStatus = HandOverStatus.OPEN
    sub: str = ""
    account: AccountId | None = None
    leg: int = 0
    code: str = ""
    code_until: float | None = None
    code_client: str = ""
    code_redirect_uri: str = ""
    code_challenge: str = ""
    code_nonce: str = ""

    @property
    def is_mailed(self) -> bool:
        """Whether Keycloak mailed the way in: it belongs to no browser, and has no link to our provider."""
        return not self.browser

    def ended(self, status: HandOverStatus) -> "HandOver":
        """The same, over; nothing can be redeemed any more."""
        return replace(self, status=status, code="", code_until=None)

    def is_open(self, now: float) -> bool:
        """Whether the person may still come back to us."""
        return self.status is HandOverStatus.OPEN and now < self.closes_at

    def may_link(self, now: float) -> bool:
        """Whether the temporary link may still be used."""
        return self.status is HandOverStatus.OPEN and bool(self.sub) and now < self.link_until


class Outcome(StrEnum):
    """What became of a mail. ``QUEUED``: it is on its way, and no answer has come yet or the answer got
    lost. ``SENT`` may still become ``BOUNCED``. ``FAILED``: the address was refused at once. ``SKIPPED``:
    nobody wants it any more.
    """

    QUEUED = "queued"
    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped"


SETTLED = frozenset({Outcome.SENT, Outcome.BOUNCED, Outcome.FAILED})
"""These say something of the address; the newest of them decides whether it can be written to."""

UNDELIVERED = frozenset({Outcome.BOUNCED, Outcome.FAILED})
"""These say that the address cannot be written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAttempt:
    """One mail and the newest word of it, never its link. ``at``: when that came; ``outcome``: an
    :class:`Outcome` (``unknown`` in old records); ``answer``: the other side's, or why there is none, no
    address in it; ``message_id``: the mail's, empty if none was made; ``recipient``: the envelope's
    address in lower case, empty if there was none.
    """

    tenant: TenantId
    user_id: UserId
    template: str
    generation: int
    at: float
    outcome: str
    answer: str
    message_id: str
    recipient: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What a mail system says of mails that it could not deliver. ``marks`` are what may stand before the @
    of their Message-ID, ``recipients`` the addresses named, in lower case; ``answer`` as in
    :class:`MailAttempt`.
    """

    marks: frozenset[str]
    recipients: frozenset[str]
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail ready to go: ``message`` is its RFC 5322 form, ``recipient`` the envelope's."""

    sender: str
    recipient: str
    message: bytes = field(repr=False)
    message_id: str

"""From a bearer token to the connection that speaks. It owns who may pass and what every refusal
looks like; a token is looked up only among those of the tenant in the URL, and only its SHA-256 is
ever kept.
"""

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass

from connector.application.ports import Clock, Tenants
from connector.application.records import Token
from connector.application.repositories import Store
from connector.domain.errors import Busy
from connector.domain.model import Actor, ActorKind, Tenant, TenantId
from scim_server.errors import out_of_scope, unauthorized

WRITE_SCOPE, READ_SCOPE = "scim", "scim:read"

CACHE_LIFE = 5.0
"""Seconds for which a token that was good stays so unseen; a revoked one is refused everywhere
after that.
"""

_CACHE_SIZE = 1024
_NOTE_EVERY = 600.0
"""Seconds between two notes of a token's last use."""

_NOBODY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A connection of one tenant."""

    tenant: Tenant
    connection: str
    may_write: bool

    @property
    def source(self) -> str:
        """The connection as commands and holds name it."""
        return f"scim:{self.connection}"

    @property
    def actor(self) -> Actor:
        """The connection as the timeline names it."""
        return Actor(kind=ActorKind.SYSTEM, name=self.source)


class Door:
    """Lets connections in. One per process; keeps good tokens for :data:`CACHE_LIFE`."""

    def __init__(
        self, store: Store, tenants: Tenants, clock: Clock, *, cache_life: float = CACHE_LIFE
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._cache_life = cache_life
        self._cache: dict[tuple[str, str], tuple[Token, float]] = {}

    def enter(self, tenant_id: str, authorization: str | None) -> Principal:
        """Who speaks.

        :raises ScimError: 401, the same for no token, an unknown, an expired, a revoked or a
            foreign one, and an unknown tenant; 403: the token is good for something else.
        :raises Busy: the database does not answer.
        """
        secret = _bearer(authorization)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        tenant = self._tenants.get(TenantId(tenant_id))
        token = self._live(tenant_id, digest)
        if token is None or tenant is None or not secret:
            raise unauthorized(token_came=bool(secret))
        scopes = token.scope.split()
        if not {WRITE_SCOPE, READ_SCOPE} & set(scopes):
            raise out_of_scope(READ_SCOPE)
        return Principal(tenant=tenant, connection=token.name, may_write=WRITE_SCOPE in scopes)

    def _live(self, tenant_id: str, digest: str) -> Token | None:
        now = self._clock.now()
        token, seen_at = self._cache.get((tenant_id, digest), (None, now))
        if token is None or not 0 <= now - seen_at < self._cache_life:
            token = self._looked_up(tenant_id, digest, now)
        is_same = hmac.compare_digest(token.digest if token else _NOBODY, digest)
        return token if token and is_same and token.is_live(now) else None

    def _looked_up(self, tenant_id: str, digest: str, now: float) -> Token | None:
        self._cache.pop((tenant_id, digest), None)
        with self._store.read() as work:
            token = work.tokens.by_digest(TenantId(tenant_id), digest)
        if token is None or not token.is_live(now):
            return token
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[tenant_id, digest] = (token, now)
        self._note_use(token, now)
        return token

    def _note_use(self, token: Token, now: float) -> None:
        """Remember the use now and then; a database that is busy is told at the next look-up."""
        if token.last_used_at is not None and now - token.last_used_at < _NOTE_EVERY:
            return
        with suppress(Busy), self._store.write() as work:
            work.tokens.used(token.tenant, token.id, at=now)


def _bearer(authorization: str | None) -> str:
    """The token of an ``Authorization`` header (RFC 6750 §2.1), or nothing."""
    scheme, _, credentials = (authorization or "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""

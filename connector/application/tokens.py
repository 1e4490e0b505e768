"""Makes bearer tokens and knows one again. It owns their form; only their SHA-256 is ever stored."""

import hashlib
import secrets

from connector.application.records import Token
from connector.application.service import Service
from connector.domain.errors import Invalid
from connector.domain.model import TenantId

PREFIX = "usher_"
SCOPES = ("scim", "scim:read")
LIVE_PER_NAME = 2
"""How many live tokens one connection may have: the old and the new one of a rotation."""


def create_token(service: Service, tenant: TenantId, *, name: str, scope: str, life: float | None) -> str:
    """A new token (256 random bits); the only time that it is to be seen. ``life`` in seconds, None for
    ever.

    :raises Invalid: the scope or the name will not do, or the connection has two live ones.
    """
    if scope not in SCOPES:
        raise Invalid("scope", f"must be one of {', '.join(SCOPES)}")
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise Invalid("name", "must be plain text without spaces around it")
    token = PREFIX + secrets.token_urlsafe(32)
    now = service.clock.now()
    with service.store.write() as work:
        mine = [one for one in work.tokens.list(tenant) if one.name == name and one.is_live(now)]
        if len(mine) >= LIVE_PER_NAME:
            raise Invalid("name", f"has {LIVE_PER_NAME} live tokens already; revoke one first")
        work.tokens.add(
            Token(
                id=secrets.token_hex(4),
                tenant=tenant,
                name=name,
                digest=digest_of(token),
                scope=scope,
                created_at=now,
                expires_at=None if life is None else now + life,
            )
        )
    return token


def digest_of(token: str) -> str:
    """What is stored of a token: its SHA-256, hex."""
    return hashlib.sha256(token.encode()).hexdigest()

"""The repository of bearer tokens, by the digest of each. It owns their rows; it never sees a token."""

from sqlalchemy import Connection, insert, select, update

from connector.application.records import Token
from connector.domain.model import TenantId
from connector.store.tables import token


class SqlTokens:
    """:class:`~connector.application.repositories.Tokens` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, new: Token) -> None:
        """See the port."""
        self._db.execute(insert(token).values({n: getattr(new, n) for n in Token.__dataclass_fields__}))

    def by_digest(self, tenant: TenantId, digest: str) -> Token | None:
        """See the port."""
        mine = select(token).where(token.c.tenant == tenant, token.c.digest == digest)
        row = self._db.execute(mine).mappings().one_or_none()
        return Token(**row) if row else None

    def list(self, tenant: TenantId | None = None) -> list[Token]:
        """See the port."""
        statement = select(token).order_by(token.c.created_at.desc(), token.c.id)
        if tenant is not None:
            statement = statement.where(token.c.tenant == tenant)
        return [Token(**row) for row in self._db.execute(statement).mappings()]

    def revoke(self, tenant: TenantId, token_id: str, *, now: float) -> bool:
        """See the port."""
        mine = (token.c.tenant == tenant, token.c.id == token_id, token.c.revoked_at.is_(None))
        return self._db.execute(update(token).where(*mine).values(revoked_at=now)).rowcount == 1

    def used(self, tenant: TenantId, token_id: str, *, at: float) -> None:
        """See the port."""
        mine = (token.c.tenant == tenant, token.c.id == token_id)
        self._db.execute(update(token).where(*mine).values(last_used_at=at))

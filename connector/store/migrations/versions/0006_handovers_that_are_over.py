"""Hand-overs that are over, by their end: old ones are forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_CLOSED = sa.text("status = 'closed'")


def upgrade() -> None:
    """Forward only."""
    op.create_index(
        "ix_handover_closed",
        "handover",
        ["closes_at"],
        unique=False,
        sqlite_where=_CLOSED,
        postgresql_where=_CLOSED,
    )

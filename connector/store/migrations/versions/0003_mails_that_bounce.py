"""To whom a mail went, and ways to it: from a report that it came back, and from its address."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_UNDELIVERED = sa.text("outcome IN ('bounced', 'failed')")


def upgrade() -> None:
    """Forward only. The default is for the release before this one, which names no recipient."""
    op.add_column("mail_attempt", sa.Column("recipient", _TEXT, nullable=False, server_default=""))
    op.create_index("ix_mail_attempt_message_id", "mail_attempt", ["message_id"])
    op.create_index("ix_mail_attempt_recipient", "mail_attempt", ["tenant", "recipient", "at"])
    op.create_index("ix_mail_attempt_at", "mail_attempt", ["at"])
    op.create_index(
        "ix_mail_attempt_undelivered",
        "mail_attempt",
        ["tenant", "user_id"],
        sqlite_where=_UNDELIVERED,
        postgresql_where=_UNDELIVERED,
    )

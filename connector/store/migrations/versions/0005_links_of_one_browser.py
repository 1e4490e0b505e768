"""The browser that a link which works once was opened in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Forward only. The default is for the release before this one, which binds no link."""
    op.add_column("invitation", sa.Column("browser", _TEXT, nullable=False, server_default=""))

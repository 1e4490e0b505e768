"""What workers do by turns, and how often people did what is limited."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Forward only."""
    op.create_table(
        "round",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_round")),
    )
    op.create_table(
        "tally",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tally")),
    )
    op.create_index("ix_tally_ends_at", "tally", ["ends_at"], unique=False)

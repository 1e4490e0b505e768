"""The first schema: users, invitations, timeline, outbox, tokens, hand-overs, mails."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Forward only."""
    op.create_table(
        "counter",
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("users", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_counter")),
    )
    op.create_table(
        "mail_attempt",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("template", _TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.Column("answer", _TEXT, nullable=False),
        sa.Column("message_id", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_mail_attempt")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mail_attempt_user", "mail_attempt", ["tenant", "user_id", "seq"], unique=False)
    op.create_table(
        "outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("request_id", _TEXT, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("effect", _TEXT, nullable=False),
        sa.Column("target", _TEXT, nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("sink", _TEXT, nullable=False),
        sa.Column("prio", sa.SmallInteger(), nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("due_at", sa.Float(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_failed_at", sa.Float(), nullable=True),
        sa.Column("unsure", sa.Integer(), nullable=False),
        sa.Column("reason", _TEXT, nullable=True),
        sa.Column("detail", _TEXT, nullable=True),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (state IN ('ready','running','quarantined'))",
            name=op.f("ck_outbox_open"),
        ),
        sa.CheckConstraint(
            "state IN ('ready','running','quarantined','done','skipped')", name=op.f("ck_outbox_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["lane", "prio", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_subject",
        "outbox",
        ["subject", "lane", "id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "uq_outbox_subject_effect_target",
        "outbox",
        ["subject", "effect", "target"],
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "timeline",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("request_id", _TEXT, nullable=False),
        sa.Column("action", _TEXT, nullable=False),
        sa.Column("before", _TEXT, nullable=False),
        sa.Column("after", _TEXT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_timeline")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_timeline_user", "timeline", ["tenant", "user_id", "seq"], unique=False)
    op.create_table(
        "token",
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("digest", _TEXT, nullable=False),
        sa.Column("scope", _TEXT, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.Column("last_used_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_token")),
    )
    op.create_index("uq_token_digest", "token", ["tenant", "digest"], unique=True)
    op.create_table(
        "user",
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("activated_at", sa.Float(), nullable=True),
        sa.Column("removed_at", sa.Float(), nullable=True),
        sa.Column("account_id", _TEXT, nullable=True),
        sa.Column("realm", _TEXT, nullable=False),
        sa.Column("account_name", _TEXT, nullable=False),
        sa.Column("email_key", _TEXT, nullable=True),
        sa.Column("user_key", _TEXT, nullable=False),
        sa.Column("external_id", _TEXT, nullable=False),
        sa.Column("display_key", _TEXT, nullable=False),
        sa.Column("given_key", _TEXT, nullable=False),
        sa.Column("family_key", _TEXT, nullable=False),
        sa.Column("invitation_generation", sa.Integer(), nullable=True),
        sa.Column("invitation_status", _TEXT, nullable=True),
        sa.Column("invitation_expires_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_user")),
    )
    op.create_index("ix_user_account_id", "user", ["realm", "account_id"], unique=False)
    op.create_index(
        "ix_user_display_key",
        "user",
        ["tenant", "display_key"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "ix_user_external_id",
        "user",
        ["tenant", "external_id"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "ix_user_modified_at",
        "user",
        ["tenant", "modified_at"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "ix_user_seq",
        "user",
        ["tenant", "seq"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_user_account_name",
        "user",
        ["realm", "account_name"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_user_email_key",
        "user",
        ["realm", "email_key"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_user_user_key",
        "user",
        ["tenant", "user_key"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "handover",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("browser", _TEXT, nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("link_until", sa.Float(), nullable=False),
        sa.Column("closes_at", sa.Float(), nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("sub", _TEXT, nullable=False),
        sa.Column("account", _TEXT, nullable=True),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("code", _TEXT, nullable=False),
        sa.Column("code_until", sa.Float(), nullable=True),
        sa.Column("code_client", _TEXT, nullable=False),
        sa.Column("code_redirect_uri", _TEXT, nullable=False),
        sa.Column("code_challenge", _TEXT, nullable=False),
        sa.Column("code_nonce", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"],
            ["user.tenant", "user.id"],
            name=op.f("fk_handover_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    op.create_index("ix_handover_account", "handover", ["account"], unique=False)
    op.create_index("ix_handover_browser", "handover", ["browser", "opened_at"], unique=False)
    op.create_index("ix_handover_code", "handover", ["code"], unique=False)
    op.create_index(
        "uq_handover_open",
        "handover",
        ["tenant", "user_id"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "invitation",
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("address", _TEXT, nullable=False),
        sa.Column("locale", _TEXT, nullable=False),
        sa.Column("issued_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("inviter", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("sent_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"],
            ["user.tenant", "user.id"],
            name=op.f("fk_invitation_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "user_id", "generation", name=op.f("pk_invitation")),
    )
    op.create_index("uq_invitation_id_generation", "invitation", ["id", "generation"], unique=True)
    op.create_table(
        "user_email",
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("type_key", _TEXT, nullable=False),
        sa.Column("value_key", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"],
            ["user.tenant", "user.id"],
            name=op.f("fk_user_email_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "user_id", "item", name=op.f("pk_user_email")),
    )
    op.create_index("ix_user_email_value_key", "user_email", ["tenant", "value_key"], unique=False)
    op.create_table(
        "user_hold",
        sa.Column("tenant", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("hides", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"],
            ["user.tenant", "user.id"],
            name=op.f("fk_user_hold_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "user_id", "kind", "source", name=op.f("pk_user_hold")),
    )
    op.create_index(
        "ix_user_hold_hides",
        "user_hold",
        ["tenant", "source"],
        unique=False,
        sqlite_where=sa.text("hides"),
        postgresql_where=sa.text("hides"),
    )

"""The tables, their constraints and indexes, as SQLAlchemy Core. It owns the schema and nothing else; the
migrations bring a database to it, the repositories beside it read and write it.

What belongs to a tenant is reached by the tenant first, or by an id or digest that nobody guesses. Times
are UTC epoch seconds. Text keys are folded (``domain.document.fold``).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Sorted and compared by code point on both databases, whatever the locale of the server.
_Text = Text().with_variant(Text(collation="C"), "postgresql")
# On SQLite only INTEGER PRIMARY KEY AUTOINCREMENT never hands an id out twice.
_Serial = BigInteger().with_variant(Integer, "sqlite")
_NEVER_REUSED: Any = {"sqlite_autoincrement": True}


def _required(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = _Text) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _user_reference() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant", "user_id"], ["user.tenant", "user.id"], ondelete="CASCADE")


user = Table(
    "user",
    metadata,
    Column("tenant", _Text, primary_key=True),
    Column("id", _Text, primary_key=True),
    _required("seq", BigInteger),
    _required("version", Integer),
    _required("created_at", Float),
    _required("modified_at", Float),
    _required("document", LargeBinary),
    _required("profile", LargeBinary),
    # True while no hold stands: SCIM's `active`.
    _required("active", Boolean),
    _required("is_admin", Boolean),
    Column("activated_at", Float),
    Column("removed_at", Float),
    Column("account_id", _Text),
    _required("realm"),
    _required("account_name"),
    # NULL where there is no address, so that several users may have none.
    Column("email_key", _Text),
    _required("user_key"),
    _required("external_id"),
    _required("display_key"),
    _required("given_key"),
    _required("family_key"),
    # The newest generation of the invitation; status and expiry beside it, to filter states by.
    Column("invitation_generation", Integer),
    Column("invitation_status", _Text),
    Column("invitation_expires_at", Float),
)

_living = text("removed_at IS NULL")


def _living_index(name: str, *columns: str, unique: bool = False) -> Index:
    return Index(
        name,
        *(user.c[column] for column in columns),
        unique=unique,
        sqlite_where=_living,
        postgresql_where=_living,
    )


_living_index("uq_user_user_key", "tenant", "user_key", unique=True)
_living_index("uq_user_account_name", "realm", "account_name", unique=True)
_living_index("uq_user_email_key", "realm", "email_key", unique=True)
_living_index("ix_user_seq", "tenant", "seq")
_living_index("ix_user_external_id", "tenant", "external_id")
_living_index("ix_user_display_key", "tenant", "display_key")
_living_index("ix_user_modified_at", "tenant", "modified_at")
Index("ix_user_account_id", user.c.realm, user.c.account_id)

user_email = Table(
    "user_email",
    metadata,
    Column("tenant", _Text, primary_key=True),
    Column("user_id", _Text, primary_key=True),
    Column("item", Integer, primary_key=True),
    _required("type_key"),
    _required("value_key"),
    _user_reference(),
)
Index("ix_user_email_value_key", user_email.c.tenant, user_email.c.value_key)

user_hold = Table(
    "user_hold",
    metadata,
    Column("tenant", _Text, primary_key=True),
    Column("user_id", _Text, primary_key=True),
    Column("kind", _Text, primary_key=True),
    Column("source", _Text, primary_key=True),
    _required("since", Float),
    _required("hides", Boolean),
    _user_reference(),
)

Index(
    "ix_user_hold_hides",
    user_hold.c.tenant,
    user_hold.c.source,
    sqlite_where=text("hides"),
    postgresql_where=text("hides"),
)

invitation = Table(
    "invitation",
    metadata,
    Column("tenant", _Text, primary_key=True),
    Column("user_id", _Text, primary_key=True),
    Column("generation", Integer, primary_key=True),
    _required("id"),
    _required("address"),
    _required("locale"),
    _required("issued_at", Float),
    _required("expires_at", Float),
    _required("inviter"),
    _required("status"),
    Column("sent_at", Float),
    _required("browser"),
    _user_reference(),
)
Index("uq_invitation_id_generation", invitation.c.id, invitation.c.generation, unique=True)

counter = Table(
    "counter",
    metadata,
    Column("tenant", _Text, primary_key=True),
    # How many users were ever made: the next one's place in every list.
    _required("users", BigInteger),
)

timeline = Table(
    "timeline",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    _required("tenant"),
    _required("user_id"),
    _required("at", Float),
    _required("actor"),
    _required("source"),
    _required("request_id"),
    _required("action"),
    _required("before"),
    _required("after"),
    _required("reason"),
    _required("changes", LargeBinary),
    **_NEVER_REUSED,
)
Index("ix_timeline_user", timeline.c.tenant, timeline.c.user_id, timeline.c.seq)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    _required("tenant"),
    _required("request_id"),
    _required("created_at", Float),
    _required("subject"),
    _required("effect"),
    _required("target"),
    _required("lane", SmallInteger),
    _required("sink"),
    _required("prio", SmallInteger),
    _required("state"),
    Column("finished_at", Float),
    Column("due_at", Float),
    _required("wanted", Integer),
    Column("taken", Integer),
    _required("attempt", Integer),
    _required("failures", Integer),
    Column("first_failed_at", Float),
    _required("unsure", Integer),
    Column("reason", _Text),
    Column("detail", _Text),
    CheckConstraint("state IN ('ready','running','quarantined','done','skipped')", name="state"),
    CheckConstraint("(finished_at IS NULL) = (state IN ('ready','running','quarantined'))", name="open"),
    **_NEVER_REUSED,
)

_open = text("finished_at IS NULL")


def _open_index(name: str, *columns: str, unique: bool = False) -> Index:
    return Index(
        name,
        *(outbox.c[column] for column in columns),
        unique=unique,
        sqlite_where=_open,
        postgresql_where=_open,
    )


_open_index("uq_outbox_subject_effect_target", "subject", "effect", "target", unique=True)
_open_index("ix_outbox_due", "lane", "prio", "due_at", "id")
_open_index("ix_outbox_subject", "subject", "lane", "id")
_finished = text("finished_at IS NOT NULL")
Index("ix_outbox_finished", outbox.c.finished_at, sqlite_where=_finished, postgresql_where=_finished)

sink = Table(
    "sink",
    metadata,
    Column("name", _Text, primary_key=True),
    _required("opened_at", Float),
    _required("open_until", Float),
    _required("openings", Integer),
    _required("reason"),
    _required("detail"),
    Column("probe_until", Float),
)

worker = Table(
    "worker",
    metadata,
    Column("id", _Text, primary_key=True),
    _required("host"),
    _required("version"),
    _required("started_at", Float),
    _required("seen_at", Float),
)

round_ = Table(
    "round",
    metadata,
    Column("name", _Text, primary_key=True),
    _required("due_at", Float),
)

tally = Table(
    "tally",
    metadata,
    Column("name", _Text, primary_key=True),
    _required("count", Integer),
    _required("ends_at", Float),
)
Index("ix_tally_ends_at", tally.c.ends_at)

token = Table(
    "token",
    metadata,
    Column("tenant", _Text, primary_key=True),
    Column("id", _Text, primary_key=True),
    _required("name"),
    _required("digest"),
    _required("scope"),
    _required("created_at", Float),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("last_used_at", Float),
)
Index("uq_token_digest", token.c.tenant, token.c.digest, unique=True)

handover = Table(
    "handover",
    metadata,
    Column("id", _Text, primary_key=True),
    _required("tenant"),
    _required("user_id"),
    _required("generation", Integer),
    _required("browser"),
    _required("opened_at", Float),
    _required("link_until", Float),
    _required("closes_at", Float),
    _required("status"),
    _required("sub"),
    Column("account", _Text),
    _required("leg", Integer),
    _required("code"),
    Column("code_until", Float),
    _required("code_client"),
    _required("code_redirect_uri"),
    _required("code_challenge"),
    _required("code_nonce"),
    _user_reference(),
)
_handover_open = text("status = 'open'")
Index(
    "uq_handover_open",
    handover.c.tenant,
    handover.c.user_id,
    unique=True,
    sqlite_where=_handover_open,
    postgresql_where=_handover_open,
)
_handover_closed = text("status = 'closed'")
Index(
    "ix_handover_closed",
    handover.c.closes_at,
    sqlite_where=_handover_closed,
    postgresql_where=_handover_closed,
)
Index("ix_handover_browser", handover.c.browser, handover.c.opened_at)
Index("ix_handover_account", handover.c.account)
Index("ix_handover_code", handover.c.code)

mail_attempt = Table(
    "mail_attempt",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    _required("tenant"),
    _required("user_id"),
    _required("template"),
    _required("generation", Integer),
    _required("at", Float),
    _required("outcome"),
    _required("answer"),
    _required("message_id"),
    _required("recipient"),
    **_NEVER_REUSED,
)
Index("ix_mail_attempt_user", mail_attempt.c.tenant, mail_attempt.c.user_id, mail_attempt.c.seq)
Index("ix_mail_attempt_message_id", mail_attempt.c.message_id)
Index("ix_mail_attempt_recipient", mail_attempt.c.tenant, mail_attempt.c.recipient, mail_attempt.c.at)
Index("ix_mail_attempt_at", mail_attempt.c.at)
_undelivered = text("outcome IN ('bounced', 'failed')")
Index(
    "ix_mail_attempt_undelivered",
    mail_attempt.c.tenant,
    mail_attempt.c.user_id,
    sqlite_where=_undelivered,
    postgresql_where=_undelivered,
)

"""The first tables.

A migration keeps the tables as they were then: it never reads schema.py, which says how they are now.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
ID = BigInteger().with_variant(Integer, "sqlite")


def _id(name: str = "id") -> Column[int]:
    return Column(name, ID, primary_key=True, autoincrement=False)


def _own_id(name: str = "id") -> Column[int]:
    return Column(name, ID, primary_key=True)


HEAD = Table(
    "head",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("signup", BigInteger, nullable=False),
    Column("decision", BigInteger, nullable=False),
    Column("audit", BigInteger, nullable=False),
    Column("audit_hash", LargeBinary, nullable=False),
    Column("site", LargeBinary),
    Column("retain_before", BigInteger),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    _id(),
    Column("pseudonym", LargeBinary, nullable=False, unique=True),
    Column("key", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("erased_at", BigInteger),
)

ACCOUNT_KEYS = Table(
    "account_keys",
    METADATA,
    _id(),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("salt", LargeBinary, nullable=False),
    Column("sealed_account_id", LargeBinary, nullable=False),
)

SIGNUPS = Table(
    "signups",
    METADATA,
    _id(),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("key", BigInteger, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    Column("sealed", LargeBinary),
    Index(
        "ix_signups_kept",
        "submitted_at",
        sqlite_where=text("sealed IS NOT NULL"),
        postgresql_where=text("sealed IS NOT NULL"),
    ),
)

SIGNALS = Table(
    "signals",
    METADATA,
    _own_id(),
    Column("name", Text, nullable=False, unique=True),
)

FACTS = Table(
    "facts",
    METADATA,
    Column("signup", BigInteger, ForeignKey("signups.id"), primary_key=True, autoincrement=False),
    Column("signal", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_facts_digest_at_signup", "digest", "at", "signup"),
    sqlite_with_rowid=False,
)

FACT_DAYS = Table(
    "fact_days",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

DICTIONARIES = Table(
    "dictionaries",
    METADATA,
    _own_id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("text", LargeBinary, nullable=False),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    _id("seq"),
    Column("id", Text, nullable=False, unique=True),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("signup", BigInteger, ForeignKey("signups.id"), nullable=False, index=True),
    Column("decided_at", BigInteger, nullable=False, index=True),
    Column("outcome", SmallInteger, nullable=False),
    Column("lowest", SmallInteger, nullable=False),
    Column("highest", SmallInteger, nullable=False),
    Column("score", BigInteger, nullable=False),
    Column("lowest_score", BigInteger, nullable=False),
    Column("highest_score", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("ruleset", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("dictionary", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_decisions_account_seq", "account", "seq"),
)

ERASED_DECISIONS = Table(
    "erased_decisions",
    METADATA,
    Column("seq", BigInteger, ForeignKey("decisions.seq"), primary_key=True, autoincrement=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

RECHECKS = Table(
    "rechecks",
    METADATA,
    Column("account", BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("signup", BigInteger, ForeignKey("signups.id"), nullable=False),
    Column("decision", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False, index=True),
)

RECHECK_SIGNALS = Table(
    "recheck_signals",
    METADATA,
    Column("account", BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("signal", Text, primary_key=True),
    Column("why", Text, nullable=False),
    Index("ix_recheck_signals_signal", "signal"),
)

LIST_ENTRIES = Table(
    "list_entries",
    METADATA,
    _own_id(),
    Column("list", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("until", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
    Index("ix_list_entries_list_value", "list", "value"),
)

EXEMPTIONS = Table(
    "exemptions",
    METADATA,
    _own_id(),
    Column("rule", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
    Index("ix_exemptions_kind_subject", "kind", "subject"),
)

RULESETS = Table(
    "rulesets",
    METADATA,
    Column("version", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("drafted_at", BigInteger, nullable=False),
    Column("drafted_by", Text, nullable=False),
    Column("note", Text, nullable=False),
)

RULESET_APPROVALS = Table(
    "ruleset_approvals",
    METADATA,
    Column("version", Text, ForeignKey("rulesets.version"), primary_key=True),
    Column("approved_by", Text, primary_key=True),
    Column("approved_at", BigInteger, nullable=False),
)

RULESET_PUBLICATIONS = Table(
    "ruleset_publications",
    METADATA,
    _own_id("seq"),
    Column("version", Text, ForeignKey("rulesets.version"), nullable=False),
    Column("published_at", BigInteger, nullable=False),
    Column("published_by", Text, nullable=False),
)

KEPT_RESULTS = Table(
    "kept_results",
    METADATA,
    Column("space", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("until", BigInteger, index=True),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("follows", Text),
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("decision", BigInteger),
    Column("sealed", LargeBinary),
)

AUDIT = Table(
    "audit",
    METADATA,
    _id("seq"),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_audit_subject", "subject"),
)


revision = "0001"
down_revision = None

_SQLITE = (
    """
    CREATE TRIGGER decisions_unchanged BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
    """
    CREATE TRIGGER decisions_kept BEFORE DELETE ON decisions
    WHEN OLD.decided_at >= coalesce((SELECT retain_before FROM head), OLD.decided_at)
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
    """
    CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
    """
    CREATE TRIGGER audit_kept BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
)
_POSTGRESQL = (
    """
    CREATE FUNCTION kycrisk_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE FUNCTION kycrisk_decisions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.decided_at >= coalesce((SELECT retain_before FROM head), OLD.decided_at) THEN
        RAISE EXCEPTION 'decisions are append-only' USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER decisions_unchanged BEFORE UPDATE ON decisions
    FOR EACH ROW EXECUTE FUNCTION kycrisk_append_only('decisions are append-only')
    """,
    """
    CREATE TRIGGER decisions_kept BEFORE DELETE ON decisions
    FOR EACH ROW EXECUTE FUNCTION kycrisk_decisions_kept()
    """,
    """
    CREATE TRIGGER decisions_not_emptied BEFORE TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION kycrisk_append_only('decisions are append-only')
    """,
    """
    CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION kycrisk_append_only('the audit log is append-only')
    """,
    """
    CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION kycrisk_append_only('the audit log is append-only')
    """,
)
_START = {"id": 1, "account": 0, "key": 0, "signup": 0, "decision": 0, "audit": 0, "audit_hash": bytes(32)}


def upgrade() -> None:
    connection = op.get_bind()
    METADATA.create_all(connection)
    connection.execute(HEAD.insert().values(**_START))
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.execute(text(statement))

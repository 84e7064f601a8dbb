"""Verification cases."""

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

ACCOUNTS = Table("accounts", METADATA, Column("id", ID, primary_key=True))  # there before: only referred to


def _case(*, index: bool = False, primary_key: bool = False) -> Column[str]:
    return Column("case", Text, ForeignKey("cases.id"), nullable=False, index=index, primary_key=primary_key)


def _own_id() -> Column[int]:
    return Column("id", ID, primary_key=True)


CASES = Table(
    "cases",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("key", BigInteger, nullable=False),
    Column("current_for", BigInteger, unique=True),
    Column("policy", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("opened_for", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("deadline_from", BigInteger, nullable=False),
    Column("deadline_at", BigInteger),
    Column("paused_at", BigInteger),
    Column("reminded", Integer, nullable=False),
    Column("review_by", BigInteger),
    Column("escalated_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("decided_at", BigInteger),
    Column("verified_until", BigInteger),
    Column("document_expires", BigInteger),
    Column("active", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("snapshot", LargeBinary),
    Column("reasons", Text, nullable=False),
    Column("sealed_ticket", LargeBinary),
    Column("purge_at", BigInteger),
    Column("due_at", BigInteger, index=True),
    Index("ix_cases_state_review_by", "state", "review_by"),
)

CASE_TRIGGERS = Table(
    "case_triggers",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("trigger", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Index("uq_case_triggers_trigger_reference", "trigger", "reference", unique=True),
)

CASE_STEPS = Table(
    "case_steps",
    METADATA,
    _case(primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("done_at", BigInteger),
)

CASE_DOCUMENTS = Table(
    "case_documents",
    METADATA,
    Column("id", Text, primary_key=True),
    _case(index=True),
    Column("category", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_ATTEMPTS = Table(
    "case_attempts",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("ask_at", BigInteger, index=True),
    Column("ended_at", BigInteger),
    Index("uq_case_attempts_provider_reference", "provider", "reference", unique=True),
)

CASE_HOLDS = Table(
    "case_holds",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_by", Text),
    Column("applied", Text),
    Column("released_at", BigInteger),
    Index("ix_case_holds_account_lifted_at", "account", "lifted_at"),
)

CASE_INBOX = Table(
    "case_inbox",
    METADATA,
    Column("provider", Text, primary_key=True),
    Column("event", LargeBinary, primary_key=True),
    Column("received_at", BigInteger, nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("effect", Text, nullable=False),
)

CASE_ACTIONS = Table(
    "case_actions",
    METADATA,
    _own_id(),
    _case(),
    Column("account", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("error", Text, nullable=False),
    Index("uq_case_actions_case_version_action", "case", "version", "action", unique=True),
    Index("ix_case_actions_state_due_at", "state", "due_at"),
    Index("ix_case_actions_account_lane_state", "account", "lane", "state"),
)

CASE_CONSENTS = Table(
    "case_consents",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("kind", Text, nullable=False),
    Column("text_version", Text, nullable=False),
    Column("address", LargeBinary),
    Column("given_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
)

CASE_DATA = Table(
    "case_data",
    METADATA,
    _case(primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_RESULTS = Table(
    "case_results",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("check", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_REVIEWS = Table(
    "case_reviews",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("document", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("sealed_comment", LargeBinary),
    Column("sealed_note", LargeBinary),
    Column("by", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_DISCLOSURES = Table(
    "case_disclosures",
    METADATA,
    _own_id(),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("recipient", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_ACCESSES = Table(
    "case_accesses",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)


revision = "0008"
down_revision = "0002"


def upgrade() -> None:
    tables = [each for each in METADATA.tables.values() if each is not ACCOUNTS]
    METADATA.create_all(op.get_bind(), tables=tables)

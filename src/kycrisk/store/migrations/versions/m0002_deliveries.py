"""Deliveries, endpoints that are gone, and the processes that run jobs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, SmallInteger, Table, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
ID = BigInteger().with_variant(Integer, "sqlite")

DECISIONS = Table("decisions", METADATA, Column("seq", ID, primary_key=True))  # there before: only referred to

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("message", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("decision", BigInteger, ForeignKey("decisions.seq"), nullable=False, index=True),
    Column("before_decision", Text),
    Column("before_outcome", SmallInteger),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("first_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("status", Integer),
    Column("error", Text, nullable=False),
    Index("ix_deliveries_state_endpoint_due_at", "state", "endpoint", "due_at"),
    Index("uq_deliveries_message_endpoint", "message", "endpoint", unique=True),
)

DISABLED_ENDPOINTS = Table(
    "disabled_endpoints",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("disabled_at", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
)

WORKERS = Table(
    "workers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
)


revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), tables=[DELIVERIES, DISABLED_ENDPOINTS, WORKERS])

"""Rescreenings: runs over all accounts, one at a time, and what each part of them came to."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Table, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
ID = BigInteger().with_variant(Integer, "sqlite")

RESCREENINGS = Table(
    "rescreenings",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("begun_at", BigInteger, nullable=False),
    Column("begun_by", Text, nullable=False),
    Column("screened_by", Text, nullable=False),
    Column("ruleset", Text, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended", Text, nullable=False),
)

RESCREENING_PARTS = Table(
    "rescreening_parts",
    METADATA,
    Column("run", BigInteger, ForeignKey("rescreenings.id"), primary_key=True, autoincrement=False),
    Column("after", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),
    Column("done_at", BigInteger, nullable=False),
)


revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), tables=[RESCREENINGS, RESCREENING_PARTS])

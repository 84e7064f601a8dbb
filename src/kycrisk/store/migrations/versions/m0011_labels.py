"""Labels of accounts."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

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

ACCOUNT_LABELS = Table(
    "account_labels",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("label", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("sealed_why", LargeBinary, nullable=False),
    Index("ix_account_labels_account_at", "account", "at"),
)

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), tables=[ACCOUNT_LABELS])

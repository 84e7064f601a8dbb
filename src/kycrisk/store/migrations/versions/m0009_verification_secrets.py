"""Wrapped keys of pictures, codes, and tokens."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
ID = BigInteger().with_variant(Integer, "sqlite")

VAULT_FILES = Table(
    "vault_files",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("case", Text, nullable=False, index=True),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("purge_at", BigInteger, index=True),
    Column("master", Text, nullable=False, index=True),
    Column("wrapped", LargeBinary),
    Column("destroyed_at", BigInteger),
)

CODES = Table(
    "codes",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("destination", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("ended_at", BigInteger),
    Column("right_at", BigInteger),
    Index("ix_codes_subject_channel_sent_at", "subject", "channel", "sent_at"),
    Index("ix_codes_destination_sent_at", "destination", "sent_at"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("uses", Integer, nullable=False),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
)


revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), tables=[VAULT_FILES, CODES, TOKENS])

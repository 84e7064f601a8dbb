"""The tables of what verification keeps secret, beside those of schema.py and by the same rules.

Pictures lie in files, each under a key of its own; here are the keys, wrapped by a master key that is elsewhere.
Codes and tokens are here as digests only.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from kycrisk.store.schema import ID, METADATA

VAULT_FILES = Table(
    "vault_files",
    METADATA,
    Column("id", Text, primary_key=True),  # also the name of the file
    Column("case", Text, nullable=False, index=True),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),  # bytes of the picture
    Column("created_at", BigInteger, nullable=False),
    Column("purge_at", BigInteger, index=True),  # of no use any more: the case knows when
    Column("master", Text, nullable=False, index=True),  # which master key wraps this one
    Column("wrapped", LargeBinary),  # empty: destroyed, and the file is to be deleted
    Column("destroyed_at", BigInteger),
)

CODES = Table(
    "codes",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("subject", Text, nullable=False),  # a case
    Column("channel", Text, nullable=False),  # phone, email
    Column("destination", LargeBinary, nullable=False),  # pseudonym of the number or address
    Column("salt", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("ended_at", BigInteger),  # used, replaced, or tried too often
    Column("right_at", BigInteger),
    Index("ix_codes_subject_channel_sent_at", "subject", "channel", "sent_at"),
    Index("ix_codes_destination_sent_at", "destination", "sent_at"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of 256 random bits
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),  # a case
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("uses", Integer, nullable=False),
    Column("used_at", BigInteger),  # last
    Column("revoked_at", BigInteger),
)

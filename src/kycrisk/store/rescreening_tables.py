"""The tables of rescreenings: runs over all accounts, and what each part of a run came to. Nothing personal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from kycrisk.store.schema import ID, METADATA

#: Runs. At most one has not ended; it belongs to the process that holds its lease.
RESCREENINGS = Table(
    "rescreenings",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("begun_at", BigInteger, nullable=False),
    Column("begun_by", Text, nullable=False),
    Column("screened_by", Text, nullable=False),  # tells whether rules and lists are the same
    Column("ruleset", Text, nullable=False),
    Column("upto", BigInteger, nullable=False),  # the last account that it is about
    Column("after", BigInteger, nullable=False),  # the last account that is done
    Column("owner", Text, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended", Text, nullable=False),  # how: "finished", or why before; empty while it runs
)

#: What is done of a run, written with the decisions that came of it.
RESCREENING_PARTS = Table(
    "rescreening_parts",
    METADATA,
    Column("run", BigInteger, ForeignKey("rescreenings.id"), primary_key=True, autoincrement=False),
    Column("after", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),  # JSON: counts, and ids of decisions
    Column("done_at", BigInteger, nullable=False),
)

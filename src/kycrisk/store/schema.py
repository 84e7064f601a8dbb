"""The tables. A change here goes with a migration; a test holds the two together on both databases.

Nothing personal stands in the clear but in what the operator writes (list entries, exemptions): accounts are known by
pseudonyms, facts that velocity counts are pseudonyms too, and the rest is sealed (sealing.py). Moments are microseconds
since 1970 (moments.py). Ids of what is written in bulk are drawn from `head`, the row that every writer locks.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
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

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY is the row id of SQLite


def _id(name: str = "id") -> Column[int]:
    return Column(name, ID, primary_key=True, autoincrement=False)


def _own_id(name: str = "id") -> Column[int]:
    """An id that the database draws, for what is written one by one."""
    return Column(name, ID, primary_key=True)


#: One row. Its lock puts all writers in one order, which the audit chain and the exact counts stand on.
HEAD = Table(
    "head",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),  # the last id given to an account, and so on
    Column("key", BigInteger, nullable=False),
    Column("signup", BigInteger, nullable=False),
    Column("decision", BigInteger, nullable=False),
    Column("audit", BigInteger, nullable=False),
    Column("audit_hash", LargeBinary, nullable=False),  # of the last audit row
    Column("site", LargeBinary),  # tells whether a site key is the one that this database was written with
    Column("retain_before", BigInteger),  # decisions older than this may be deleted; set within one transaction only
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    _id(),
    Column("pseudonym", LargeBinary, nullable=False, unique=True),
    Column("key", BigInteger),  # the key in force; empty when the account was erased
    Column("created_at", BigInteger, nullable=False),
    Column("erased_at", BigInteger),
)

#: A row is deleted when its account is erased: what was sealed under it cannot be opened any more.
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
    Column("sealed", LargeBinary),  # the signup as it came; empty when it was erased or its time was over
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
    Column("signup", BigInteger, primary_key=True, autoincrement=False),
    Column("signal", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),  # pseudonym of the signal's value
    Column("at", BigInteger, nullable=False),  # the signup's submitted_at
    # PostgreSQL would look for the signup and lock it at each of its facts, which were a third of what a screening
    # takes there. Facts are written with their signup, by one function (signups.py); SQLite goes on checking that.
    ForeignKeyConstraint(["signup"], ["signups.id"]).ddl_if(dialect="sqlite"),
    Index("ix_facts_digest_at_signup", "digest", "at", "signup"),
    sqlite_with_rowid=False,
)

#: How many facts a value that is met often had on each day (UTC): a count over weeks reads days, not every signup of a
#: large provider. A value has rows for all days of its facts, or none (counting.py).
FACT_DAYS = Table(
    "fact_days",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # since 1970
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: What the JSON of decisions has in common (sources, snapshots), so that each keeps its own part. Nothing personal.
DICTIONARIES = Table(
    "dictionaries",
    METADATA,
    _own_id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("text", LargeBinary, nullable=False),
)

#: Append-only, enforced by triggers.
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
    Column("findings", Text, nullable=False),  # JSON: the rules that hit, were unknown, exempt, or in shadow
    Column("dictionary", BigInteger),
    Column("sealed", LargeBinary, nullable=False),  # the decision's JSON
    Index("ix_decisions_account_seq", "account", "seq"),
)

#: What stays readable of an erased account's decisions: facts without personal values, and findings.
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
    Column("kind", Text, nullable=False),  # account, email, domain or ip
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
    Column("version", Text, primary_key=True),  # sha256: and the hash of the text
    Column("text", Text, nullable=False),  # canonical
    Column("sources", Text, nullable=False),  # JSON: the files that it was written in, by path
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
    Column("digest", LargeBinary, primary_key=True),  # pseudonym of the key
    Column("sealed", LargeBinary, nullable=False),
    Column("until", BigInteger, index=True),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),  # SHA-256 of 256 random bits
    Column("scopes", Text, nullable=False),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("follows", Text),  # the key that it was rotated from
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),  # pseudonym of scope and key
    Column("body", LargeBinary, nullable=False),  # SHA-256 of the request's body
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("decision", BigInteger),  # the answer is this decision's JSON ...
    Column("sealed", LargeBinary),  # ... or this
)

#: Append-only, enforced by triggers, and chained by hashes.
AUDIT = Table(
    "audit",
    METADATA,
    _id("seq"),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_audit_subject", "subject"),
)

#: What is to be sent to whom, and what became of it. Nothing personal: what is sent is made from the decision.
DELIVERIES = Table(
    "deliveries",
    METADATA,
    _own_id(),
    Column("message", Text, nullable=False),  # the same for every attempt: receivers tell doubles by it
    Column("endpoint", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("decision", BigInteger, ForeignKey("decisions.seq"), nullable=False, index=True),
    Column("before_decision", Text),  # of a change: the decision before, and its outcome
    Column("before_outcome", SmallInteger),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),  # while it is being sent: when others may take it over
    Column("created_at", BigInteger, nullable=False),
    Column("first_at", BigInteger),  # of the first attempt
    Column("ended_at", BigInteger),
    Column("status", Integer),  # of the last answer
    Column("error", Text, nullable=False),
    Index("ix_deliveries_state_endpoint_due_at", "state", "endpoint", "due_at"),
    Index("uq_deliveries_message_endpoint", "message", "endpoint", unique=True),
)

#: Endpoints that answered that they are gone; nothing is sent to them until they are enabled again.
DISABLED_ENDPOINTS = Table(
    "disabled_endpoints",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("disabled_at", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
)

#: Processes that run jobs, each with when it was last heard of.
WORKERS = Table(
    "workers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
)

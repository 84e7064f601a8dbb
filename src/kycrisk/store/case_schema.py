"""The tables of verification cases, beside those of schema.py and by the same rules.

What is personal is sealed under the account's key, so an erasure takes it along: what customers entered (`case_data`),
what reviewers wrote (`case_reviews`), where their tickets are. The rest names accounts by their numbers and says what
happened.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, Table, Text

from kycrisk.store.schema import ID, METADATA


def _case(*, index: bool = False, primary_key: bool = False) -> Column[str]:
    return Column("case", Text, ForeignKey("cases.id"), nullable=False, index=index, primary_key=primary_key)


def _own_id() -> Column[int]:
    return Column("id", ID, primary_key=True)


CASES = Table(
    "cases",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("key", BigInteger, nullable=False),  # of the account, when the case was opened
    Column("current_for", BigInteger, unique=True),  # the account while the case is its open one: there is one at most
    Column("policy", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("level", Text, nullable=False),  # that is to be reached
    Column("subject_type", Text, nullable=False),  # person or company
    Column("mode", Text, nullable=False),  # full, or confirm_only where known data is only confirmed
    Column("opened_for", Text, nullable=False),  # the first trigger, whose deadline counts
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("entered_at", BigInteger, nullable=False),  # this state
    Column("deadline_from", BigInteger, nullable=False),  # what the deadline and the reminders are counted from
    Column("deadline_at", BigInteger),
    Column("paused_at", BigInteger),  # the customer's clock stands since then
    Column("reminded", Integer, nullable=False),  # so many reminders are behind
    Column("review_by", BigInteger),
    Column("escalated_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("decided_at", BigInteger),
    Column("verified_until", BigInteger),  # then a refresh case is opened
    Column("document_expires", BigInteger),
    Column("active", BigInteger, nullable=False),  # microseconds that customer and reviewer took, waits left out
    Column("attempts", Integer, nullable=False),
    Column("snapshot", LargeBinary),  # hash of what the customer confirmed
    Column("reasons", Text, nullable=False),  # JSON: why it was sent back or rejected
    Column("sealed_ticket", LargeBinary),
    Column("purge_at", BigInteger),  # images and what was read from them go then
    Column("due_at", BigInteger, index=True),  # when the clock has something to do next
    Index("ix_cases_state_review_by", "state", "review_by"),
)

CASE_TRIGGERS = Table(
    "case_triggers",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("trigger", Text, nullable=False),
    Column("reference", Text, nullable=False),  # a decision, a report; the same is heard once
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
    Column("source", Text, nullable=False),  # upload, camera
    Column("file", Text, nullable=False),  # where the vault keeps it
    Column("state", Text, nullable=False),  # uploaded, accepted, rejected, replaced, purged
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
    Column("reasons", Text, nullable=False),  # JSON
    Column("begun_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("ask_at", BigInteger, index=True),  # nothing was heard: the provider is asked then, once
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
    Column("applied", Text),  # at the panel: JSON of what was changed there, to change back just that
    Column("released_at", BigInteger),
    Index("ix_case_holds_account_lifted_at", "account", "lifted_at"),
)

CASE_INBOX = Table(
    "case_inbox",
    METADATA,
    Column("provider", Text, primary_key=True),
    Column("event", LargeBinary, primary_key=True),  # SHA-256 of the provider's key of the event
    Column("received_at", BigInteger, nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("effect", Text, nullable=False),
)

#: Outgoing work. It says what is wished, never what is sent: that is made when it is done, from how things stand then.
CASE_ACTIONS = Table(
    "case_actions",
    METADATA,
    _own_id(),
    _case(),
    Column("account", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("lane", Text, nullable=False),  # what is done for one account in one lane is done in order
    Column("state", SmallInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),  # while it is done: when others may take it over
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
    Column("kind", Text, nullable=False),  # consent, attestation
    Column("text_version", Text, nullable=False),
    Column("address", LargeBinary),  # pseudonym of where it came from
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
    Column("check", Text, nullable=False),  # match.name, mrz, document.expiry, code.phone
    Column("result", Text, nullable=False),  # passed, failed, unknown
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_REVIEWS = Table(
    "case_reviews",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("document", Text, nullable=False),  # empty: the case
    Column("verdict", Text, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("sealed_comment", LargeBinary),  # for the customer
    Column("sealed_note", LargeBinary),  # for colleagues
    Column("by", Text, nullable=False),
    Column("round", Integer, nullable=False),  # the attempt that it is about
    Column("at", BigInteger, nullable=False),
)

CASE_DISCLOSURES = Table(
    "case_disclosures",
    METADATA,
    _own_id(),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("recipient", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

CASE_ACCESSES = Table(
    "case_accesses",
    METADATA,
    _own_id(),
    _case(index=True),
    Column("what", Text, nullable=False),  # a document, or the data
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

"""How long each kind of data is kept, and the deletion of what is past its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, select, update

from kycrisk.store.case_records import delete_cases
from kycrisk.store.case_schema import CASE_DISCLOSURES, CASES
from kycrisk.store.counting import DAY
from kycrisk.store.labels import forget_labels
from kycrisk.store.moments import micros
from kycrisk.store.schema import (
    ACCOUNT_KEYS,
    ACCOUNTS,
    API_KEYS,
    DECISIONS,
    DELIVERIES,
    ERASED_DECISIONS,
    EXEMPTIONS,
    FACT_DAYS,
    FACTS,
    HEAD,
    IDEMPOTENCY,
    KEPT_RESULTS,
    LIST_ENTRIES,
    RECHECK_SIGNALS,
    RECHECKS,
    SIGNUPS,
)
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long each kind is kept; None: for good. What is ended is counted from its end.

    The audit log is always kept: it holds no personal data, and a chain without its beginning proves nothing.
    """

    signups: timedelta | None = None  # what customers gave, from its submission; accounts cannot be rechecked after it
    facts: timedelta | None = None  # what velocity counts; at least as long as the longest window
    decisions: timedelta | None = None
    idempotency: timedelta | None = timedelta(days=7)
    kept_results: timedelta | None = timedelta(0)  # after their own time
    list_entries: timedelta | None = None  # after their end
    exemptions: timedelta | None = None  # after their end
    api_keys: timedelta | None = None  # after their end
    cases: timedelta | None = None  # verification cases, after their end


@dataclass(frozen=True, slots=True)
class _Step:
    before: int
    limit: int
    actor: str
    kind: str


class Retention:
    """Deletes what is past its time, a few rows in a transaction, so that screenings go on between them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def apply(
        self, durations: Durations, *, now: Callable[[], Any], actor: str = "retention", at_once: int = 500
    ) -> dict[str, int]:
        """How many rows of each kind went. May be interrupted and begun again at any time."""
        gone: dict[str, int] = {}
        for field in fields(durations):
            duration: timedelta | None = getattr(durations, field.name)
            if duration is None:
                continue
            step = _Step(micros(now() - duration), at_once, actor, field.name)
            gone[field.name] = 0
            while count := await self._writer.write(_delete, step):
                gone[field.name] += count
        if durations.decisions is not None:
            gone["accounts"] = await self._writer.write(_delete_accounts, actor)
        return gone


def _delete(tx: Transaction, steps: Sequence[_Step]) -> list[int]:
    return [_delete_step(tx, step) for step in steps]


def _delete_step(tx: Transaction, step: _Step) -> int:
    match step.kind:
        case "signups":
            count = _blank_signups(tx, step)
        case "decisions":
            count = _delete_decisions(tx, step)
        case "cases":
            count = delete_cases(tx, step.before, step.limit)
        case "facts":
            old = select(FACTS.c.signup).where(FACTS.c.at < step.before).order_by(FACTS.c.signup).limit(step.limit)
            count = _delete_where(tx, FACTS, FACTS.c.signup, old)
            if not count:  # the days go last, once: a window that reaches them is longer than facts are kept
                tx.connection.execute(delete(FACT_DAYS).where(FACT_DAYS.c.day < -(-step.before // DAY)))
        case kind:
            table, key, past = _PLAIN[kind](step.before)
            count = _delete_where(tx, table, key, select(key).where(past).limit(step.limit))
    if count:
        tx.audit(step.actor, "retention.deleted", step.kind, {"before": step.before, "rows": count})
    return count


def _ended(table: Table, before: int, end: str, until: str) -> ColumnElement[bool]:
    """Ended before a moment, by somebody or by itself."""
    return (table.c[end] < before) | (table.c[until] < before)


_PLAIN: dict[str, Callable[[int], tuple[Table, ColumnElement[Any], ColumnElement[bool]]]] = {
    "idempotency": lambda before: (IDEMPOTENCY, IDEMPOTENCY.c.digest, IDEMPOTENCY.c.created_at < before),
    "kept_results": lambda before: (KEPT_RESULTS, KEPT_RESULTS.c.digest, KEPT_RESULTS.c.until < before),
    "list_entries": lambda before: (
        LIST_ENTRIES,
        LIST_ENTRIES.c.id,
        _ended(LIST_ENTRIES, before, "ended_at", "until"),
    ),
    "exemptions": lambda before: (EXEMPTIONS, EXEMPTIONS.c.id, _ended(EXEMPTIONS, before, "ended_at", "until")),
    "api_keys": lambda before: (API_KEYS, API_KEYS.c.id, _ended(API_KEYS, before, "revoked_at", "expires_at")),
}


def _delete_where(tx: Transaction, table: Table, key: ColumnElement[Any], chosen: Select[Any]) -> int:
    keys = list(tx.connection.execute(chosen).scalars())
    return tx.connection.execute(delete(table).where(key.in_(keys))).rowcount if keys else 0


def _blank_signups(tx: Transaction, step: _Step) -> int:
    old = (
        select(SIGNUPS.c.id)
        .where(SIGNUPS.c.submitted_at < step.before, SIGNUPS.c.sealed.is_not(None))
        .limit(step.limit)
    )
    keys = list(tx.connection.execute(old).scalars())
    if not keys:
        return 0
    return tx.connection.execute(update(SIGNUPS).where(SIGNUPS.c.id.in_(keys)).values(sealed=None)).rowcount


def _delete_decisions(tx: Transaction, step: _Step) -> int:
    """The trigger lets decisions go that are older than `retain_before`, and only while that is set."""
    old = select(DECISIONS.c.seq, DECISIONS.c.signup, DECISIONS.c.id).where(DECISIONS.c.decided_at < step.before)
    rows = tx.connection.execute(old.order_by(DECISIONS.c.decided_at).limit(step.limit)).all()
    if not rows:
        return 0
    seqs, signups = [row.seq for row in rows], [row.signup for row in rows]
    waiting = select(RECHECKS.c.account).where(RECHECKS.c.decision.in_([row.id for row in rows]))
    accounts = list(tx.connection.execute(waiting).scalars())
    tx.connection.execute(delete(RECHECK_SIGNALS).where(RECHECK_SIGNALS.c.account.in_(accounts)))
    tx.connection.execute(delete(RECHECKS).where(RECHECKS.c.account.in_(accounts)))
    tx.connection.execute(delete(ERASED_DECISIONS).where(ERASED_DECISIONS.c.seq.in_(seqs)))
    tx.connection.execute(delete(DELIVERIES).where(DELIVERIES.c.decision.in_(seqs)))
    tx.connection.execute(update(HEAD).values(retain_before=step.before))
    tx.connection.execute(delete(DECISIONS).where(DECISIONS.c.seq.in_(seqs)))
    tx.connection.execute(update(HEAD).values(retain_before=None))
    left = set(tx.connection.execute(select(DECISIONS.c.signup).where(DECISIONS.c.signup.in_(signups))).scalars())
    bare = [signup for signup in set(signups) if signup not in left]
    with_facts = set(tx.connection.execute(select(FACTS.c.signup).where(FACTS.c.signup.in_(bare))).scalars())
    tx.connection.execute(delete(SIGNUPS).where(SIGNUPS.c.id.in_([each for each in bare if each not in with_facts])))
    return len(rows)


def _delete_accounts(tx: Transaction, actors: Sequence[str]) -> list[int]:
    """Accounts of which nothing is left."""
    empty = select(ACCOUNTS.c.id)
    for others in (SIGNUPS, CASES, CASE_DISCLOSURES):
        empty = empty.where(~select(others.c.account).where(others.c.account == ACCOUNTS.c.id).exists())
    counts = []
    for actor in actors:
        gone = list(tx.connection.execute(empty).scalars())
        for start in range(0, len(gone), 500):
            part = gone[start : start + 500]
            forget_labels(tx, part)
            tx.connection.execute(delete(ACCOUNT_KEYS).where(ACCOUNT_KEYS.c.account.in_(part)))
            tx.connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id.in_(part)))
        if gone:
            tx.audit(actor, "retention.deleted", "accounts", {"rows": len(gone)})
        counts.append(len(gone))
    return counts

"""What the clock does: reminders, deadlines, the reviewer's time, refreshes, purges. A function of the tables and the
moment, so it is right after a downtime of any length, and doing it twice changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from kycrisk.store.case_schema import CASE_DATA
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import opened, sealed
from kycrisk.verification.case import Case, case_of, due_cases
from kycrisk.verification.clocks import next_reminder
from kycrisk.verification.ledger import record
from kycrisk.verification.move import Move, changed, escalate, happen, remind
from kycrisk.verification.opening import Opened, Reason, open_cases
from kycrisk.verification.policy import Policy
from kycrisk.verification.site import Site
from kycrisk.verification.state import Happening, State, Trigger

AT_ONCE = 1_000
_KNOWN = ("personal_data", "country")  # what a refresh begins with


async def sweep(site: Site) -> Mapping[str, int]:
    """Do all that is due by now; how often what was done. Some cases a transaction, so that others go on between."""
    done: Counter[str] = Counter()
    while True:
        some = await site.store.write(lambda tx: sweep_some(tx, site, AT_ONCE))
        done.update(some)
        if not some:
            return dict(done)


def sweep_some(tx: Transaction, site: Site, limit: int) -> Counter[str]:
    """The cases that are longest due, one thing each. `tx.now` is the moment."""
    cases = [case_of(row) for row in tx.connection.execute(due_cases(tx.now).limit(limit))]
    moves: list[Move] = []
    for case in cases:
        policy = site.policies.by_id.get(case.policy)
        moves.append(_shelved(case, tx) if policy is None else _move(case, policy, tx))
    record(tx, moves)
    refreshed = [move for move in moves if move.said == "case.refresh"]
    for move in refreshed:
        _refresh(tx, site, move.after)
    return Counter(move.said for move in moves)


def _move(case: Case, policy: Policy, tx: Transaction) -> Move:
    now = tx.now
    if case.deadline_passed(now) and not case.is_overdue:
        late = happen(case, Happening.DEADLINE, policy, now, actor="clock")
        assert late is not None, "the deadline of a case whose turn is not the customer's"
        return late
    reminder = next_reminder(case, policy)
    if case.state.is_customers_turn and reminder is not None and reminder <= now:
        return remind(case, policy, now)
    if case.state.is_reviewers_turn and case.escalated_at is None and case.review_by and case.review_by <= now:
        return escalate(case, policy, now)
    if case.purge_at is not None and case.purge_at <= now:
        return changed(case, policy, actor="clock", said="case.purged", actions=("purge",), purge_at=None)
    if case.state is State.VERIFIED and case.verified_until and case.verified_until <= now:
        said = "case.refresh" if policy.refresh else "case.timed"
        return changed(case, policy, actor="clock", said=said, verified_until=None)
    # Nothing is due after all, as its procedure has changed: its next moment is worked out anew.
    return changed(case, policy, actor="clock", said="case.timed")


def _shelved(case: Case, tx: Transaction) -> Move:
    """A case whose procedure is gone waits for it: a day later it is looked at again."""
    later = replace(case, version=case.version + 1, due_at=tx.now + timedelta(days=1))
    return Move(before=case, after=later, actor="clock", said="case.shelved")


def _refresh(tx: Transaction, site: Site, case: Case) -> Opened:
    """A refresh case beside the verified one, with what is known of the customer."""
    policy = site.policy_of(case)
    assert policy.refresh is not None
    reason = Reason(
        account=case.account,
        key=case.key,
        trigger=Trigger.REFRESH,
        reference=f"{case.id} {case.version}",
        actor="clock",
        level=case.level,
        subject=case.subject,
        mode=policy.refresh.mode,
        insists=True,
    )
    [made] = open_cases(tx, site.policies, policy, [reason])
    if made.is_new:
        _carry_over(tx, site, case, made.case)
    return made


def _carry_over(tx: Transaction, site: Site, old: Case, new: Case) -> None:
    rows = tx.connection.execute(select(CASE_DATA).where(CASE_DATA.c.case == old.id, CASE_DATA.c.kind.in_(_KNOWN)))
    kept: Sequence[dict[str, object]] = [
        {
            "case": new.id,
            "kind": row.kind,
            "sealed": sealed(
                tx.connection, site.key, new, row.kind, opened(tx.connection, site.key, old, row.kind, row.sealed)
            ),
            "at": tx.at,
        }
        for row in rows.all()
    ]
    tx.insert(CASE_DATA, list(kept))

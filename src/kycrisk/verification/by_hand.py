"""Holding an account back by hand, and letting it go: a person's word, with a reason, that no verification undoes."""

from __future__ import annotations

from dataclasses import replace

from kycrisk.store.failure import NotFound
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.hold import active_holds
from kycrisk.verification.ledger import BY_HAND, record
from kycrisk.verification.move import NewHold, changed
from kycrisk.verification.policy import Policy
from kycrisk.verification.refusal import NotNow
from kycrisk.verification.site import Site
from kycrisk.verification.state import State

_ALWAYS = ("orders", "services", "refunds")


def kinds_of(policy: Policy) -> tuple[str, ...]:
    """What can be held back from an account under a procedure: orders, services, refunds, and the features it names."""
    unlocked = [f"feature:{name}" for level in policy.levels for name in level.unlocks]
    gated = [name for name in policy.gates if name.startswith("feature:")]
    return (*_ALWAYS, *sorted({*unlocked, *gated}))


def hold_back(tx: Transaction, site: Site, case_id: str, kind: str, by: str, why: str) -> Case:
    """Hold something back from the account of a case; what is held by hand already stays so. Raises `NotNow`."""
    case = find_case(tx.connection, case_id)
    if case.state is State.CLOSED:
        raise NotNow("the case is closed", "open another one, and hold back in it")
    if _is_held(tx, case, kind):
        return case
    move = changed(case, site.policy_of(case), actor=by, said="case.held_by_hand", actions=("holds",))
    record(tx, [replace(move, details={"kind": kind, "why": why}, holds=(NewHold(kind, BY_HAND),))])
    return move.after


def let_go(tx: Transaction, site: Site, case_id: str, kind: str, by: str) -> Case:
    """Let go what was held back by hand; what is held back for another cause stays so. Raises `NotFound`."""
    case = find_case(tx.connection, case_id)
    if not _is_held(tx, case, kind):
        raise NotFound(f"`{kind}` of this account is not held back by hand")
    move = changed(case, site.policy_of(case), actor=by, said="case.let_go_by_hand", actions=("holds",))
    record(tx, [replace(move, details={"kind": kind}, lifts=(NewHold(kind, BY_HAND),))])
    return move.after


def _is_held(tx: Transaction, case: Case, kind: str) -> bool:
    return any(each.kind == kind and each.cause == BY_HAND for each in active_holds(tx.connection, case.account))

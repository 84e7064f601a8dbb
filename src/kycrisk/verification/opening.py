"""Opening cases: one open case an account. A second reason is added to it, and moves no deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from kycrisk.outcome import Outcome
from kycrisk.randomness import random_bytes
from kycrisk.store.case_schema import CASE_STEPS, CASE_TRIGGERS, CASES
from kycrisk.store.failure import Conflict
from kycrisk.store.screenings import Added
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import registered_at
from kycrisk.verification.case import Case, case_of
from kycrisk.verification.ledger import record
from kycrisk.verification.move import Move, NewHold, changed, deadline_of, opening
from kycrisk.verification.policies import Policies
from kycrisk.verification.policy import Mode, Policy, Subject
from kycrisk.verification.site import Site
from kycrisk.verification.state import State, Trigger

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an account is to verify itself. `reference` names the decision or report: the same is heard once.

    `account` and `key` are the store's numbers; `registered_at` is when it signed up, None: as the store has it.
    `insists`: a case is opened although the account is verified.
    """

    account: int
    key: int
    trigger: Trigger
    reference: str
    actor: str
    registered_at: datetime | None = None
    level: str = ""
    subject: Subject = Subject.PERSON
    mode: Mode = Mode.FULL
    insists: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The case that a reason led to, and whether it is a new one."""

    case: Case
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What is there already, of the accounts that reasons are about."""

    current: Mapping[int, Case]
    verified: Mapping[int, Case]
    heard: Mapping[tuple[str, str], str]
    cases: Mapping[str, Case] = field(default_factory=dict)


def open_cases(tx: Transaction, policies: Policies, policy: Policy, reasons: Sequence[Reason]) -> list[Opened]:
    """Follow each reason, in the writer's transaction. Raises `Conflict` for a level that the procedure has not."""
    known = _known(tx, reasons)
    current, verified = dict(known.current), dict(known.verified)
    heard = dict(known.heard)
    moves: list[Move] = []
    steps: list[dict[str, Any]] = []
    triggers: list[dict[str, Any]] = []
    opened: list[Opened] = []
    for reason in reasons:
        before = heard.get((reason.trigger.value, reason.reference))
        there = current.get(reason.account)
        if before is not None:
            opened.append(Opened(_by_id(tx, before, known, current), False))
            continue
        if there is None and not reason.insists and _is_enough(policy, verified.get(reason.account), reason):
            there = verified[reason.account]
        if there is None:
            case = _new(tx, policy, reason)
            abused = reason.trigger is Trigger.ABUSE_EVENT
            move = opening(case, policy, actor=reason.actor, abused=abused and _is_below(policy, None))
            steps += _step_rows(case, policy)
            current[reason.account] = move.after
        else:
            case = there
            found = _added(case, policies.by_id.get(case.policy, policy), reason)
            move = found
            if case.state.is_current:
                current[reason.account] = found.after
            else:
                verified[reason.account] = found.after
        moves.append(move)
        heard[reason.trigger.value, reason.reference] = case.id
        triggers.append(_trigger_row(tx, move.after.id, reason))
        opened.append(Opened(move.after, there is None))
    _record(tx, moves)
    tx.insert(CASE_STEPS, steps)
    tx.insert(CASE_TRIGGERS, triggers)
    return opened


def _record(tx: Transaction, moves: Sequence[Move]) -> None:
    """Each round has one move a case at most: the next begins with the version that the last one made."""
    rounds: list[list[Move]] = []
    depth: dict[str, int] = {}
    for move in moves:
        place = depth.get(move.after.id, 0)
        depth[move.after.id] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(move)
    for each in rounds:
        record(tx, each)


def _new(tx: Transaction, policy: Policy, reason: Reason) -> Case:
    level = reason.level or policy.required_level
    if not policy.rank(level):
        raise Conflict(f"procedure `{policy.id}` has no level `{level[:40]}`")
    if reason.subject not in policy.subjects:
        raise Conflict(f"procedure `{policy.id}` is not for a {reason.subject}")
    registered = reason.registered_at or registered_at(tx.connection, reason.account) or tx.now
    start, end = deadline_of(policy, reason.trigger, tx.now, registered)
    return Case(
        id=f"case_{random_bytes(10).hex()}",
        account=reason.account,
        key=reason.key,
        policy=policy.id,
        policy_version=policy.version,
        level=level,
        subject=reason.subject,
        mode=reason.mode,
        opened_for=reason.trigger,
        state=State.OPEN,
        version=1,
        opened_at=tx.now,
        entered_at=tx.now,
        deadline_from=start,
        deadline_at=end,
    )


def _added(case: Case, policy: Policy, reason: Reason) -> Move:
    """Another reason for a case that is there: the deadline stays. An abuse report holds back at once what it does."""
    abused = reason.trigger is Trigger.ABUSE_EVENT and policy.abuse is not None and _is_below(policy, case)
    move = changed(case, policy, actor=reason.actor, said="case.triggered", actions=("holds",) if abused else ())
    holds = tuple(NewHold(kind, "abuse") for kind in policy.abuse.hold) if abused and policy.abuse else ()
    return Move(
        before=move.before,
        after=move.after,
        actor=move.actor,
        said=move.said,
        details={"trigger": reason.trigger.value},
        actions=move.actions,
        holds=holds,
    )


def _is_below(policy: Policy, case: Case | None) -> bool:
    """Whether an account is below the level from which an abuse report holds nothing back."""
    if policy.abuse is None:
        return False
    reached = policy.rank(case.level) if case is not None and case.state is State.VERIFIED else 0
    return reached < policy.rank(policy.abuse.below)


def _is_enough(policy: Policy, case: Case | None, reason: Reason) -> bool:
    level = reason.level or policy.required_level
    return case is not None and case.policy == policy.id and policy.rank(case.level) >= policy.rank(level)


def _known(tx: Transaction, reasons: Sequence[Reason]) -> _Known:
    accounts = sorted({each.account for each in reasons})
    references = sorted({each.reference for each in reasons})
    found: list[Case] = []
    heard: dict[tuple[str, str], str] = {}
    for start in range(0, len(accounts), _AT_ONCE):
        some = accounts[start : start + _AT_ONCE]
        wanted = select(CASES).where(CASES.c.account.in_(some)).order_by(CASES.c.opened_at, CASES.c.id)
        found += map(case_of, tx.connection.execute(wanted))
    for start in range(0, len(references), _AT_ONCE):
        some_references = references[start : start + _AT_ONCE]
        rows = tx.connection.execute(select(CASE_TRIGGERS).where(CASE_TRIGGERS.c.reference.in_(some_references)))
        heard |= {(row.trigger, row.reference): row.case for row in rows}
    return _Known(
        current={each.account: each for each in found if each.state.is_current},
        verified={each.account: each for each in found if each.state is State.VERIFIED},
        heard=heard,
        cases={each.id: each for each in found},
    )


def _by_id(tx: Transaction, id_: str, known: _Known, current: Mapping[int, Case]) -> Case:
    for each in current.values():
        if each.id == id_:
            return each
    if id_ in known.cases:
        return known.cases[id_]
    return case_of(tx.connection.execute(select(CASES).where(CASES.c.id == id_)).one())


def _step_rows(case: Case, policy: Policy) -> list[dict[str, Any]]:
    steps = policy.steps(case.level, case.subject, case.mode)
    return [{"case": case.id, "position": place, "kind": each.name} for place, each in enumerate(steps)]


def _trigger_row(tx: Transaction, case: str, reason: Reason) -> dict[str, Any]:
    return {
        "case": case,
        "trigger": reason.trigger.value,
        "reference": reason.reference,
        "at": tx.at,
        "actor": reason.actor,
    }


class CaseOpener:
    """Opens cases for screenings in the transaction that stores them: what belongs to a `Screening`."""

    def __init__(self, policies: Policies, policy: Policy) -> None:
        self._policies, self._first = policies, policy

    @property
    def _policy(self) -> Policy:
        """The procedure as it is in force now."""
        return self._policies.by_id.get(self._first.id, self._first)

    def __call__(self, tx: Transaction, added: Sequence[Added]) -> None:
        """Follow several screenings that are stored together."""
        reasons = [reason for each in added if (reason := self._reason(tx, each)) is not None]
        if reasons:
            open_cases(tx, self._policies, self._policy, reasons)

    def _reason(self, tx: Transaction, added: Added) -> Reason | None:
        flagged = added.decision.outcome is Outcome.VERIFY and Trigger.RISK_FLAG in self._policy.opens_on
        if not flagged and Trigger.MANDATORY not in self._policy.opens_on:
            return None
        account = added.signup.account
        trigger = Trigger.RISK_FLAG if flagged else Trigger.MANDATORY
        return Reason(
            account=account.number,
            key=account.key_number,
            trigger=trigger,
            reference=added.stored.decision_id if flagged else f"account {account.number}",
            actor="screening",
        )


def opener_of(site: Site) -> CaseOpener | None:
    """What opens cases for the screenings of a site; None where no procedure is chosen."""
    return CaseOpener(site.policies, site.policy) if site.policy is not None else None

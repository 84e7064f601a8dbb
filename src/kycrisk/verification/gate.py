"""Gates: whether an account may have a refund, order, or use a feature. They are computed when asked, so they are right
even when no sweep has run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from kycrisk.verification.case import Case, cases_of
from kycrisk.verification.hold import active_holds
from kycrisk.verification.policies import Policies
from kycrisk.verification.policy import Policy
from kycrisk.verification.state import State

ORDER, REFUND, SERVICE = "order", "refund", "service"
_HELD_BY = {ORDER: "orders", REFUND: "refunds", SERVICE: "services"}


class Passage(StrEnum):
    """What a gate says."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"  # nobody has said anything about such a feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The answer, with every reason that stands against it."""

    name: str
    passage: Passage
    level: str  # that the account has reached; empty: none
    needs: str  # the level that this takes; empty: none
    reasons: tuple[str, ...]


def held_by(gate: str) -> str:
    """The kind of hold that shuts a gate."""
    return _HELD_BY.get(gate, f"feature:{gate.removeprefix('feature:')}")


def gate_of(
    connection: Connection, account: int | None, name: str, policies: Policies, policy: Policy | None, now: datetime
) -> Gate:
    """The gate of an account (None: never heard of), by the procedure of the site. `name` is `refund`, `order`,
    `service` or a feature's."""
    cases = cases_of(connection, account) if account is not None else ()
    level = level_of(cases, policies, policy)
    rule = name if name in _HELD_BY else f"feature:{name.removeprefix('feature:')}"
    needs = policy.gates.get(rule, "") if policy else ""
    reasons = []
    if policy and needs and policy.rank(level) < policy.rank(needs):
        reasons.append(f"it takes the level `{needs}`, and the account has {f'`{level}`' if level else 'none'}")
    kind = held_by(name)
    if account is not None:
        reasons += [f"held back: {each.cause}" for each in active_holds(connection, account) if each.kind == kind]
    reasons += [each for each in (_overdue(case, policies, kind, now) for case in cases) if each]
    reasons = list(dict.fromkeys(reasons))
    if reasons:
        passage = Passage.DENY
    elif name in _HELD_BY or _is_known(rule, policy):
        passage = Passage.ALLOW
    else:
        passage = Passage.UNKNOWN
    return Gate(name=name, passage=passage, level=level, needs=needs, reasons=tuple(reasons))


def level_of(cases: tuple[Case, ...], policies: Policies, policy: Policy | None) -> str:
    """The highest level that an account has reached and not lost; empty: none."""
    reached = [each.level for each in cases if each.state is State.VERIFIED]
    if policy is None:
        return reached[-1] if reached else ""
    return max(reached, key=policy.rank, default="")


def _overdue(case: Case, policies: Policies, kind: str, now: datetime) -> str:
    policy = policies.by_id.get(case.policy)
    if policy is None or not case.deadline_passed(now):
        return ""
    return "held back: deadline" if kind in policy.deadline_of(case.opened_for).hold else ""


def _is_known(rule: str, policy: Policy | None) -> bool:
    if policy is None:
        return False
    feature = rule.removeprefix("feature:")
    held = [kind for each in (policy.deadline, *policy.deadlines.values()) for kind in each.hold]
    return rule in policy.gates or rule in held or any(feature in level.unlocks for level in policy.levels)

"""Moves: what one happening makes of a case, all of it in one value, which ledger.py writes in one transaction.

Everything here is a function of the case, its policy and the moment; nothing reads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kycrisk.verification.case import Case
from kycrisk.verification.clocks import months_later, next_due
from kycrisk.verification.policy import Policy
from kycrisk.verification.state import Happening, State, Trigger
from kycrisk.verification.transitions import next_state

#: Pictures of a case that is overdue for so long are not kept for ever; they can be sent anew.
ABANDONED_AFTER = timedelta(days=30)


class Lift:
    """Which holds of the account a move lifts."""

    NONE = "none"
    EARNED = "earned"  # what a verification ends: all but those that a person put there
    ALL = "all"


@dataclass(frozen=True, slots=True)
class NewHold:
    """Something held back, and why."""

    kind: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of a case. `before` is None for a new one; `actions` are what has to go out."""

    before: Case | None
    after: Case
    actor: str
    said: str
    details: Mapping[str, object] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    holds: tuple[NewHold, ...] = ()
    lift: str = Lift.NONE
    lifts: tuple[NewHold, ...] = ()  # these holds of the account, and no others


def timed(case: Case, policy: Policy) -> Case:
    """The same case with the moment at which the clock comes by next, and the version of the procedure that said so."""
    version = policy.version if policy.id == case.policy else case.policy_version
    return replace(case, due_at=next_due(case, policy), policy_version=version)


def changed(
    case: Case, policy: Policy, *, actor: str, said: str, actions: tuple[str, ...] = (), **values: object
) -> Move:
    """A change that leaves the state as it is."""
    after = timed(replace(case, version=case.version + 1, **values), policy)  # type: ignore[arg-type]
    return Move(before=case, after=after, actor=actor, said=said, actions=actions)


def opening(case: Case, policy: Policy, *, actor: str, abused: bool = False) -> Move:
    """A new case, with what it holds back at once after an abuse report."""
    holds = tuple(NewHold(kind, "abuse") for kind in policy.abuse.hold) if abused and policy.abuse else ()
    confirmed = ("ticket.open", "mail.opened")
    return Move(
        before=None,
        after=timed(case, policy),
        actor=actor,
        said="case.opened",
        details={"policy": case.policy, "trigger": case.opened_for.value, "level": case.level},
        actions=(*confirmed, "holds") if holds else confirmed,
        holds=holds,
    )


def happen(
    case: Case,
    happening: Happening,
    policy: Policy,
    now: datetime,
    *,
    actor: str,
    reasons: tuple[str, ...] = (),
    document_expires: datetime | None = None,
    lift: str | None = None,
) -> Move | None:
    """What a happening makes of a case; None where it cannot happen now."""
    state = next_state(case.state, happening)
    if state is None:
        return None
    after = replace(
        _entered(case, state, policy, now),
        reasons=reasons if happening in _WITH_REASONS else case.reasons,
        attempts=case.attempts + (happening is Happening.START),
        document_expires=document_expires or case.document_expires,
    )
    if happening is Happening.APPROVED:
        after = replace(after, verified_until=verified_until(after, policy, now), reasons=())
    holds = _HOLDING.get(happening, "")
    return Move(
        before=case,
        after=timed(after, policy),
        actor=actor,
        said=f"case.{happening.value}",
        details={"from": case.state.value, "to": state.value, **({"reasons": list(reasons)} if reasons else {})},
        actions=_ACTIONS.get(happening, ()),
        holds=tuple(NewHold(each, holds) for each in policy.deadline_of(case.opened_for).hold) if holds else (),
        lift=lift or (Lift.EARNED if happening is Happening.APPROVED else Lift.NONE),
    )


_WITH_REASONS = (Happening.UNDECIDED, Happening.SENT_BACK, Happening.REFUSED, Happening.REVOKED)
_HOLDING = {Happening.DEADLINE: "deadline", Happening.REFUSED: "rejected"}
_ACTIONS: Mapping[Happening, tuple[str, ...]] = {
    Happening.SUBMIT: ("mail.submitted",),
    Happening.APPROVED: ("ticket.verified", "mail.verified", "holds"),
    Happening.SENT_BACK: ("ticket.failed", "mail.failed"),
    Happening.REFUSED: ("ticket.rejected", "mail.rejected", "holds"),
    Happening.DEADLINE: ("ticket.overdue", "mail.overdue", "holds"),
    Happening.DISPUTE: ("ticket.disputed",),
    Happening.WITHDRAWN: ("holds",),
}


def remind(case: Case, policy: Policy, now: datetime) -> Move:
    """Tell the customer again. After a longer downtime that is one mail, not as many as were missed."""
    reminders = policy.deadline_of(case.opened_for).reminders
    behind = sum(1 for each in reminders if case.deadline_from + each <= now)
    return changed(
        case,
        policy,
        actor="clock",
        said="case.reminded",
        actions=("mail.reminder",),
        reminded=max(behind, case.reminded),
    )


def escalate(case: Case, policy: Policy, now: datetime) -> Move:
    """The reviewer's time is over: the operators are told."""
    return changed(case, policy, actor="clock", said="case.escalated", actions=("mail.escalated",), escalated_at=now)


def verified_until(case: Case, policy: Policy, now: datetime) -> datetime | None:
    """When a verification has to be refreshed; None: never."""
    refresh = policy.refresh
    if refresh is None:
        return None
    ends = [months_later(now, refresh.months)] if refresh.months else []
    if refresh.before_expiry and case.document_expires:
        ends.append(max(now, case.document_expires - refresh.before_expiry))
    return min(ends, default=None)


def _entered(case: Case, state: State, policy: Policy, now: datetime) -> Case:
    """The case in its next state, with its clocks stopped and started."""
    waited = case.state in (State.OPEN, State.NEEDS_RESUBMISSION, State.VERIFIED, State.REJECTED)
    values: dict[str, object] = {
        "state": state,
        "version": case.version + 1,
        "entered_at": now,
        "active": case.active + (timedelta(0) if waited else max(timedelta(0), now - case.entered_at)),
    }
    if state.is_reviewers_turn and not case.state.is_reviewers_turn:
        values |= {"paused_at": now, "review_by": now + policy.review.within, "escalated_at": None}
        values |= {"submitted_at": case.submitted_at or now, "decided_at": None}
    if case.state.is_reviewers_turn and not state.is_reviewers_turn:
        paused = now - case.paused_at if case.paused_at else timedelta(0)
        values |= {"paused_at": None, "review_by": None}
        values |= {"deadline_from": case.deadline_from + paused}
        values |= {"deadline_at": case.deadline_at + paused if case.deadline_at else None}
    if state is State.OVERDUE and case.state is not State.OVERDUE:
        values |= {"purge_at": now + ABANDONED_AFTER}
    if state.is_reviewers_turn:
        values |= {"purge_at": None}  # also of a decided case that is disputed, or taken back
    if state in (State.VERIFIED, State.REJECTED):
        values |= {"decided_at": now, "purge_at": now + policy.keep_images}
    if state in (State.NEEDS_RESUBMISSION, State.CLOSED):
        values |= {"snapshot": None}
    if state is State.CLOSED:
        values |= {"purge_at": now, "verified_until": None}
    return replace(case, **values)  # type: ignore[arg-type]


def deadline_of(policy: Policy, trigger: Trigger, now: datetime, registered_at: datetime) -> tuple[datetime, datetime]:
    """What a deadline is counted from, and when it is over."""
    deadline = policy.deadline_of(trigger)
    start = registered_at if deadline.from_registration else now
    return start, start + deadline.within

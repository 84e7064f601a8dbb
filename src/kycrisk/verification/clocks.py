"""When the clock has something to do with a case."""

from __future__ import annotations

import calendar
from datetime import datetime

from kycrisk.verification.case import Case
from kycrisk.verification.policy import Policy
from kycrisk.verification.state import State


def next_due(case: Case, policy: Policy) -> datetime | None:
    """The next moment at which a sweep has something to do; None: not until something else happens."""
    due: list[datetime | None] = [case.purge_at]
    if case.state.is_customers_turn:
        due += [case.deadline_at, next_reminder(case, policy)]
    if case.state.is_reviewers_turn and case.escalated_at is None:
        due.append(case.review_by)
    if case.state is State.VERIFIED:
        due.append(case.verified_until)
    return min((each for each in due if each is not None), default=None)


def next_reminder(case: Case, policy: Policy) -> datetime | None:
    """When the customer is reminded next."""
    left = policy.deadline_of(case.opened_for).reminders[case.reminded :]
    return case.deadline_from + left[0] if left else None


def months_later(at: datetime, months: int) -> datetime:
    """The same day so many months later, or the last one of a shorter month."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)

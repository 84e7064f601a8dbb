"""The reviewers' queue: what waits for a person, the most urgent first, and how long cases take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from kycrisk.store.case_schema import CASE_REVIEWS, CASES
from kycrisk.store.moments import micros
from kycrisk.store.pages import MOST, Page, cursor_of, number_of
from kycrisk.verification.action import open_actions
from kycrisk.verification.case import Case, case_of
from kycrisk.verification.policies import Policies
from kycrisk.verification.state import State

#: The median is taken over so many of the latest decided cases.
MEDIAN_OF = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A case that waits for a person."""

    case: Case
    age: timedelta
    overdue: bool
    disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many cases are in each state, how many wait too long for a person, and the median of the active time."""

    states: dict[str, int]
    waiting: int
    overdue: int
    actions: int
    median_active: timedelta | None


def for_people(policies: Policies) -> ColumnElement[bool]:
    """Which cases a person has to look at: those in review, and those that are handed in where no provider decides."""
    manual = [each.id for each in policies.by_id.values() if each.provider == "manual"]
    handed_in = (CASES.c.state == State.SUBMITTED.value) & CASES.c.policy.in_(manual)
    return (CASES.c.state == State.IN_REVIEW.value) | handed_in


def waiting(
    connection: Connection,
    policies: Policies,
    now: datetime,
    *,
    after: str = "",
    limit: int = 100,
    overdue: bool = False,
) -> Page[Waiting]:
    """A page of the queue, whoever has waited longest first. Raises `BadCursor`."""
    wanted = select(CASES).where(for_people(policies)).order_by(CASES.c.review_by, CASES.c.id)
    if overdue:
        wanted = wanted.where(CASES.c.review_by <= micros(now))
    cases, following = _page(connection, wanted, after, limit)
    ids = [each.id for each in cases]
    disputes = select(CASE_REVIEWS.c.case).where(CASE_REVIEWS.c.case.in_(ids), CASE_REVIEWS.c.verdict == "dispute")
    disputed = set(connection.execute(disputes).scalars()) if ids else set()
    return Page(tuple(_waiting(each, now, each.id in disputed) for each in cases), following)


def _waiting(case: Case, now: datetime, disputed: bool) -> Waiting:
    since = case.paused_at or case.entered_at
    overdue = case.review_by is not None and case.review_by <= now
    return Waiting(case=case, age=now - since, overdue=overdue, disputed=disputed)


def page_of_cases(
    connection: Connection, *, state: State | None = None, account: int | None = None, after: str = "", limit: int = 100
) -> Page[Case]:
    """Cases, the newest first. Raises `BadCursor`."""
    wanted = select(CASES).order_by(CASES.c.opened_at.desc(), CASES.c.id)
    if state is not None:
        wanted = wanted.where(CASES.c.state == state.value)
    if account is not None:
        wanted = wanted.where(CASES.c.account == account)
    cases, following = _page(connection, wanted, after, limit)
    return Page(cases, following)


def _page(connection: Connection, wanted: Select[Any], after: str, limit: int) -> tuple[tuple[Case, ...], str]:
    """These lists are short and change at their beginning: a page begins behind so many cases."""
    offset, limit = number_of(after) if after else 0, min(limit, MOST)
    rows = connection.execute(wanted.offset(offset).limit(limit + 1)).all()
    following = cursor_of(offset + limit) if len(rows) > limit else ""
    return tuple(map(case_of, rows[:limit])), following


def figures(connection: Connection, policies: Policies, now: datetime) -> Figures:
    """What operators watch."""
    states = connection.execute(select(CASES.c.state, func.count()).group_by(CASES.c.state)).all()
    queue = select(func.count()).select_from(CASES).where(for_people(policies))
    decided = select(CASES.c.active).where(CASES.c.decided_at.is_not(None))
    latest = connection.execute(decided.order_by(CASES.c.decided_at.desc()).limit(MEDIAN_OF)).scalars().all()
    return Figures(
        states=dict(map(tuple, states)),
        waiting=connection.execute(queue).scalar_one(),
        overdue=connection.execute(queue.where(CASES.c.review_by <= micros(now))).scalar_one(),
        actions=open_actions(connection),
        median_active=timedelta(microseconds=int(median(latest))) if latest else None,
    )

"""A case: which account, which procedure, where it stands, and its clocks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from kycrisk.store.case_schema import CASES
from kycrisk.store.failure import NotFound
from kycrisk.store.moments import micros, moment, optional_micros, optional_moment
from kycrisk.verification.policy import Mode, Subject
from kycrisk.verification.state import State, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as it stands in the store. `version` counts its changes; `account` is the store's number."""

    id: str
    account: int
    key: int
    policy: str
    policy_version: str
    level: str
    subject: Subject
    mode: Mode
    opened_for: Trigger
    state: State
    version: int
    opened_at: datetime
    entered_at: datetime
    deadline_from: datetime
    deadline_at: datetime | None = None
    paused_at: datetime | None = None
    reminded: int = 0
    review_by: datetime | None = None
    escalated_at: datetime | None = None
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    verified_until: datetime | None = None
    document_expires: datetime | None = None
    active: timedelta = timedelta(0)
    attempts: int = 0
    snapshot: bytes | None = None
    reasons: tuple[str, ...] = ()
    sealed_ticket: bytes | None = None
    purge_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def is_overdue(self) -> bool:
        return self.state is State.OVERDUE

    def deadline_passed(self, now: datetime) -> bool:
        """Whether the customer's time is over, if a sweep has seen it or not."""
        return self.is_overdue or (
            self.state.is_customers_turn and self.deadline_at is not None and self.deadline_at <= now
        )


_MICROSECOND = timedelta(microseconds=1)


def case_of(row: Row[Any]) -> Case:
    """A row of `cases`."""
    return Case(
        id=row.id,
        account=row.account,
        key=row.key,
        policy=row.policy,
        policy_version=row.policy_version,
        level=row.level,
        subject=Subject(row.subject_type),
        mode=Mode(row.mode),
        opened_for=Trigger(row.opened_for),
        state=State(row.state),
        version=row.version,
        opened_at=moment(row.opened_at),
        entered_at=moment(row.entered_at),
        deadline_from=moment(row.deadline_from),
        deadline_at=optional_moment(row.deadline_at),
        paused_at=optional_moment(row.paused_at),
        reminded=row.reminded,
        review_by=optional_moment(row.review_by),
        escalated_at=optional_moment(row.escalated_at),
        submitted_at=optional_moment(row.submitted_at),
        decided_at=optional_moment(row.decided_at),
        verified_until=optional_moment(row.verified_until),
        document_expires=optional_moment(row.document_expires),
        active=timedelta(microseconds=row.active),
        attempts=row.attempts,
        snapshot=None if row.snapshot is None else bytes(row.snapshot),
        reasons=tuple(json.loads(row.reasons)),
        sealed_ticket=None if row.sealed_ticket is None else bytes(row.sealed_ticket),
        purge_at=optional_moment(row.purge_at),
        due_at=optional_moment(row.due_at),
    )


def row_of(case: Case, *, current: bool) -> dict[str, Any]:
    """The row of a case; `current`: whether it is the open one of its account."""
    return {
        "id": case.id,
        "account": case.account,
        "key": case.key,
        "current_for": case.account if current else None,
        "policy": case.policy,
        "policy_version": case.policy_version,
        "level": case.level,
        "subject_type": case.subject.value,
        "mode": case.mode.value,
        "opened_for": case.opened_for.value,
        "state": case.state.value,
        "version": case.version,
        "opened_at": micros(case.opened_at),
        "entered_at": micros(case.entered_at),
        "deadline_from": micros(case.deadline_from),
        "deadline_at": optional_micros(case.deadline_at),
        "paused_at": optional_micros(case.paused_at),
        "reminded": case.reminded,
        "review_by": optional_micros(case.review_by),
        "escalated_at": optional_micros(case.escalated_at),
        "submitted_at": optional_micros(case.submitted_at),
        "decided_at": optional_micros(case.decided_at),
        "verified_until": optional_micros(case.verified_until),
        "document_expires": optional_micros(case.document_expires),
        "active": case.active // _MICROSECOND,
        "attempts": case.attempts,
        "snapshot": case.snapshot,
        "reasons": json.dumps(list(case.reasons)),
        "sealed_ticket": case.sealed_ticket,
        "purge_at": optional_micros(case.purge_at),
        "due_at": optional_micros(case.due_at),
    }


def find_case(connection: Connection, id: str) -> Case:
    """Raises `NotFound`."""
    row = connection.execute(select(CASES).where(CASES.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no case `{id[:60]}`")
    return case_of(row)


def current_case(connection: Connection, account: int) -> Case | None:
    """The open case of an account."""
    row = connection.execute(select(CASES).where(CASES.c.current_for == account)).first()
    return None if row is None else case_of(row)


def cases_of(connection: Connection, account: int) -> tuple[Case, ...]:
    """All cases of an account, the oldest first."""
    wanted = select(CASES).where(CASES.c.account == account).order_by(CASES.c.opened_at, CASES.c.id)
    return tuple(map(case_of, connection.execute(wanted)))


def due_cases(now: datetime) -> Select[Any]:
    """What the clock has something to do with, the longest due first."""
    return select(CASES).where(CASES.c.due_at <= micros(now)).order_by(CASES.c.due_at, CASES.c.id)

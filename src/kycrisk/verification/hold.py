"""Holds: what is held back from an account, each with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from kycrisk.store.case_schema import CASE_HOLDS
from kycrisk.store.moments import moment, optional_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`kind`: `orders`, `services`, `refunds` or `feature:x`; `cause`: `deadline`, `abuse`, `rejected` or `manual`."""

    id: int
    case: str
    account: int
    kind: str
    cause: str
    since: datetime
    lifted_at: datetime | None
    applied: str | None
    released_at: datetime | None


def hold_of(row: Row[Any]) -> Hold:
    return Hold(
        id=row.id,
        case=row.case,
        account=row.account,
        kind=row.kind,
        cause=row.cause,
        since=moment(row.since),
        lifted_at=optional_moment(row.lifted_at),
        applied=row.applied,
        released_at=optional_moment(row.released_at),
    )


def holds_of(connection: Connection, account: int) -> tuple[Hold, ...]:
    """All holds there ever were on an account, the oldest first."""
    wanted = select(CASE_HOLDS).where(CASE_HOLDS.c.account == account).order_by(CASE_HOLDS.c.id)
    return tuple(map(hold_of, connection.execute(wanted)))


def active_holds(connection: Connection, account: int) -> tuple[Hold, ...]:
    """What is held back now."""
    return tuple(each for each in holds_of(connection, account) if each.lifted_at is None)

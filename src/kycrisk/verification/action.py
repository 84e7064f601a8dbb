"""Outgoing work: claimed for a while by one process, done, and settled; due again when that process is not heard of.

What is done for one account in one lane (tickets, mail, holds) is done in order, one after the other. So whoever holds
something back or lets it go has nobody beside them, and what they read of the wished state is what they leave behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sqlalchemy import Connection, delete, func, select, update

from kycrisk.store.case_schema import CASE_ACTIONS
from kycrisk.store.moments import micros, moment
from kycrisk.store.transaction import Transaction

LEASE = timedelta(seconds=60)  # longer than any action takes, for each has its own timeouts
PATIENCE = timedelta(days=3)
_FIRST, _FACTOR, _LONGEST = timedelta(seconds=5), 3, timedelta(hours=1)


class ActionState(IntEnum):
    """What became of an action."""

    WAITING = 0
    RUNNING = 1
    DONE = 2
    MOOT = 3  # when its turn came nobody wished for it any more
    DEAD = 4  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to be done; `tries` counts the present one."""

    id: int
    case: str
    account: int
    version: int
    action: str
    tries: int
    created_at: datetime

    @property
    def lane(self) -> str:
        return self.action.partition(".")[0]

    @property
    def topic(self) -> str:
        return self.action.partition(".")[2]

    @property
    def key(self) -> str:
        """The same at every try: receivers tell doubles by it."""
        return f"{self.case}-{self.version}-{self.action}"


_OPEN = (ActionState.WAITING, ActionState.RUNNING)


def claim(tx: Transaction, limit: int, account: int | None = None) -> list[Action]:
    """Take what is due, the oldest first: of each account and lane the first that is not ended. Others leave it alone
    until the lease is over. `account`: of that one only."""
    table, before = CASE_ACTIONS, CASE_ACTIONS.alias("before")
    earlier = select(before.c.id).where(
        before.c.account == table.c.account,
        before.c.lane == table.c.lane,
        before.c.state.in_(_OPEN),
        before.c.id < table.c.id,
    )
    due = (table.c.state.in_(_OPEN)) & (table.c.due_at <= tx.at) & ~earlier.exists()
    if account is not None:
        due &= table.c.account == account
    rows = tx.connection.execute(select(table).where(due).order_by(table.c.id).limit(limit)).all()
    taken = [row.id for row in rows]
    if taken:
        values = {"state": ActionState.RUNNING, "tries": table.c.tries + 1, "due_at": micros(tx.now + LEASE)}
        tx.connection.execute(update(table).where(table.c.id.in_(taken)).values(**values))
    return [
        Action(
            id=row.id,
            case=row.case,
            account=row.account,
            version=row.version,
            action=row.action,
            tries=row.tries + 1,
            created_at=moment(row.created_at),
        )
        for row in rows
    ]


def settle(tx: Transaction, action: Action, state: ActionState, error: str = "") -> bool:
    """Write down what came of a try; False when somebody else has taken it over meanwhile."""
    values: dict[str, object] = {"state": state, "ended_at": tx.at, "error": error[:500]}
    if state is ActionState.WAITING:
        values |= {"ended_at": None, "due_at": micros(tx.now + pause(action.tries))}
        if tx.now - action.created_at >= PATIENCE:
            values |= {"state": ActionState.DEAD, "ended_at": tx.at}
    table = CASE_ACTIONS.c
    mine = (table.id == action.id) & (table.tries == action.tries) & (table.state == ActionState.RUNNING)
    return tx.connection.execute(update(CASE_ACTIONS).where(mine).values(**values)).rowcount == 1


def pause(tries: int) -> timedelta:
    """How long it is until the next try."""
    steps: int = _FACTOR ** min(max(tries, 1) - 1, 8)
    return min(_FIRST * steps, _LONGEST)


def open_actions(connection: Connection, account: int | None = None, lane: str | None = None) -> int:
    """How much there is still to do, in all or for an account or in a lane."""
    wanted = select(func.count()).select_from(CASE_ACTIONS).where(CASE_ACTIONS.c.state.in_(_OPEN))
    if account is not None:
        wanted = wanted.where(CASE_ACTIONS.c.account == account)
    if lane is not None:
        wanted = wanted.where(CASE_ACTIONS.c.lane == lane)
    return connection.execute(wanted).scalar_one()


def forget_actions(tx: Transaction, before: datetime) -> int:
    """Delete what ended before a moment; how many."""
    ended = CASE_ACTIONS.c.state.not_in(_OPEN) & (CASE_ACTIONS.c.ended_at < micros(before))
    return tx.connection.execute(delete(CASE_ACTIONS).where(ended)).rowcount


def actions_of(connection: Connection, case_id: str) -> Sequence[tuple[str, ActionState, str]]:
    """What went out of a case, and what became of it."""
    table = CASE_ACTIONS.c
    wanted = select(table.action, table.state, table.error).where(table.case == case_id).order_by(table.id)
    return [(row.action, ActionState(row.state), row.error) for row in connection.execute(wanted)]

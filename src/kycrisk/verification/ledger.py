"""Writes moves: cases, holds, audit rows and outgoing work, all in the transaction that they were decided in.

However many moves there are, it is a handful of statements: a sweep may move ten thousand cases at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import select, update

from kycrisk.store.case_schema import CASE_ACTIONS, CASE_HOLDS, CASES
from kycrisk.store.failure import Conflict
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case, row_of
from kycrisk.verification.move import Lift, Move, NewHold

_AT_ONCE = 500
#: What a verification does not lift: somebody put it there.
BY_HAND = "manual"


def record(tx: Transaction, moves: Sequence[Move]) -> None:
    """Write them. Raises `Conflict` when a case is not of the version any more that its move began with."""
    new = [each for each in moves if each.before is None]
    tx.insert(CASES, [row_of(each.after, current=each.after.state.is_current) for each in new])
    _update(tx, [each for each in moves if each.before is not None])
    for each in moves:
        tx.audit(each.actor, each.said, each.after.id, {**each.details, **_versions(each)})
    _hold(tx, moves)
    _lift(tx, [each for each in moves if each.lift != Lift.NONE or each.lifts])
    tx.insert(CASE_ACTIONS, [_action(tx, each.after, action) for each in moves for action in each.actions])


def _versions(move: Move) -> dict[str, object]:
    """The case's, and that of its procedure where it is another one than before."""
    before, now = move.before, move.after.policy_version
    newer = {"policy_version": now} if before is None or before.policy_version != now else {}
    return {"version": move.after.version, **newer}


def _action(tx: Transaction, case: Case, action: str) -> dict[str, Any]:
    return {
        "case": case.id,
        "account": case.account,
        "version": case.version,
        "action": action,
        "lane": action.partition(".")[0],
        "state": 0,
        "tries": 0,
        "due_at": tx.at,
        "created_at": tx.at,
        "error": "",
    }


_FIXED = ("id", "account", "key", "opened_for", "opened_at")


@cache
def _update_statement(paramstyle: str) -> str:
    mark = "?" if paramstyle == "qmark" else "%s"
    names = [column.name for column in CASES.columns if column.name not in _FIXED]
    return f"UPDATE cases SET {', '.join(f'{name} = {mark}' for name in names)} WHERE id = {mark} AND version = {mark}"


def _update(tx: Transaction, moves: Sequence[Move]) -> None:
    if not moves:
        return
    others = _others(tx, [each for each in moves if each.after.state.is_current and each.before != each.after])
    values = []
    for each in moves:
        assert each.before is not None
        current = each.after.state.is_current and others.get(each.after.account, each.after.id) == each.after.id
        row = row_of(each.after, current=current)
        changed = [value for name, value in row.items() if name not in _FIXED]
        values.append((*changed, each.before.id, each.before.version))
    statement = _update_statement(tx.connection.dialect.paramstyle)
    done = tx.connection.exec_driver_sql(statement, values)
    if done.rowcount != len(values):
        raise Conflict("a case was changed meanwhile", "look at it again")


def _others(tx: Transaction, moves: Sequence[Move]) -> dict[int, str]:
    """The open case of each account: one that comes back to life does not take the place of another."""
    back = [each.after.account for each in moves if each.before and not each.before.state.is_current]
    if not back:
        return {}
    wanted = select(CASES.c.current_for, CASES.c.id).where(CASES.c.current_for.in_(back))
    return {row.current_for: row.id for row in tx.connection.execute(wanted)}


def _hold(tx: Transaction, moves: Iterable[Move]) -> None:
    wanted = [(move.after, hold) for move in moves for hold in move.holds]
    if not wanted:
        return
    active = _active(tx, {case.account for case, _ in wanted})
    there = {(row.account, row.kind, row.cause) for row in active}
    rows = []
    for case, hold in wanted:
        if (case.account, hold.kind, hold.cause) in there:
            continue
        there.add((case.account, hold.kind, hold.cause))
        tx.audit("verification", "hold.placed", case.id, {"kind": hold.kind, "cause": hold.cause})
        rows.append(
            {"case": case.id, "account": case.account, "kind": hold.kind, "cause": hold.cause, "since": tx.at}
        )  # fmt: skip
    tx.insert(CASE_HOLDS, rows)


def _lift(tx: Transaction, moves: Sequence[Move]) -> None:
    if not moves:
        return
    by_account = {each.after.account: each for each in moves}
    chosen = []
    for row in _active(tx, set(by_account)):
        move = by_account[row.account]
        if not _is_lifted(move, row):
            continue
        chosen.append(row.id)
        tx.audit(move.actor, "hold.lifted", move.after.id, {"kind": row.kind, "cause": row.cause})
    for start in range(0, len(chosen), _AT_ONCE):
        ids = chosen[start : start + _AT_ONCE]
        lifted = update(CASE_HOLDS).where(CASE_HOLDS.c.id.in_(ids)).values(lifted_at=tx.at, lifted_by="verification")
        tx.connection.execute(lifted)


def _is_lifted(move: Move, row: Any) -> bool:
    if move.lift == Lift.NONE:
        return NewHold(row.kind, row.cause) in move.lifts
    return move.lift == Lift.ALL or row.cause != BY_HAND


def _active(tx: Transaction, accounts: set[int]) -> list[Any]:
    found: list[Any] = []
    numbers = sorted(accounts)
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        wanted = select(CASE_HOLDS).where(CASE_HOLDS.c.account.in_(some), CASE_HOLDS.c.lifted_at.is_(None))
        found += tx.connection.execute(wanted.order_by(CASE_HOLDS.c.id)).all()
    return found

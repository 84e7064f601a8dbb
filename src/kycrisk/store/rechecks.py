"""The recheck list: accounts whose decision was not settled, and the signals that were missing.

When the source of a signal answers again, `waiting_for` names the signups to be screened once more. A settled decision
takes its account off the list; another unsettled one keeps it there and counts the try.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from kycrisk.decision import Decision
from kycrisk.signals import Unknown
from kycrisk.store.moments import micros, moment
from kycrisk.store.reader import Reader
from kycrisk.store.schema import RECHECK_SIGNALS, RECHECKS
from kycrisk.store.signups import Registered
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """An account that waits. `missing` maps each signal to why it was unknown; `tries` counts unsettled rechecks."""

    account: int
    signup: int
    decision_id: str
    since: datetime
    tries: int
    not_before: datetime
    missing: Mapping[str, str]


class Rechecks:
    """The recheck list of the store."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def due(
        self, now: datetime, *, signals: Collection[str] | None = None, limit: int = 100
    ) -> tuple[Recheck, ...]:
        """Accounts that may be screened again, those waiting longest first; only those that miss one of `signals`."""
        return await self._reader.read(_due, now, signals, limit)

    async def missing(self) -> Mapping[str, int]:
        """The signals that are waited for, each with how many accounts wait."""
        return await self._reader.read(_missing)

    async def postpone(self, account: int, until: datetime) -> None:
        """Leave an account alone until a moment, because its source did not answer again after all."""
        await self._writer.write(_postpone, (account, until))

    async def give_up(self, account: int, actor: str) -> None:
        """Take an account off the list without a settled decision."""
        await self._writer.write(_give_up, (account, actor))


def put_on_list(tx: Transaction, decided: Sequence[tuple[Registered, Decision]]) -> None:
    """Put the accounts of unsettled decisions on the list, and take those of settled ones off it."""
    latest = {signup.account.number: (signup, decision) for signup, decision in decided}
    known = [number for number, (signup, _) in latest.items() if not signup.account.is_new]
    before: dict[int, Row[Any]] = {}
    if known:
        rows = tx.connection.execute(select(RECHECKS).where(RECHECKS.c.account.in_(known))).all()
        before = {row.account: row for row in rows}
        _take_off(tx.connection, list(before))
    open_ = {number: pair for number, pair in latest.items() if not pair[1].settled}
    tx.insert(
        RECHECKS,
        [
            {
                "account": number,
                "signup": signup.id,
                "decision": decision.id,
                "since": before[number].since if number in before else tx.at,
                "tries": before[number].tries + 1 if number in before else 0,
                "not_before": tx.at,
            }
            for number, (signup, decision) in open_.items()
        ],
    )
    tx.insert(
        RECHECK_SIGNALS,
        [
            {"account": number, "signal": signal, "why": why.why.value}
            for number, (_, decision) in open_.items()
            for signal, why in _missing_signals(decision).items()
        ],
    )


def _missing_signals(decision: Decision) -> dict[str, Unknown]:
    return {signal: why for each in decision.undetermined for signal, why in each.why.items()}


def _take_off(connection: Connection, accounts: list[int]) -> None:
    if accounts:
        connection.execute(delete(RECHECK_SIGNALS).where(RECHECK_SIGNALS.c.account.in_(accounts)))
        connection.execute(delete(RECHECKS).where(RECHECKS.c.account.in_(accounts)))


def take_off(tx: Transaction, account: int) -> bool:
    """Take one account off; whether it was on the list."""
    there = tx.connection.execute(select(RECHECKS.c.account).where(RECHECKS.c.account == account)).first()
    _take_off(tx.connection, [account])
    return there is not None


def _due(connection: Connection, now: datetime, signals: Collection[str] | None, limit: int) -> tuple[Recheck, ...]:
    wanted = select(RECHECKS).where(RECHECKS.c.not_before <= micros(now))
    if signals is not None:
        waiting = select(RECHECK_SIGNALS.c.account).where(RECHECK_SIGNALS.c.signal.in_(list(signals)))
        wanted = wanted.where(RECHECKS.c.account.in_(waiting))
    rows = connection.execute(wanted.order_by(RECHECKS.c.not_before, RECHECKS.c.account).limit(limit)).all()
    missing: dict[int, dict[str, str]] = {row.account: {} for row in rows}
    for each in connection.execute(select(RECHECK_SIGNALS).where(RECHECK_SIGNALS.c.account.in_(list(missing)))):
        missing[each.account][each.signal] = each.why
    return tuple(
        Recheck(
            account=row.account,
            signup=row.signup,
            decision_id=row.decision,
            since=moment(row.since),
            tries=row.tries,
            not_before=moment(row.not_before),
            missing=missing[row.account],
        )
        for row in rows
    )


def _missing(connection: Connection) -> Mapping[str, int]:
    counted: dict[str, int] = {}
    for signal in connection.execute(select(RECHECK_SIGNALS.c.signal)).scalars():
        counted[signal] = counted.get(signal, 0) + 1
    return counted


def _postpone(tx: Transaction, asked: Sequence[tuple[int, datetime]]) -> list[None]:
    for account, until in asked:
        tx.connection.execute(update(RECHECKS).where(RECHECKS.c.account == account).values(not_before=micros(until)))
    return [None] * len(asked)


def _give_up(tx: Transaction, asked: Sequence[tuple[int, str]]) -> list[None]:
    for account, actor in asked:
        if take_off(tx, account):
            tx.audit(actor, "recheck.given_up", f"account {account}")
    return [None] * len(asked)

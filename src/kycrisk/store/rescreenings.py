"""Rescreenings of all accounts: one at a time across all machines, each account once, wherever a run was stopped.

A run belongs to the process that holds its lease. Every part is written in the transaction of the decisions that came
of it, and only by the holder, and only behind the part before: so a run that was stopped goes on, and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from kycrisk.store.failure import Conflict
from kycrisk.store.moments import moment, optional_moment
from kycrisk.store.reader import Reader
from kycrisk.store.rescreening_tables import RESCREENING_PARTS, RESCREENINGS
from kycrisk.store.schema import ACCOUNTS
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer

#: How long a process that is not heard of holds its run. It is renewed with every part, and in between.
LEASE = timedelta(seconds=60)
FINISHED = "finished"


class Busy(Conflict):
    """Another process is rescreening."""


class LeaseLost(Conflict):
    """The run belongs to another process by now, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that is wanted. `screened_by` tells whether rules and lists are the same as another run's.

    `owner` names the process; `anew` ends a run that was stopped instead of going on with it.
    """

    screened_by: str
    ruleset: str
    by: str
    owner: str
    anew: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run: over the accounts numbered up to `upto`, done up to `after`."""

    id: int
    begun_at: datetime
    begun_by: str
    screened_by: str
    ruleset: str
    upto: int
    after: int
    owner: str
    lease_until: datetime
    ended_at: datetime | None
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is done of a run: the accounts numbered above `after` and up to `last`."""

    run: int
    owner: str
    after: int
    last: int
    summary: str


class Rescreenings:
    """The runs of the store."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def begin(self, new: NewRun, alive: Callable[[str], bool] = lambda owner: True) -> Run:
        """The run that was stopped and is screened by the same, now the new owner's; else a new one over all accounts.

        Raises `Busy` while another process holds one: its lease is good, and `alive` does not say that the owner of
        that name is gone. A stopped run that is screened by something else ends where it is.
        """
        return await self._writer.write(_begin, (new, alive))

    async def renew(self, run: int, owner: str) -> None:
        """Hold a run for another `LEASE`. Raises `LeaseLost`."""
        await self._writer.write(_renew, (run, owner))

    async def end(self, run: int, owner: str, how: str = FINISHED) -> None:
        """End a run. Raises `LeaseLost`."""
        await self._writer.write(_end, (run, owner, how))

    async def release(self, run: int, owner: str) -> None:
        """Let others go on with a run at once, if it is still one's own."""
        await self._writer.write(_release, (run, owner))

    async def newest(self, limit: int = 20) -> tuple[Run, ...]:
        """The runs, the newest first."""
        return await self._reader.read(_newest, limit)

    async def summaries(self, run: int) -> tuple[str, ...]:
        """What each part of a run came to, in their order."""
        return await self._reader.read(_summaries, run)


def advance(tx: Transaction, part: Part) -> None:
    """Write down that a part is done, in the transaction of all that came of it; the lease is renewed.

    Raises `LeaseLost`, so that the whole transaction is taken back.
    """
    run = RESCREENINGS.c
    mine = (run.id == part.run, run.owner == part.owner, run.after == part.after, run.ended_at.is_(None))
    moved = update(RESCREENINGS).where(*mine).values(after=part.last, lease_until=tx.at + _micros(LEASE))
    if tx.connection.execute(moved).rowcount != 1:
        raise LeaseLost(f"rescreening {part.run} went on elsewhere behind account {part.after}")
    row = {"run": part.run, "after": part.after, "last": part.last, "summary": part.summary, "done_at": tx.at}
    tx.insert(RESCREENING_PARTS, [row])


def _begin(tx: Transaction, asked: Sequence[tuple[NewRun, Callable[[str], bool]]]) -> list[Run | Exception]:
    return [_begin_one(tx, new, alive) for new, alive in asked]


def _begin_one(tx: Transaction, new: NewRun, alive: Callable[[str], bool]) -> Run | Exception:
    run = RESCREENINGS.c
    row = tx.connection.execute(select(RESCREENINGS).where(run.ended_at.is_(None))).first()
    if row is not None:
        if row.owner and row.owner != new.owner and row.lease_until > tx.at and alive(row.owner):
            since = f"{moment(row.begun_at):%Y-%m-%d %H:%M} UTC"
            return Busy(f"`{row.owner}` is rescreening since {since}", "wait for it; one run at a time")
        if row.screened_by == new.screened_by and not new.anew:
            taken = update(RESCREENINGS).where(run.id == row.id)
            taken = taken.values(owner=new.owner, lease_until=tx.at + _micros(LEASE))
            return _run(tx.connection.execute(taken.returning(RESCREENINGS)).one())
        why = "begun anew" if new.anew else "rules or lists changed"
        tx.connection.execute(update(RESCREENINGS).where(run.id == row.id).values(ended_at=tx.at, ended=why))
        tx.audit(new.by, "rescreening.ended", f"rescreening {row.id}", {"how": why, "after": row.after})
    added = RESCREENINGS.insert().values(
        begun_at=tx.at,
        begun_by=new.by,
        screened_by=new.screened_by,
        ruleset=new.ruleset,
        upto=tx.connection.execute(select(func.max(ACCOUNTS.c.id))).scalar() or 0,
        after=0,
        owner=new.owner,
        lease_until=tx.at + _micros(LEASE),
        ended="",
    )
    made = _run(tx.connection.execute(added.returning(RESCREENINGS)).one())
    tx.audit(new.by, "rescreening.begun", f"rescreening {made.id}", {"ruleset": new.ruleset, "upto": made.upto})
    return made


def _renew(tx: Transaction, asked: Sequence[tuple[int, str]]) -> list[Exception | None]:
    return [_held(tx, run, owner, {"lease_until": tx.at + _micros(LEASE)}) for run, owner in asked]


def _release(tx: Transaction, asked: Sequence[tuple[int, str]]) -> list[None]:
    for run, owner in asked:
        _held(tx, run, owner, {"lease_until": tx.at, "owner": ""})
    return [None] * len(asked)


def _end(tx: Transaction, asked: Sequence[tuple[int, str, str]]) -> list[Exception | None]:
    found: list[Exception | None] = []
    for run, owner, how in asked:
        lost = _held(tx, run, owner, {"ended_at": tx.at, "ended": how})
        if lost is None:
            tx.audit(owner, "rescreening.ended", f"rescreening {run}", {"how": how})
        found.append(lost)
    return found


def _held(tx: Transaction, run: int, owner: str, values: dict[str, Any]) -> LeaseLost | None:
    """Change a run that is one's own."""
    table = RESCREENINGS.c
    mine = (table.id == run, table.owner == owner, table.ended_at.is_(None))
    changed = tx.connection.execute(update(RESCREENINGS).where(*mine).values(**values)).rowcount
    return None if changed == 1 else LeaseLost(f"rescreening {run} is another process's by now, or has ended")


def _newest(connection: Connection, limit: int) -> tuple[Run, ...]:
    wanted = select(RESCREENINGS).order_by(RESCREENINGS.c.id.desc()).limit(limit)
    return tuple(_run(row) for row in connection.execute(wanted))


def _summaries(connection: Connection, run: int) -> tuple[str, ...]:
    table = RESCREENING_PARTS.c
    return tuple(connection.execute(select(table.summary).where(table.run == run).order_by(table.after)).scalars())


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        begun_at=moment(row.begun_at),
        begun_by=row.begun_by,
        screened_by=row.screened_by,
        ruleset=row.ruleset,
        upto=row.upto,
        after=row.after,
        owner=row.owner,
        lease_until=moment(row.lease_until),
        ended_at=optional_moment(row.ended_at),
        ended=row.ended,
    )

"""Deliveries: claimed for a while by one process, sent, and settled, or due again when that process is not heard of.

A claim counts an attempt, and what comes of it is written down only while it is still the latest attempt: a process
that was away for too long changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, select, update

from kycrisk.store.bodies import Bodies
from kycrisk.store.decisions import WITH_KEYS, body_of
from kycrisk.store.failure import Conflict, NotFound
from kycrisk.store.moments import micros, moment, optional_moment
from kycrisk.store.outbox import Before, Event
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import DECISIONS, DELIVERIES, DISABLED_ENDPOINTS
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer

_AT_ONCE = 500


class State(IntEnum):
    """What became of a delivery."""

    WAITING = 0
    DELIVERED = 1
    DEAD = 2  # given up; can be replayed
    ERASED = 3  # its decision was erased before it was sent

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one endpoint. `message` is its webhook-id; `due_at` counts while it is waiting."""

    id: int
    message: str
    endpoint: str
    event: Event
    decision: str
    decided_at: datetime
    before: Before | None
    state: State
    attempts: int
    due_at: datetime
    created_at: datetime
    first_at: datetime | None
    ended_at: datetime | None
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish to send what is due to an endpoint, at most so much of it, and to be done with it within `lease`."""

    endpoint: str
    limit: int
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery to be sent now. `body` is the decision's JSON, None when it was erased."""

    delivery: Delivery
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of an attempt: another state, or waiting until `due_at`. `counts`: not where it was never made."""

    delivery: Delivery
    state: State
    due_at: datetime | None = None
    status: int | None = None
    error: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Depth:
    """How many deliveries an endpoint has in a state, and when the oldest was made."""

    endpoint: str
    state: State
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class DisabledEndpoint:
    """An endpoint that nothing is sent to."""

    endpoint: str
    disabled_at: datetime
    why: str


class Deliveries:
    """The deliveries of the store."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey, bodies: Bodies) -> None:
        self._writer, self._reader, self._site, self._bodies = writer, reader, site, bodies

    async def due(self, endpoints: Collection[str], now: datetime) -> frozenset[str]:
        """Those of the endpoints that something is due for, and that are not disabled."""
        return await self._reader.read(_due, tuple(endpoints), now)

    async def claim(self, wanted: Claim) -> tuple[Claimed, ...]:
        """Take what is due, the longest due first; nothing of a disabled endpoint. Others leave it alone meanwhile."""
        taken = await self._writer.write(_claim, wanted)
        bodies = await self._reader.read(_bodies, taken, self._site, self._bodies) if taken else {}
        return tuple(Claimed(each, bodies.get(each.decision)) for each in taken)

    async def settle(self, settled: Settled) -> bool:
        """Write down what came of an attempt; False when it is no longer the latest one."""
        return await self._writer.write(_settle, settled)

    async def page(
        self, *, state: State | None = None, endpoint: str | None = None, after: str = "", limit: int = 100
    ) -> Page[Delivery]:
        """Deliveries, the newest first. Raises `BadCursor`."""
        return await self._reader.read(_page, state, endpoint, after, limit)

    async def get(self, id: int) -> Delivery:
        """Raises `NotFound`."""
        return await self._reader.read(_get, id)

    async def replay(self, id: int, actor: str) -> Delivery:
        """Send a dead letter again under its webhook-id, as if it were new. Raises `NotFound`, `Conflict`."""
        return await self._writer.write(_replay, (id, actor))

    async def replay_dead(self, actor: str, endpoint: str | None = None) -> int:
        """Send all dead letters again, or those of one endpoint; how many."""
        return await self._writer.write(_replay_dead, (endpoint, actor))

    async def depths(self) -> tuple[Depth, ...]:
        """How much waits, and how much was given up, for each endpoint."""
        return await self._reader.read(_depths)

    async def disable(self, endpoint: str, why: str) -> None:
        """Send nothing to an endpoint until it is enabled; what is to be sent to it waits."""
        await self._writer.write(_disable, (endpoint, why))

    async def enable(self, endpoint: str, actor: str) -> bool:
        """Send to an endpoint again; whether it was disabled."""
        return await self._writer.write(_enable, (endpoint, actor))

    async def disabled(self) -> tuple[DisabledEndpoint, ...]:
        """The endpoints that nothing is sent to."""
        return await self._reader.read(_disabled)

    async def abandon(self, known: Collection[str], before: datetime, why: str) -> int:
        """Give up what was made before a moment for endpoints that are not known any more; how many."""
        return await self._writer.write(_abandon, (tuple(known), micros(before), why))

    async def forget(self, state: State, before: datetime) -> int:
        """Delete what ended in a state before a moment, some hundreds at once; how many."""
        return await self._writer.write(_forget, (state, micros(before)))


_WITH_DECISION = select(DELIVERIES, DECISIONS.c.id.label("decision_id"), DECISIONS.c.decided_at).join(
    DECISIONS, DECISIONS.c.seq == DELIVERIES.c.decision
)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        message=row.message,
        endpoint=row.endpoint,
        event=Event(row.event),
        decision=row.decision_id,
        decided_at=moment(row.decided_at),
        before=None if row.before_decision is None else Before(row.before_decision, row.before_outcome),
        state=State(row.state),
        attempts=row.attempts,
        due_at=moment(row.due_at),
        created_at=moment(row.created_at),
        first_at=optional_moment(row.first_at),
        ended_at=optional_moment(row.ended_at),
        status=row.status,
        error=row.error,
    )


def _due(connection: Connection, endpoints: tuple[str, ...], now: datetime) -> frozenset[str]:
    disabled = set(connection.execute(select(DISABLED_ENDPOINTS.c.endpoint)).scalars())
    first = select(func.min(DELIVERIES.c.due_at)).where(DELIVERIES.c.state == State.WAITING)
    found = []
    for endpoint in endpoints:
        if endpoint not in disabled:
            at = connection.execute(first.where(DELIVERIES.c.endpoint == endpoint)).scalar()
            if at is not None and at <= micros(now):
                found.append(endpoint)
    return frozenset(found)


def _claim(tx: Transaction, wanted: Sequence[Claim]) -> list[tuple[Delivery, ...]]:
    return [_claim_one(tx, each) for each in wanted]


def _claim_one(tx: Transaction, wanted: Claim) -> tuple[Delivery, ...]:
    c = DELIVERIES.c
    if tx.connection.execute(
        select(DISABLED_ENDPOINTS).where(DISABLED_ENDPOINTS.c.endpoint == wanted.endpoint)
    ).first():
        return ()
    due = (
        select(c.id)
        .where(c.state == State.WAITING, c.endpoint == wanted.endpoint, c.due_at <= tx.at)
        .order_by(c.due_at, c.id)
        .limit(wanted.limit)
    )
    ids = list(tx.connection.execute(due).scalars())
    if not ids:
        return ()
    until = micros(tx.now + wanted.lease)
    taken = update(DELIVERIES).where(c.id.in_(ids))
    tx.connection.execute(
        taken.values(due_at=until, attempts=c.attempts + 1, first_at=func.coalesce(c.first_at, tx.at))
    )
    rows = tx.connection.execute(_WITH_DECISION.where(c.id.in_(ids)).order_by(c.id)).all()
    return tuple(_delivery(row) for row in rows)


def _bodies(
    connection: Connection, taken: Sequence[Delivery], site: SiteKey, bodies: Bodies
) -> dict[str, bytes | None]:
    wanted = WITH_KEYS.where(DECISIONS.c.id.in_({each.decision for each in taken}))
    return {row.id: body_of(connection, row, site, bodies) for row in connection.execute(wanted)}


def _settle(tx: Transaction, settled: Sequence[Settled]) -> list[bool]:
    found = []
    for each in settled:
        c, given = DELIVERIES.c, each.delivery
        values: dict[str, Any] = {"state": each.state, "status": each.status, "error": each.error[:300]}
        if each.state is not State.WAITING:
            values["ended_at"] = tx.at
        else:
            values["due_at"] = tx.at if each.due_at is None else micros(each.due_at)
        if not each.counts:
            values |= {"attempts": c.attempts - 1, "status": given.status, "error": given.error}
            values["first_at"] = case((c.attempts > 1, c.first_at), else_=None)
        mine = (c.id == given.id) & (c.attempts == given.attempts) & (c.state == State.WAITING)
        found.append(tx.connection.execute(update(DELIVERIES).where(mine).values(**values)).rowcount > 0)
    return found


def _page(connection: Connection, state: State | None, endpoint: str | None, after: str, limit: int) -> Page[Delivery]:
    wanted = _WITH_DECISION.order_by(DELIVERIES.c.id.desc())
    if state is not None:
        wanted = wanted.where(DELIVERIES.c.state == state)
    if endpoint is not None:
        wanted = wanted.where(DELIVERIES.c.endpoint == endpoint)
    return page_of(connection, wanted, DELIVERIES.c.id, after, limit, _delivery, newest_first=True)


def _get(connection: Connection, id_: int) -> Delivery:
    row = connection.execute(_WITH_DECISION.where(DELIVERIES.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no delivery `{id_}`")
    return _delivery(row)


def _again(tx: Transaction) -> dict[str, Any]:
    return {"state": State.WAITING, "attempts": 0, "due_at": tx.at, "first_at": None, "ended_at": None}


def _replay(tx: Transaction, asked: Sequence[tuple[int, str]]) -> list[Delivery]:
    replayed = []
    for id_, actor in asked:
        found = _get(tx.connection, id_)
        if found.state is not State.DEAD:
            raise Conflict(f"delivery `{id_}` is {found.state.word}", "only what was given up is sent again")
        tx.connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == id_).values(**_again(tx)))
        tx.audit(actor, "delivery.replayed", f"delivery {id_}", {"message": found.message})
        replayed.append(_get(tx.connection, id_))
    return replayed


def _replay_dead(tx: Transaction, asked: Sequence[tuple[str | None, str]]) -> list[int]:
    counts = []
    for endpoint, actor in asked:
        wanted = update(DELIVERIES).where(DELIVERIES.c.state == State.DEAD)
        wanted = wanted if endpoint is None else wanted.where(DELIVERIES.c.endpoint == endpoint)
        counts.append(tx.connection.execute(wanted.values(**_again(tx))).rowcount)
        if counts[-1]:
            tx.audit(actor, "delivery.replayed", f"endpoint {endpoint or 'any'}", {"count": counts[-1]})
    return counts


def _depths(connection: Connection) -> tuple[Depth, ...]:
    c = DELIVERIES.c
    counted = (
        select(c.endpoint, c.state, func.count().label("count"), func.min(c.created_at).label("oldest"))
        .where(c.state.in_((State.WAITING, State.DEAD)))
        .group_by(c.endpoint, c.state)
        .order_by(c.endpoint, c.state)
    )
    rows = connection.execute(counted).all()
    return tuple(Depth(row.endpoint, State(row.state), row[2], moment(row.oldest)) for row in rows)


def _disable(tx: Transaction, asked: Sequence[tuple[str, str]]) -> list[None]:
    for endpoint, why in asked:
        there = select(DISABLED_ENDPOINTS.c.endpoint).where(DISABLED_ENDPOINTS.c.endpoint == endpoint)
        if tx.connection.execute(there).first() is None:
            row = {"endpoint": endpoint, "disabled_at": tx.at, "why": why[:300]}
            tx.connection.execute(DISABLED_ENDPOINTS.insert().values(**row))
            tx.audit("delivery", "endpoint.disabled", f"endpoint {endpoint}", {"why": why[:300]})
    return [None] * len(asked)


def _enable(tx: Transaction, asked: Sequence[tuple[str, str]]) -> list[bool]:
    found = []
    for endpoint, actor in asked:
        gone = tx.connection.execute(delete(DISABLED_ENDPOINTS).where(DISABLED_ENDPOINTS.c.endpoint == endpoint))
        found.append(gone.rowcount > 0)
        if found[-1]:
            tx.audit(actor, "endpoint.enabled", f"endpoint {endpoint}")
    return found


def _disabled(connection: Connection) -> tuple[DisabledEndpoint, ...]:
    rows = connection.execute(select(DISABLED_ENDPOINTS).order_by(DISABLED_ENDPOINTS.c.endpoint))
    return tuple(DisabledEndpoint(row.endpoint, moment(row.disabled_at), row.why) for row in rows)


def _abandon(tx: Transaction, asked: Sequence[tuple[tuple[str, ...], int, str]]) -> list[int]:
    c = DELIVERIES.c
    return [
        tx.connection.execute(
            update(DELIVERIES)
            .where(c.state == State.WAITING, c.created_at < before, c.due_at <= tx.at, c.endpoint.not_in(known))
            .values(state=State.DEAD, ended_at=tx.at, error=why)
        ).rowcount
        for known, before, why in asked
    ]


def _forget(tx: Transaction, asked: Sequence[tuple[State, int]]) -> list[int]:
    counts = []
    for state, before in asked:
        old = select(DELIVERIES.c.id).where(DELIVERIES.c.state == state, DELIVERIES.c.ended_at < before)
        ids = list(tx.connection.execute(old.limit(_AT_ONCE)).scalars())
        counts.append(tx.connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(ids))).rowcount if ids else 0)
    return counts

"""The decisions in their order, opened in bulk, and what happened to them since: for a copy that is kept in step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from kycrisk.outcome import Outcome
from kycrisk.store.bodies import Bodies
from kycrisk.store.decisions import WITH_KEYS, body_of
from kycrisk.store.moments import moment
from kycrisk.store.reader import Reader
from kycrisk.store.schema import AUDIT, DECISIONS, ERASED_DECISIONS, FACTS, SIGNALS
from kycrisk.store.sealing import SiteKey

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """A decision of the past. `text` is its JSON, or what stayed of it when it was erased (docs/store.md)."""

    seq: int
    id: str
    pseudonym: str  # of the account, hexadecimal
    signup: int
    decided_at: datetime
    outcome: Outcome
    lowest: Outcome
    highest: Outcome
    score: int
    settled: bool
    ruleset: str
    findings: str
    erased: bool
    text: bytes | str


@dataclass(frozen=True, slots=True)
class CountedFact:
    """A fact that velocity counts: which signup brought it, the pseudonym of its value, and when (microseconds)."""

    signup: int
    digest: bytes
    at: int


class DecisionHistory:
    """The decisions of the store in their order."""

    def __init__(self, reader: Reader, site: SiteKey, bodies: Bodies) -> None:
        self._reader, self._site, self._bodies = reader, site, bodies

    async def after(self, seq: int, limit: int) -> list[PastDecision]:
        """The decisions that follow one, by its number; the oldest first."""
        wanted = WITH_KEYS.where(DECISIONS.c.seq > seq).order_by(DECISIONS.c.seq).limit(limit)
        return await self._reader.read(_past, self._site, self._bodies, wanted)

    async def numbered(self, seqs: Sequence[int]) -> list[PastDecision]:
        """These decisions, where they are still there."""
        found: list[PastDecision] = []
        for start in range(0, len(seqs), _AT_ONCE):
            wanted = WITH_KEYS.where(DECISIONS.c.seq.in_(seqs[start : start + _AT_ONCE])).order_by(DECISIONS.c.seq)
            found += await self._reader.read(_past, self._site, self._bodies, wanted)
        return found

    async def last(self) -> int:
        """The number of the newest decision; 0 when there is none."""
        return await self._reader.read(lambda tx: int(tx.execute(select(func.max(DECISIONS.c.seq))).scalar() or 0))

    async def id_of(self, seq: int) -> str | None:
        """The id of a decision, by its number; None when it is not there."""
        wanted = select(DECISIONS.c.id).where(DECISIONS.c.seq == seq)
        return await self._reader.read(lambda connection: connection.execute(wanted).scalar())

    async def erased(self) -> list[int]:
        """The numbers of all decisions whose personal data was erased, ascending."""
        wanted = select(ERASED_DECISIONS.c.seq).order_by(ERASED_DECISIONS.c.seq)
        return await self._reader.read(lambda connection: list(connection.execute(wanted).scalars()))

    async def retained_from(self, kind: str = "decisions") -> datetime | None:
        """What is older than this went by retention, or may have (`decisions`, `facts`); None: nothing ever did."""
        return await self._reader.read(_retained_from, kind)

    async def counted_facts(self, signal: str, since: int, until: int) -> list[CountedFact]:
        """A signal's facts of signups that were submitted within a time (microseconds), as they were registered."""
        return await self._reader.read(_counted_facts, signal, since, until)


def _past(connection: Connection, site: SiteKey, bodies: Bodies, wanted: Select[Any]) -> list[PastDecision]:
    return [_one(connection, row, site, bodies) for row in connection.execute(wanted).all()]


def _one(connection: Connection, row: Row[Any], site: SiteKey, bodies: Bodies) -> PastDecision:
    body = body_of(connection, row, site, bodies)
    return PastDecision(
        seq=row.seq,
        id=row.id,
        pseudonym=bytes(row.pseudonym).hex(),
        signup=row.signup,
        decided_at=moment(row.decided_at),
        outcome=Outcome(row.outcome),
        lowest=Outcome(row.lowest),
        highest=Outcome(row.highest),
        score=row.score,
        settled=row.settled,
        ruleset=row.ruleset,
        findings=row.findings,
        erased=body is None,
        text=body if body is not None else row.erased or "",
    )


def _retained_from(connection: Connection, kind: str) -> datetime | None:
    deleted = (AUDIT.c.subject == kind) & (AUDIT.c.action == "retention.deleted")
    told = connection.execute(select(AUDIT.c.details).where(deleted)).scalars()
    befores = [int(json.loads(details)["before"]) for details in told]
    return moment(max(befores)) if befores else None


def _counted_facts(connection: Connection, signal: str, since: int, until: int) -> list[CountedFact]:
    number = connection.execute(select(SIGNALS.c.id).where(SIGNALS.c.name == signal)).scalar()
    if number is None:
        return []
    table = FACTS.c
    wanted = (
        select(table.signup, table.digest, table.at)
        .where(table.signal == number, table.at >= since, table.at <= until)
        .order_by(table.signup)
    )
    return [CountedFact(row.signup, bytes(row.digest), row.at) for row in connection.execute(wanted)]

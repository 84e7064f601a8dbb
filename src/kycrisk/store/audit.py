"""The audit log: who did what when, each row chained to the one before by a hash under the site key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kycrisk.store.moments import moment
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import AUDIT, DECISIONS, HEAD
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import AuditRow

DECISION_ADDED = "decision.added"
GENESIS = bytes(32)  # what the first row is chained to
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row of the log. `subject` names an id or a pseudonym, never a person."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found: how many rows hold, the last one's hash, and the first row that does not hold.

    Rows that were cut off behind the last, and `head` with them, cannot be told from a shorter log: keep `rows` and
    `hash` elsewhere, and ask with `expected`.
    """

    rows: int
    hash: str
    broken: int | None = None  # the number of the first row that does not hold
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.broken is None


class Audit:
    """Reading and verifying the log. Rows are added by `Transaction.audit`, in the transaction of their change."""

    def __init__(self, reader: Reader, site: SiteKey) -> None:
        self._reader, self._site = reader, site

    async def page(self, *, after: str = "", limit: int = 100, subject: str = "") -> Page[AuditEntry]:
        """Rows in their order, all or those about one subject."""
        return await self._reader.read(_page, after, limit, subject)

    async def verify(self, *, expected: tuple[int, str] | None = None) -> Verified:
        """Recompute the whole chain. `expected` is an earlier verification's `rows` and `hash`, which must be in it."""
        return await self._reader.read(verify, self._site, expected)


def _page(connection: Connection, after: str, limit: int, subject: str) -> Page[AuditEntry]:
    wanted = select(AUDIT).order_by(AUDIT.c.seq)
    if subject:
        wanted = wanted.where(AUDIT.c.subject == subject)
    return page_of(connection, wanted, AUDIT.c.seq, after, limit, audit_entry)


def audit_entry(row: Any) -> AuditEntry:
    return AuditEntry(
        seq=row.seq,
        at=moment(row.at),
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
        hash=bytes(row.hash).hex(),
    )


def verify(connection: Connection, site: SiteKey, expected: tuple[int, str] | None = None) -> Verified:
    """Recompute the chain from its first row to `head`, and name the first row that does not hold.

    A row about a decision holds when the decision is there as it was stored, or is past its retention.
    """
    previous, last, retained = GENESIS, 0, _retained(connection)
    while True:
        rows = connection.execute(select(AUDIT).where(AUDIT.c.seq > last).order_by(AUDIT.c.seq).limit(_AT_ONCE)).all()
        stored = _decisions(connection, rows)
        for row in rows:
            why = _flaw(row, last + 1, previous, site) or _flaw_of_decision(row, stored, retained)
            if not why and expected and expected[0] == row.seq and expected[1] != bytes(row.hash).hex():
                why = "it is not the row that was expected, so the log was written anew"
            if why:
                return Verified(rows=last, hash=previous.hex(), broken=last + 1, why=why)
            previous, last = bytes(row.hash), row.seq
        if not rows:
            break
    head = connection.execute(select(HEAD.c.audit, HEAD.c.audit_hash)).one()
    wanted = max(head.audit, expected[0] if expected else 0)
    if wanted != last or bytes(head.audit_hash) != previous:
        return Verified(rows=last, hash=previous.hex(), broken=last + 1, why=f"the log ends before row {wanted}")
    return Verified(rows=last, hash=previous.hex())


def _flaw(row: Any, seq: int, previous: bytes, site: SiteKey) -> str:
    if row.seq != seq:
        return f"it is missing; the next row is {row.seq}"
    if bytes(row.previous) != previous:
        return "it is not chained to the row before"
    told = AuditRow(row.seq, row.at, row.actor, row.action, row.subject, row.details)
    if told.hashed(site, previous) != bytes(row.hash):
        return "its content does not match its hash"
    return ""


def _retained(connection: Connection) -> int:
    """Decisions from before this moment may have been deleted in good order."""
    deleted = (AUDIT.c.action == "retention.deleted") & (AUDIT.c.subject == "decisions")
    details = connection.execute(select(AUDIT.c.details).where(deleted)).scalars()
    return max((int(json.loads(each)["before"]) for each in details), default=-(2**63))


def _decisions(connection: Connection, rows: Sequence[Any]) -> dict[str, str]:
    """The digests of the decisions that these rows are about, by id."""
    ids = [row.subject for row in rows if row.action == DECISION_ADDED]
    wanted = select(DECISIONS.c.id, DECISIONS.c.sealed).where(DECISIONS.c.id.in_(ids))
    return {row.id: hashlib.sha256(row.sealed).hexdigest() for row in connection.execute(wanted)} if ids else {}


def _flaw_of_decision(row: Any, stored: Mapping[str, str], retained: int) -> str:
    if row.action != DECISION_ADDED:
        return ""
    details, digest = json.loads(row.details), stored.get(row.subject)
    if digest is None:
        return "" if details["decided_at"] < retained else f"decision {row.subject} is missing"
    return "" if digest == details["sha256"] else f"decision {row.subject} is not as it was stored"

"""Exemptions: a rule silenced for one subject until a date, by a named person. None is deleted, it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from kycrisk.decision import Exemption
from kycrisk.store.failure import Conflict, NotFound, StoreError
from kycrisk.store.moments import micros, moment, optional_moment
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import EXEMPTIONS
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer

KINDS = ("account", "email", "domain", "ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExemption:
    """An exemption to be made; `subject` in the normal form in which signups are compared."""

    rule: str
    kind: str  # one of KINDS
    subject: str
    until: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExemption:
    """An exemption, in force or ended."""

    id: int
    rule: str
    kind: str
    subject: str
    until: datetime
    by: str
    why: str
    added_at: datetime
    ended_at: datetime | None
    ended_by: str | None

    def exemption(self) -> Exemption:
        """As decisions show it."""
        return Exemption(self.rule, f"{self.kind} {self.subject}", self.until, self.by, self.why)


class ExemptionRecords:
    """The exemptions of the store."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey) -> None:
        self._writer, self._reader, self._site = writer, reader, site

    async def add(self, exemption: NewExemption) -> StoredExemption:
        """Raises `StoreError` for one of an unknown kind, or that ended before it began."""
        return await self._writer.write(add_exemptions, exemption)

    async def end(self, id: int, by: str) -> StoredExemption:
        """End an exemption now. Raises `NotFound`, and `Conflict` when it has ended already."""
        return await self._writer.write(_end, (id, by))

    async def in_force(self, now: datetime) -> tuple[StoredExemption, ...]:
        """The exemptions that silence rules now, the oldest first."""
        return await self._reader.read(_in_force, now)

    async def page(self, *, after: str = "", limit: int = 100) -> Page[StoredExemption]:
        """Every exemption there ever was, the newest first."""
        return await self._reader.read(_page, after, limit)


def add_exemptions(tx: Transaction, asked: Sequence[NewExemption]) -> list[StoredExemption]:
    """Exempt subjects in a transaction that something else is changed in, too. Raises `StoreError`."""
    return [_add_one(tx, each) for each in asked]


def _add_one(tx: Transaction, each: NewExemption) -> StoredExemption:
    if each.kind not in KINDS:
        raise StoreError(f"`{each.kind}` cannot be exempt", f"one of: {', '.join(KINDS)}")
    if micros(each.until) <= tx.at:
        raise StoreError(f"the exemption would have ended on {each.until.isoformat()}", "give a date to come")
    added = EXEMPTIONS.insert().values(
        rule=each.rule,
        kind=each.kind,
        subject=each.subject,
        until=micros(each.until),
        added_at=tx.at,
        added_by=each.by,
        why=each.why,
    )
    row = tx.connection.execute(added.returning(EXEMPTIONS)).one()
    told = {"rule": each.rule, "kind": each.kind, "until": row.until}
    tx.audit(each.by, "exemption.added", f"exemption {row.id}", told)
    return _stored(row)


def _end(tx: Transaction, asked: Sequence[tuple[int, str]]) -> list[StoredExemption]:
    return [_end_one(tx, id_, by) for id_, by in asked]


def _end_one(tx: Transaction, id_: int, by: str) -> StoredExemption:
    row = tx.connection.execute(select(EXEMPTIONS).where(EXEMPTIONS.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no exemption {id_}")
    if row.ended_at is not None:
        raise Conflict(f"exemption {id_} has ended already")
    ended = update(EXEMPTIONS).where(EXEMPTIONS.c.id == id_).values(ended_at=tx.at, ended_by=by)
    row = tx.connection.execute(ended.returning(EXEMPTIONS)).one()
    tx.audit(by, "exemption.ended", f"exemption {id_}", {"rule": row.rule})
    return _stored(row)


def _in_force(connection: Connection, now: datetime) -> tuple[StoredExemption, ...]:
    table = EXEMPTIONS.c
    wanted = select(EXEMPTIONS).where(table.ended_at.is_(None), table.until > micros(now)).order_by(table.id)
    return tuple(_stored(row) for row in connection.execute(wanted))


def _page(connection: Connection, after: str, limit: int) -> Page[StoredExemption]:
    wanted = select(EXEMPTIONS).order_by(EXEMPTIONS.c.id.desc())
    return page_of(connection, wanted, EXEMPTIONS.c.id, after, limit, _stored, newest_first=True)


def _stored(row: Row[Any]) -> StoredExemption:
    return StoredExemption(
        id=row.id,
        rule=row.rule,
        kind=row.kind,
        subject=row.subject,
        until=moment(row.until),
        by=row.added_by,
        why=row.why,
        added_at=moment(row.added_at),
        ended_at=optional_moment(row.ended_at),
        ended_by=row.ended_by,
    )


def exemptions_of(connection: Connection, subjects: Sequence[tuple[str, str]]) -> list[StoredExemption]:
    """The exemptions for one of these subjects (`("account", "a-1")`)."""
    found = [
        _stored(row)
        for kind, subject in subjects
        for row in connection.execute(
            select(EXEMPTIONS).where(EXEMPTIONS.c.kind == kind, EXEMPTIONS.c.subject == subject)
        )
    ]
    return sorted(found, key=lambda each: each.id)


def forget(tx: Transaction, exemptions: Sequence[StoredExemption], by: str) -> None:
    """End exemptions and put pseudonyms in the place of their subjects and reasons."""
    for each in exemptions:
        tx.connection.execute(
            update(EXEMPTIONS)
            .where(EXEMPTIONS.c.id == each.id)
            .values(
                subject=tx.site.pseudonym(f"exempt {each.kind}", each.subject).hex(),
                why="",
                ended_at=tx.at if each.ended_at is None else micros(each.ended_at),
                ended_by=by if each.ended_by is None else each.ended_by,
            )
        )

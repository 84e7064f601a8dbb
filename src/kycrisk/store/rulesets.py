"""Versions of the rules: drafts, the approval of a second person, what was published when, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from kycrisk.ruleset.canonical import version_of_text
from kycrisk.store.failure import Conflict, NotFound, StoreError
from kycrisk.store.moments import moment
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import RULESET_APPROVALS, RULESET_PUBLICATIONS, RULESETS
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer


class RulesetStatus(StrEnum):
    """How far a version has come. `published` is the one in force; earlier ones are `replaced`."""

    DRAFT = "draft"
    APPROVED = "approved"
    PUBLISHED = "published"
    REPLACED = "replaced"


class SecondPersonNeeded(StoreError):
    """Nobody but the author has approved the version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRuleset:
    """A version to be kept: its canonical text, and the files that it was written in, by path."""

    text: str
    by: str
    sources: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuleset:
    """A version of the rules. `text` is canonical, so decisions that name the version can be made again from it."""

    version: str
    text: str
    sources: Mapping[str, str]
    by: str
    at: datetime
    note: str
    status: RulesetStatus
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """That a version came into force."""

    seq: int
    version: str
    by: str
    at: datetime


class Rulesets:
    """The versions of the rules."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def draft(self, ruleset: NewRuleset) -> StoredRuleset:
        """Keep a version; one that is known stays as it is, with its first author."""
        return await self._writer.write(_draft, ruleset)

    async def approve(self, version: str, by: str) -> StoredRuleset:
        """Raises `SecondPersonNeeded` for the author, `Conflict` for a second time, `NotFound`."""
        return await self._writer.write(_approve, (version, by))

    async def publish(self, version: str, by: str) -> Publication:
        """Put a version into force. Raises `SecondPersonNeeded`, `Conflict` when it is in force, `NotFound`."""
        return await self._writer.write(_publish, (version, by))

    async def roll_back(self, by: str) -> Publication:
        """Put the version into force that was there before the present one. Raises `NotFound` when there was none."""
        return await self._writer.write(_roll_back, by)

    async def get(self, version: str) -> StoredRuleset:
        """Raises `NotFound`."""
        return await self._reader.read(_get, version)

    async def current(self) -> Publication | None:
        """The version in force; None when none was ever published."""
        return await self._reader.read(_current)

    async def publications(self, *, after: str = "", limit: int = 100) -> Page[Publication]:
        """What was in force when, the newest first."""
        return await self._reader.read(_publications, after, limit)

    async def drafts(self) -> tuple[StoredRuleset, ...]:
        """The versions that were never in force, the newest first."""
        return await self._reader.read(_drafts)


def _draft(tx: Transaction, asked: Sequence[NewRuleset]) -> list[StoredRuleset]:
    return [keep(tx, each) for each in asked]


def keep(tx: Transaction, ruleset: NewRuleset) -> StoredRuleset:
    """Keep a version in a transaction of others."""
    version = version_of_text(ruleset.text)
    if _row(tx.connection, version) is None:
        row = {
            "version": version,
            "text": ruleset.text,
            "sources": json.dumps(dict(ruleset.sources), ensure_ascii=False, sort_keys=True),
            "drafted_at": tx.at,
            "drafted_by": ruleset.by,
            "note": ruleset.note,
        }
        tx.insert(RULESETS, [row])
        tx.audit(ruleset.by, "ruleset.drafted", version, {"note": ruleset.note})
    return _get(tx.connection, version)


def _approve(tx: Transaction, asked: Sequence[tuple[str, str]]) -> list[StoredRuleset]:
    return [_approve_one(tx, version, by) for version, by in asked]


def _approve_one(tx: Transaction, version: str, by: str) -> StoredRuleset:
    found = _get(tx.connection, version)
    if found.by == by:
        raise SecondPersonNeeded(f"`{by}` wrote version {version}", "somebody else approves it")
    if any(each.by == by for each in found.approvals):
        raise Conflict(f"`{by}` has approved version {version} already")
    tx.insert(RULESET_APPROVALS, [{"version": version, "approved_by": by, "approved_at": tx.at}])
    tx.audit(by, "ruleset.approved", version)
    return _get(tx.connection, version)


def _publish(tx: Transaction, asked: Sequence[tuple[str, str]]) -> list[Publication]:
    return [_publish_one(tx, version, by, "ruleset.published") for version, by in asked]


def _publish_one(tx: Transaction, version: str, by: str, action: str) -> Publication:
    found = _get(tx.connection, version)
    current = _current(tx.connection)
    if current and current.version == version:
        raise Conflict(f"version {version} is in force already")
    if not found.approvals:
        raise SecondPersonNeeded(
            f"nobody but its author, `{found.by}`, has approved version {version}", "somebody else approves it first"
        )
    added = RULESET_PUBLICATIONS.insert().values(version=version, published_at=tx.at, published_by=by)
    row = tx.connection.execute(added.returning(RULESET_PUBLICATIONS)).one()
    tx.audit(by, action, version, {"before": current.version if current else None})
    return _publication(row)


def _roll_back(tx: Transaction, asked: Sequence[str]) -> list[Publication]:
    return [_roll_back_one(tx, by) for by in asked]


def _roll_back_one(tx: Transaction, by: str) -> Publication:
    current = _current(tx.connection)
    table = RULESET_PUBLICATIONS.c
    before = (
        current
        and tx.connection.execute(
            select(table.version)
            .where(table.seq < current.seq, table.version != current.version)
            .order_by(table.seq.desc())
            .limit(1)
        ).scalar()
    )
    if not before:
        raise NotFound("no other version was in force before")
    return _publish_one(tx, before, by, "ruleset.rolled_back")


def _row(connection: Connection, version: str) -> Row[Any] | None:
    return connection.execute(select(RULESETS).where(RULESETS.c.version == version)).first()


def _get(connection: Connection, version: str) -> StoredRuleset:
    row = _row(connection, version)
    if row is None:
        raise NotFound(f"there is no version `{version[:100]}` of the rules")
    return _stored(connection, row, _current(connection))


def _stored(connection: Connection, row: Row[Any], current: Publication | None) -> StoredRuleset:
    table = RULESET_APPROVALS.c
    approvals = connection.execute(
        select(RULESET_APPROVALS).where(table.version == row.version).order_by(table.approved_at, table.approved_by)
    ).all()
    was = select(RULESET_PUBLICATIONS.c.seq).where(RULESET_PUBLICATIONS.c.version == row.version).limit(1)
    published = connection.execute(was).first() is not None
    if current and current.version == row.version:
        status = RulesetStatus.PUBLISHED
    elif published:
        status = RulesetStatus.REPLACED
    else:
        status = RulesetStatus.APPROVED if approvals else RulesetStatus.DRAFT
    return StoredRuleset(
        version=row.version,
        text=row.text,
        sources=json.loads(row.sources),
        by=row.drafted_by,
        at=moment(row.drafted_at),
        note=row.note,
        status=status,
        approvals=tuple(Approval(each.approved_by, moment(each.approved_at)) for each in approvals),
    )


def _current(connection: Connection) -> Publication | None:
    row = connection.execute(select(RULESET_PUBLICATIONS).order_by(RULESET_PUBLICATIONS.c.seq.desc()).limit(1)).first()
    return _publication(row) if row else None


def _publication(row: Row[Any]) -> Publication:
    return Publication(seq=row.seq, version=row.version, by=row.published_by, at=moment(row.published_at))


def _publications(connection: Connection, after: str, limit: int) -> Page[Publication]:
    wanted = select(RULESET_PUBLICATIONS).order_by(RULESET_PUBLICATIONS.c.seq.desc())
    column = RULESET_PUBLICATIONS.c.seq
    return page_of(connection, wanted, column, after, limit, _publication, newest_first=True)


def _drafts(connection: Connection) -> tuple[StoredRuleset, ...]:
    published = select(RULESET_PUBLICATIONS.c.version)
    wanted = select(RULESETS).where(RULESETS.c.version.not_in(published)).order_by(RULESETS.c.drafted_at.desc())
    return tuple(_stored(connection, row, None) for row in connection.execute(wanted).all())

"""Entries of the operator's lists: who put them there, why, and until when. Nothing is deleted, an entry ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from kycrisk.store.failure import Conflict, NotFound
from kycrisk.store.moments import micros, moment, optional_micros, optional_moment
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import LIST_ENTRIES
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to be added. `value` is in the normal form in which the list compares; `until` None: for good."""

    list: str
    value: str
    by: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry of a list, in force or ended."""

    id: int
    list: str
    value: str
    by: str
    why: str
    added_at: datetime
    until: datetime | None
    ended_at: datetime | None
    ended_by: str | None


class ListEntries:
    """The entries of all lists."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def add(self, entry: NewEntry) -> StoredEntry:
        """Raises `Conflict` when the list holds the value already."""
        return await self._writer.write(_add, entry)

    async def end(self, id: int, by: str) -> StoredEntry:
        """Take an entry out of its list now. Raises `NotFound`, and `Conflict` when it has ended already."""
        return await self._writer.write(_end, (id, by))

    async def in_force(self, list: str, now: datetime) -> tuple[StoredEntry, ...]:
        """The entries that count now, the oldest first."""
        return await self._reader.read(_in_force, list, now)

    async def page(self, list: str, *, after: str = "", limit: int = 100) -> Page[StoredEntry]:
        """Every entry that the list ever had, the newest first."""
        return await self._reader.read(_page, list, after, limit)


def _lasts(now: int) -> Any:
    table = LIST_ENTRIES.c
    return table.ended_at.is_(None) & or_(table.until.is_(None), table.until > now)


def _add(tx: Transaction, entries: Sequence[NewEntry]) -> list[StoredEntry]:
    return [_add_one(tx, entry) for entry in entries]


def _add_one(tx: Transaction, entry: NewEntry) -> StoredEntry:
    table = LIST_ENTRIES.c
    same = select(table.id).where(table.list == entry.list, table.value == entry.value, _lasts(tx.at))
    if tx.connection.execute(same).first() is not None:
        raise Conflict(f"list `{entry.list}` holds `{entry.value}` already")
    row = tx.connection.execute(
        LIST_ENTRIES.insert()
        .values(
            list=entry.list,
            value=entry.value,
            added_at=tx.at,
            added_by=entry.by,
            why=entry.why,
            until=optional_micros(entry.until),
        )
        .returning(LIST_ENTRIES)
    ).one()
    tx.audit(entry.by, "list_entry.added", f"list_entry {row.id}", {"list": entry.list, "until": row.until})
    return _stored(row)


def _end(tx: Transaction, asked: Sequence[tuple[int, str]]) -> list[StoredEntry]:
    return [_end_one(tx, id_, by) for id_, by in asked]


def _end_one(tx: Transaction, id_: int, by: str) -> StoredEntry:
    row = tx.connection.execute(select(LIST_ENTRIES).where(LIST_ENTRIES.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no list entry {id_}")
    if row.ended_at is not None:
        raise Conflict(f"list entry {id_} has ended already")
    ended = update(LIST_ENTRIES).where(LIST_ENTRIES.c.id == id_).values(ended_at=tx.at, ended_by=by)
    row = tx.connection.execute(ended.returning(LIST_ENTRIES)).one()
    tx.audit(by, "list_entry.ended", f"list_entry {id_}", {"list": row.list})
    return _stored(row)


def _in_force(connection: Connection, list_: str, now: datetime) -> tuple[StoredEntry, ...]:
    wanted = select(LIST_ENTRIES).where(LIST_ENTRIES.c.list == list_, _lasts(micros(now))).order_by(LIST_ENTRIES.c.id)
    return tuple(_stored(row) for row in connection.execute(wanted))


def _page(connection: Connection, list_: str, after: str, limit: int) -> Page[StoredEntry]:
    wanted = select(LIST_ENTRIES).where(LIST_ENTRIES.c.list == list_).order_by(LIST_ENTRIES.c.id.desc())
    return page_of(connection, wanted, LIST_ENTRIES.c.id, after, limit, _stored, newest_first=True)


def _stored(row: Row[Any]) -> StoredEntry:
    return StoredEntry(
        id=row.id,
        list=row.list,
        value=row.value,
        by=row.added_by,
        why=row.why,
        added_at=moment(row.added_at),
        until=optional_moment(row.until),
        ended_at=optional_moment(row.ended_at),
        ended_by=row.ended_by,
    )


def entries_of(connection: Connection, values: Sequence[str]) -> list[StoredEntry]:
    """The entries of any list that hold one of these values."""
    wanted = select(LIST_ENTRIES).where(LIST_ENTRIES.c.value.in_(list(values))).order_by(LIST_ENTRIES.c.id)
    return [_stored(row) for row in connection.execute(wanted)]

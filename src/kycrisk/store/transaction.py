"""One transaction of the writer: the connection, the ids it gives out, and the audit rows that go with its changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from kycrisk.decision_json import text_json
from kycrisk.store.driver import Driver, Row
from kycrisk.store.moments import micros
from kycrisk.store.schema import AUDIT, HEAD
from kycrisk.store.sealing import SiteKey

#: What rows can be numbered by: the columns of `head`.
COUNTERS = ("account", "key", "signup", "decision", "audit")


_AUDIT_COLUMNS = tuple(column.name for column in AUDIT.columns)
_HEAD_COLUMNS = (*COUNTERS, "audit_hash")
_HEAD = f"SELECT {', '.join(f'{HEAD.name}.{name}' for name in _HEAD_COLUMNS)} FROM {HEAD.name}"
_HEAD_MOVED = f"UPDATE {HEAD.name} SET {', '.join(f'{name} = {{mark}}' for name in _HEAD_COLUMNS)}"


class AuditRow(NamedTuple):
    """What one audit row says; `details` never holds personal data in the clear."""

    seq: int
    at: int
    actor: str
    action: str
    subject: str
    details: str

    def hashed(self, site: SiteKey, previous: bytes) -> bytes:
        """The hash: over the row as a JSON array, behind the hash before."""
        told = (
            f"[{self.seq},{self.at},{text_json(self.actor)},{text_json(self.action)},{text_json(self.subject)},"
            f"{text_json(self.details)}]"
        )
        return site.audit_hash(previous, told.encode())


class Transaction:
    """What a change is made in. It is committed by the writer, together with others; a change that raises is undone.

    `connection` is SQLAlchemy's, for rows of tables that are not the store's. `at` is the moment of the transaction.
    Writers of all processes come one after the other: whoever reads here sees all that earlier ones wrote.
    """

    __slots__ = ("_audit", "_changed", "_hash", "_last", "at", "connection", "driver", "now", "site", "undone")

    def __init__(self, connection: Connection, site: SiteKey, now: datetime) -> None:
        self.connection, self.site, self.now, self.at = connection, site, now, micros(now)
        #: Called when the transaction, or the change's part in it, is taken back: for what is remembered in memory.
        self.undone: list[Callable[[], None]] = []
        #: For many rows at once, past SQLAlchemy.
        self.driver = Driver(connection)
        [head] = self.driver.execute(_HEAD if self.driver.is_sqlite else f"{_HEAD} FOR UPDATE")
        self._last: dict[str, int] = dict(zip(COUNTERS, head, strict=False))
        self._hash: bytes = head[-1]
        self._audit: list[tuple[Any, ...]] = []
        self._changed = False

    def ids(self, counter: str, count: int) -> range:
        """The next ids of a kind."""
        first = self._last[counter] + 1
        self._last[counter] += count
        self._changed = self._changed or count > 0
        return range(first, first + count)

    def insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add rows, all with the same columns in the same order; the first one is never None.

        Values go to the driver as they are, so they must be what both drivers take: numbers, texts, bytes, booleans.
        """
        if rows:
            self.driver.insert(table, tuple(rows[0]), [tuple(row.values()) for row in rows])

    def add(self, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """The same for rows that are tuples of these columns' values."""
        self.driver.insert(table, columns, rows)

    def audit(self, actor: str, action: str, subject: str, details: Mapping[str, object] | None = None) -> int:
        """Add a row to the audit chain; its number."""
        told = json.dumps(details or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return self.audit_told(actor, action, subject, told)

    def audit_told(self, actor: str, action: str, subject: str, told: str) -> int:
        """The same with its details in JSON already: sorted, without spaces, in UTF-8."""
        self._changed = True
        self._last["audit"] = seq = self._last["audit"] + 1
        previous = self._hash
        self._hash = AuditRow(seq, self.at, actor, action, subject, told).hashed(self.site, previous)
        self._audit.append((seq, self.at, actor, action, subject, told, previous, self._hash))
        return seq

    @property
    def audit_head(self) -> tuple[int, bytes]:
        """The number and the hash of the last audit row."""
        return self._last["audit"], self._hash

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What raises inside is undone, without the rest of the transaction."""
        last, hash_, audited, undone = dict(self._last), self._hash, len(self._audit), len(self.undone)
        try:
            with self.connection.begin_nested():
                yield
        except BaseException:
            self._last, self._hash = last, hash_
            del self._audit[audited:]
            take_back(self.undone[undone:])
            del self.undone[undone:]
            raise

    def finish(self) -> None:
        """Write what was gathered. Called by the writer, before it commits."""
        self.add(AUDIT, _AUDIT_COLUMNS, self._audit)
        if self._changed:
            self.driver.execute(_HEAD_MOVED.format(mark=self.driver.mark), (*self._last.values(), self._hash))


def take_back(undone: Iterable[Callable[[], None]]) -> None:
    for forget in undone:
        forget()

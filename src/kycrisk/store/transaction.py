"""One transaction of the writer: the connection, the ids it gives out, and the audit rows that go with its changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, select, update

from kycrisk.store.moments import micros
from kycrisk.store.schema import AUDIT, HEAD
from kycrisk.store.sealing import SiteKey

#: What rows can be numbered by: the columns of `head`.
COUNTERS = ("account", "key", "signup", "decision", "audit")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What one audit row says; `details` never holds personal data in the clear."""

    seq: int
    at: int
    actor: str
    action: str
    subject: str
    details: str

    def hashed(self, site: SiteKey, previous: bytes) -> bytes:
        told = [self.seq, self.at, self.actor, self.action, self.subject, self.details]
        return site.audit_hash(previous, json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())


class Transaction:
    """What a change is made in. It is committed by the writer, together with others; a change that raises is undone.

    `connection` is SQLAlchemy's, for rows of tables that are not the store's. `at` is the moment of the transaction.
    Writers of all processes come one after the other: whoever reads here sees all that earlier ones wrote.
    """

    __slots__ = ("_audit", "_changed", "_hash", "_last", "at", "connection", "now", "site", "undone")

    def __init__(self, connection: Connection, site: SiteKey, now: datetime) -> None:
        self.connection, self.site, self.now, self.at = connection, site, now, micros(now)
        #: Called when the transaction, or the change's part in it, is taken back: for what is remembered in memory.
        self.undone: list[Callable[[], None]] = []
        head = connection.execute(select(HEAD).with_for_update()).one()
        self._last: dict[str, int] = {name: getattr(head, name) for name in COUNTERS}
        self._hash: bytes = head.audit_hash
        self._audit: list[dict[str, Any]] = []
        self._changed = False

    def ids(self, counter: str, count: int) -> range:
        """The next ids of a kind."""
        first = self._last[counter] + 1
        self._last[counter] += count
        self._changed = self._changed or count > 0
        return range(first, first + count)

    def insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add rows, all with the same columns in the same order.

        Values go to the driver as they are, so they must be what both drivers take: numbers, texts, bytes, booleans.
        SQLAlchemy's own way through its types costs more than the rows themselves.
        """
        if rows:
            statement = _insertion(table, tuple(rows[0]), self.connection.dialect.paramstyle)
            self.connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])

    def audit(self, actor: str, action: str, subject: str, details: Mapping[str, object] | None = None) -> int:
        """Add a row to the audit chain; its number."""
        told = json.dumps(details or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        [seq] = self.ids("audit", 1)
        row = AuditRow(seq, self.at, actor, action, subject, told)
        previous, self._hash = self._hash, row.hashed(self.site, self._hash)
        self._audit.append(
            {
                "seq": seq,
                "at": self.at,
                "actor": actor,
                "action": action,
                "subject": subject,
                "details": told,
                "previous": previous,
                "hash": self._hash,
            }
        )
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
        self.insert(AUDIT, self._audit)
        if self._changed:
            self.connection.execute(update(HEAD).values(**self._last, audit_hash=self._hash))


@cache
def _insertion(table: Table, columns: tuple[str, ...], paramstyle: str) -> str:
    marks = ", ".join(["?" if paramstyle == "qmark" else "%s"] * len(columns))
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})"


def take_back(undone: Iterable[Callable[[], None]]) -> None:
    for forget in undone:
        forget()

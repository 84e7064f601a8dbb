"""Statements of a few kinds over many rows, straight through the database's driver.

A screening touches some thirty rows. What SQLAlchemy adds to each statement costs more than the rows do, and so does a
statement for each row: both drivers let other threads run during every one, and wait for their turn after it. So a
batch of screenings goes in one statement a table, and its questions are one statement each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, SmallInteger, Table, Text

Row = Sequence[Any]

#: Rows in one statement of SQLite. Powers of two, so that there are few different statements and they stay prepared;
#: and no more, as the program of a thousand rows leaves the processor's caches: nine of 64 take three quarters.
_MOST_ROWS = 64

_POSTGRESQL_TYPES = {
    BigInteger: "bigint",
    Integer: "integer",
    SmallInteger: "smallint",
    Boolean: "boolean",
    Text: "text",
    LargeBinary: "bytea",
}


class Driver:
    """A connection of the database's own driver, in the transaction that SQLAlchemy has begun on it.

    Errors are the driver's own (`failure.border` knows them). Values are numbers, texts, bytes and None.
    """

    __slots__ = ("_connection", "is_sqlite")

    def __init__(self, connection: Connection) -> None:
        self.is_sqlite = connection.dialect.name == "sqlite"
        self._connection: Any = connection.connection.driver_connection

    @property
    def mark(self) -> str:
        """The place of a value in a statement."""
        return "?" if self.is_sqlite else "%s"

    def execute(self, sql: str, values: Row = ()) -> list[tuple[Any, ...]]:
        """One statement and the rows that it answers; values stand in the places of `mark`."""
        cursor = self._connection.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def insert(self, table: Table, columns: tuple[str, ...], rows: Sequence[Row], otherwise: str = "") -> None:
        """Add rows, each with the values of these columns, of which the first is never None; `otherwise` says what to
        do where they conflict."""
        if not self.is_sqlite:
            if rows:
                statement = _insertion_of_arrays(table, columns) + otherwise
                self._connection.execute(statement, _arrays(_kinds(table, columns), rows))
            return
        for start in range(0, len(rows), _MOST_ROWS):
            part = rows[start : start + _MOST_ROWS]
            if any(row[0] is None for row in part):
                raise ValueError(f"rows of {table.name} without `{columns[0]}` would be left out")
            size = 1 << (len(part) - 1).bit_length()
            values = (*chain.from_iterable(part), *((None,) * (len(columns) * (size - len(part)))))
            self._connection.execute(_insertion(table, columns, size) + otherwise, values)

    def ask(
        self, question: Callable[[str], str], kinds: tuple[str, ...], rows: Sequence[Row], blank: Row
    ) -> list[tuple[Any, ...]]:
        """The answers to a question about many rows. `question` puts the place of the rows into the statement: a table
        whose columns have no names yet (`WITH asked(n, …) AS (SELECT * FROM {place})`). `kinds` are PostgreSQL's types.

        SQLite may be asked about `blank` rows as well, whose answers are given too.
        """
        if not self.is_sqlite:
            return self.execute(question(_arrays_place(kinds)), _arrays(kinds, rows))
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(rows), _MOST_ROWS):
            part = rows[start : start + _MOST_ROWS]
            size = 1 << (len(part) - 1).bit_length()
            values = (*chain.from_iterable(part), *(tuple(blank) * (size - len(part))))
            found += self.execute(question(_values_place(len(kinds), size)), values)
        return found


@cache
def _insertion(table: Table, columns: tuple[str, ...], size: int) -> str:
    """The first column of all rows is one that is never empty, so rows without it are there to fill up the number."""
    names, place = _names(table, columns), _values_place(len(columns), size)
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM {place} WHERE column1 IS NOT NULL"


@cache
def _insertion_of_arrays(table: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({_names(table, columns)}) SELECT * FROM {_arrays_place(_kinds(table, columns))}"


def _names(table: Table, columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{table.c[name].name}"' for name in columns)


@cache
def _kinds(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for name in columns:
        kind = type(table.c[name].type)
        found.append(next(told for each, told in _POSTGRESQL_TYPES.items() if kind is each))
    return tuple(found)


@cache
def _values_place(columns: int, size: int) -> str:
    row = f"({', '.join(['?'] * columns)})"
    return f"(VALUES {', '.join([row] * size)})"


@cache
def _arrays_place(kinds: tuple[str, ...]) -> str:
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})"


def _arrays(kinds: tuple[str, ...], rows: Sequence[Row]) -> list[str]:
    """The columns of rows as PostgreSQL writes arrays (its manual, 8.15.6)."""
    return [_ARRAYS.get(kind, _plain)(column) for kind, column in zip(kinds, zip(*rows, strict=True), strict=True)]


def _plain(column: Row) -> str:
    return f"{{{','.join(['NULL' if value is None else str(value) for value in column])}}}"


def _bytes(column: Row) -> str:
    return f"{{{','.join(['NULL' if value is None else chr(92) * 2 + 'x' + value.hex() for value in column])}}}"


def _texts(column: Row) -> str:
    return f"{{{','.join(['NULL' if value is None else _quoted(value) for value in column])}}}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_ARRAYS: dict[str, Callable[[Row], str]] = {"bytea": _bytes, "text": _texts}

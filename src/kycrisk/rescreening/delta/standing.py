"""What stands about accounts: the word of the lists and the verdict of each, as of the last time.

Rows that changed since lie over the table until there are many, so a change costs what it touches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

ROW = " row"
_FOLD_AT = 0.1  # of the rows


@dataclass(frozen=True, slots=True)
class Standing:
    """A table, and the rows that count instead of its own: those of `over`, whose `ROW` is unique and ascending."""

    base: pl.DataFrame
    over: pl.DataFrame

    @classmethod
    def of(cls, base: pl.DataFrame) -> Standing:
        return cls(base, base.clear().insert_column(0, pl.Series(ROW, [], dtype=pl.UInt32)))

    @property
    def height(self) -> int:
        return self.base.height

    @property
    def is_folded(self) -> bool:
        return not self.over.height

    def rows(self, rows: pl.Series, columns: list[str] | None = None) -> pl.DataFrame:
        """What stands in some rows, given in ascending order."""
        found = (self.base if columns is None else columns_of(self.base, columns))[rows]
        over = self.over.filter(pl.col(ROW).is_in(rows.implode())) if self.over.height else self.over
        return replaced(found, rows.search_sorted(over[ROW]), columns_of(over, found.columns)) if over.height else found

    def all(self, columns: list[str] | None = None) -> pl.DataFrame:
        """What stands in all rows."""
        found = self.base if columns is None else columns_of(self.base, columns)
        return replaced(found, self.over[ROW], columns_of(self.over, found.columns))

    def with_rows(self, rows: pl.Series, instead: pl.DataFrame) -> Standing:
        """The same with some rows replaced, given in ascending order; `instead` has all columns."""
        new = instead.select(self.base.columns).insert_column(0, rows.alias(ROW).cast(pl.UInt32))
        old = self.over.filter(~pl.col(ROW).is_in(rows.implode())) if self.over.height else self.over
        found = Standing(self.base, pl.concat([old, new]).sort(ROW) if old.height else new)
        return found.folded() if found.over.height > _FOLD_AT * self.height else found

    def folded(self) -> Standing:
        """The same with nothing lying over the table."""
        return self if self.is_folded else Standing.of(self.all())


def replaced(table: pl.DataFrame, places: pl.Series, instead: pl.DataFrame) -> pl.DataFrame:
    """The table with the rows at these places replaced in the columns that `instead` has."""
    if not len(places):
        return table
    return pl.DataFrame(
        [
            each.clone().scatter(places, instead[each.name]) if each.name in instead.columns else each
            for each in table.get_columns()
        ]
    )


def columns_of(table: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Some columns of a table, without the detour of a query."""
    return pl.DataFrame([table[name] for name in names])

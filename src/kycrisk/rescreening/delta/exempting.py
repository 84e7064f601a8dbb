"""Exemptions over an index: for whom other rules are silenced than when the accounts were last screened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from kycrisk.rescreening.delta.index import Index
from kycrisk.rescreening.delta.segment import Segment
from kycrisk.rescreening.exempting import with_exemptions
from kycrisk.screening.columns.table import EXEMPT
from kycrisk.screening.exemptions import Exempted

#: The rules that a table itself exempts an account from, beside those that the site's exemptions do.
GIVEN = " exempt"


def silenced_anew(index: Index, exempted: Sequence[Exempted], now: datetime) -> pl.DataFrame:
    """The accounts for whom other rules are silenced than before, with those that are now."""
    return pl.concat([_silenced_anew(each, exempted, now) for each in index.segments], how="diagonal")


def _silenced_anew(segment: Segment, exempted: Sequence[Exempted], now: datetime) -> pl.DataFrame:
    accounts = segment.accounts
    if not exempted and EXEMPT not in accounts.columns:
        return accounts.clear()
    lists = [_lists(each) for each in (accounts, with_exemptions(as_given(accounts), exempted, now))]
    rows = segment.still(segment.where(lists[0] != lists[1]))
    return accounts.with_columns(lists[1].alias(EXEMPT))[rows]


def as_given(accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts with the exemptions of their table alone."""
    if GIVEN in accounts.columns:
        return accounts.with_columns(pl.col(GIVEN).alias(EXEMPT))
    return accounts.drop(EXEMPT) if EXEMPT in accounts.columns else accounts


def _lists(table: pl.DataFrame) -> pl.Series:
    if EXEMPT not in table.columns:
        return pl.Series(EXEMPT, [[]], dtype=pl.List(pl.String)).new_from_index(0, table.height)
    return table[EXEMPT].cast(pl.List(pl.String)).fill_null([])

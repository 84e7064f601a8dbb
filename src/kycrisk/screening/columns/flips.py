"""Whose outcome would be another one if a list had other entries? (needs Polars)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.match import AnySet
from kycrisk.feeds.quarantine.reasons import Flip, Flips
from kycrisk.problems import Problem, Problems
from kycrisk.screening.columns.opening import table_screener
from kycrisk.screening.columns.parquet import ROWS
from kycrisk.screening.columns.table import ACCOUNT, TableScreener
from kycrisk.screening.site import Site

#: Where accounts come from: tables of signups or of facts, as the screener takes them. Asked anew for every list.
Accounts = Callable[[TableScreener], Iterable[pl.DataFrame]]

_SHOWN = 20


class FlipCounter:
    """Judges the same accounts by the lists as they are and with one of them changed: a `FlipJudge`."""

    def __init__(self, site: Site, now: datetime, accounts: Accounts) -> None:
        self._site, self._now, self._accounts = site, now, accounts

    @cached_property
    def _screener(self) -> TableScreener:
        return table_screener(self._site, self._now)

    def __call__(self, feed: Feed, entries: AnySet) -> Flips | None:
        """Who would flip if these were the entries of a feed; None where there are no accounts to tell by.

        Rows that are no signups do not count. Raises `Problems` for tables that cannot be read.
        """
        now = self._screener
        changed = replace(now.world, lists=now.world.lists.with_entries(feed, entries, self._now))
        then = TableScreener(now.rules.compiled, changed, self._site.lists)
        accounts, flips = 0, 0
        shown: list[Flip] = []
        for table in self._accounts(now):
            before, after = now.screen(table).verdicts, then.screen(table).verdicts
            flipped = _flipped(before, after)
            accounts += before.height
            flips += flipped.height
            shown += [Flip(account=account, before=old, after=new) for account, old, new in flipped.head(_SHOWN).rows()]
        return Flips(accounts=accounts, flips=flips, examples=tuple(shown[:_SHOWN])) if accounts else None


def _flipped(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The accounts whose outcome differs, with both outcomes as words."""
    both = before.select(ACCOUNT, pl.col("outcome").cast(pl.String)).with_columns(
        after=after["outcome"].cast(pl.String)
    )
    return both.filter(pl.col("outcome") != pl.col("after"))


def accounts_of_file(path: Path) -> Accounts:
    """The accounts of a Parquet or CSV file, a slice at a time. What they are read by raises `Problems`."""

    def slices(screener: TableScreener) -> Iterator[pl.DataFrame]:
        try:
            table = _scanned(path)
            names = table.collect_schema().names()
            screener.check_columns(names)
            wanted = table.select(screener.reads(names))
            height = int(table.select(pl.len()).collect().item())
            for start in range(0, height, ROWS):
                yield wanted.slice(start, ROWS).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            told = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise Problems([Problem(str(path), f"cannot be read: {told}", "it is a Parquet or CSV file")]) from None

    return slices


def _scanned(path: Path) -> pl.LazyFrame:
    if path.suffix.lower() in (".csv", ".tsv"):
        return pl.scan_csv(
            path, infer_schema=False, separator="\t" if path.suffix.lower() == ".tsv" else ",", glob=False
        )
    return pl.scan_parquet(path, glob=False)

"""Parquet in, verdicts out, slice by slice: as much in memory as a few slices, whatever the size of the table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.screening.columns.table import ScreenedTable, TableScreener

#: Rows in a slice: large enough for columns to pay, small enough for the processor's caches and for progress.
ROWS = 250_000


class ScreenedSlice(NamedTuple):
    """A slice of a file: where its rows begin, and what became of them. Refused rows are numbered as in the file."""

    path: Path
    start: int
    screened: ScreenedTable


def screen_parquet(
    screener: TableScreener,
    paths: Sequence[Path],
    *,
    rows: int = ROWS,
    threads: int = 2,
    facts: bool = False,
    anew: bool = True,
) -> Iterator[ScreenedSlice]:
    """The verdicts of Parquet files, a slice at a time and in the order of their rows; see `TableScreener.screen`.

    Only the columns that are looked at are read. While one slice is judged the next is read: `threads` at a time.
    Raises `Problems` for what is no Parquet file and for columns that are not what they should be.
    """

    def screened(path: Path, start: int) -> ScreenedSlice:
        try:
            found = screener.screen(_read(screener, path, start, rows, anew), facts=facts, anew=anew)
        except Problems as wrong:
            raise Problems(
                Problem(f"{path}: rows from {start + 1} on", str(each), each.help) for each in wrong.problems
            ) from None
        refused = found.refused.with_columns(pl.col("row") + start)
        return ScreenedSlice(path, start, ScreenedTable(found.verdicts, refused))

    slices = ((path, start) for path in paths for start in range(0, max(_height(path), 1), rows))
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[ScreenedSlice]] = deque()
        for path, start in slices:
            pending.append(pool.submit(screened, path, start))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _read(screener: TableScreener, path: Path, start: int, rows: int, anew: bool) -> pl.DataFrame:
    try:
        table = pl.scan_parquet(path)
        names = table.collect_schema().names()
        screener.check_columns(names)  # before the columns that are not looked at are left out
        return table.select(screener.reads(names, anew=anew)).slice(start, rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Problems([Problem("", f"cannot be read: {_first_line(error)}")]) from None


def _height(path: Path) -> int:
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Problems([Problem(str(path), f"is not a Parquet file that can be read: {_first_line(error)}")]) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

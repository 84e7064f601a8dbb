"""Parquet in, verdicts out, slice by slice: as much in memory as a few slices, whatever the size of the table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.screening.columns.table import ScreenedTable, TableScreener

#: Rows in a slice: large enough for columns to pay, small enough for the processor's caches and for progress.
ROWS = 250_000


def screen_parquet(
    screener: TableScreener, paths: Sequence[Path], *, rows: int = ROWS, threads: int = 2, facts: bool = False
) -> Iterator[ScreenedTable]:
    """The verdicts of Parquet files, a slice at a time and in the order of their rows.

    Only the columns that are looked at are read. While one slice is judged the next is read: `threads` at a time.
    Raises `Problems` for what is no Parquet file and for columns that are not what they should be.
    """
    slices = ((path, at) for path in paths for at in range(0, max(_height(path), 1), rows))
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[ScreenedTable]] = deque()
        for path, at in slices:
            pending.append(pool.submit(_screened, screener, path, at, rows, facts))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _screened(screener: TableScreener, path: Path, at: int, rows: int, facts: bool) -> ScreenedTable:
    try:
        table = pl.scan_parquet(path)
        names = table.collect_schema().names()
        part = table.select(screener.reads(names)).slice(at, rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Problems([Problem(f"{path}: row {at + 1}", f"cannot be read: {_first_line(error)}")]) from None
    return screener.screen(part, facts=facts)


def _height(path: Path) -> int:
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Problems([Problem(str(path), f"is not a Parquet file that can be read: {_first_line(error)}")]) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

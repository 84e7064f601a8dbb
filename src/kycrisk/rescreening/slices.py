"""Files of accounts, cut into slices: what a run does at once, and does again when it was stopped in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.kernel import Kernel
from kycrisk.ruleset.columns.values import dtype_of
from kycrisk.signals import Signal, Type

#: Rows in a slice: large enough for columns to pay, small enough for memory and for progress.
ROWS = 250_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of a file: `rows` of them, from `start` on (counted from 0). Slices are numbered from 0 over all files."""

    number: int
    path: str
    start: int
    rows: int


def slices_of(paths: Sequence[Path], rows: int = ROWS) -> list[Slice]:
    """All slices of Parquet files, in order. Raises `Problems` for every file that cannot be read."""
    heights, problems = dict[Path, int](), []
    for path in paths:
        try:
            heights[path] = int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, OSError) as error:
            problems.append(Problem(str(path), f"is not a Parquet file that can be read: {_first_line(error)}"))
    if problems:
        raise Problems(problems)
    cut = [
        (path, start, min(rows, height - start)) for path, height in heights.items() for start in range(0, height, rows)
    ]
    return [Slice(number, str(path), start, count) for number, (path, start, count) in enumerate(cut)]


def check_files(kernel: Kernel, paths: Sequence[Path]) -> list[str]:
    """Raises `Problems` where columns of a file are missing, mistyped or unknown, all files and columns at once.

    Gives the signals that rules read and some file tells nothing of.
    """
    problems: list[Problem] = []
    silent: dict[str, None] = {}
    for path in paths:
        try:
            kernel.screen(read_slice(kernel, Slice(0, str(path), 0, 0)))
            names = pl.scan_parquet(path, glob=False).collect_schema().names()
            silent |= dict.fromkeys(kernel.screener.unanswered(names))
        except Problems as wrong:
            problems += (Problem(str(path), str(each), each.help) for each in wrong.problems)
    if problems:
        raise Problems(problems)
    return list(silent)


def read_slice(kernel: Kernel, each: Slice) -> pl.DataFrame:
    """The rows of a slice, with those of its columns that are looked at. Raises `Problems`."""
    try:
        table = pl.scan_parquet(each.path, glob=False)
        wanted = kernel.reads(table.collect_schema().names())
        found = table.select(wanted).slice(each.start, each.rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        place = f"{each.path}: rows from {each.start + 1} on"
        raise Problems([Problem(place, f"cannot be read: {_first_line(error)}")]) from None
    if found.height != each.rows:
        message = f"{found.height} rows are there, {each.rows} were: the file has changed"
        raise Problems([Problem(f"{each.path}: rows from {each.start + 1} on", message)])
    return found


def screen_slice(kernel: Kernel, each: Slice) -> pl.DataFrame:
    """The results of a slice, a row for each of its rows. Raises `Problems`, each with the place of the slice."""
    table = read_slice(kernel, each)
    try:
        return kernel.screen(table, each.start + 1)
    except Problems as wrong:
        place = f"{each.path}: rows from {each.start + 1} on"
        raise Problems(Problem(place, str(problem), problem.help) for problem in wrong.problems) from None


def csv_to_parquet(source: Path, target: Path, attributes: Mapping[str, Signal]) -> None:
    """A CSV file of signups as Parquet. Raises `Problems` for what is no CSV and for attributes that are not of their
    declared type, and `OSError`.

    Every other value stays as it is written; outcomes of before (`outcome`) may stand in a column of it. Empty cells
    are nothing.
    """
    types = {
        prefix + name.removeprefix("signup."): each.type for name, each in attributes.items() for prefix in _PREFIXES
    }
    try:
        table = pl.scan_csv(source, infer_schema=False)
        names = table.collect_schema().names()
        cells = [_typed(name, types[name]) for name in names if name in types]
        table.with_columns(cells).sink_parquet(target, row_group_size=ROWS)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        target.unlink(missing_ok=True)
        raise Problems([Problem(str(source), f"is no CSV file that can be read: {_first_line(error)}")]) from None


_PREFIXES = ("attributes.", "signup.")


def _typed(name: str, type_: Type) -> pl.Expr:
    """An attribute's column as its type; durations and times are read like those of single signups."""
    text = pl.col(name)
    match type_:
        case Type.INT | Type.FLOAT:
            return text.cast(dtype_of(type_))
        case Type.BOOL:
            return text.replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)
        case _ if type_.is_set:
            return text.str.split(";")
    return text


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

"""Signups in Parquet, read with Polars (`pip install "kycrisk[parquet]"`); nested columns or `address.country`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.screening.inputs.rows import Input, Row, checked_columns
from kycrisk.signals import Signal

_SLICE = 20_000  # rows in memory at a time


def parquet_input(path: Path, attributes: Mapping[str, Signal], ignore_unknown: bool = False) -> Input:
    """The signups of a Parquet file. Raises `Problems` when it is not one, or when its columns are not a signup's."""
    try:
        frame = pl.scan_parquet(path)
        names = frame.collect_schema().names()
        size = int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Problems([Problem(str(path), f"is not a Parquet file that can be read: {_first_line(error)}")]) from None
    flat = [name for name in names if name not in ("address", "attributes")]
    checked = dict(zip(flat, checked_columns(str(path), flat, attributes, ignore_unknown), strict=True))
    kept = [name for name in names if checked.get(name, name)]
    done = [0]
    return Input(
        name=str(path),
        rows=_rows(frame.select(kept), kept, size, done, str(path)),
        unit="row",
        size=size,
        position=lambda: done[0],
    )


def _rows(frame: pl.LazyFrame, names: Sequence[str], size: int, done: list[int], place: str) -> Iterator[Row]:
    for offset in range(0, size, _SLICE):
        try:
            part = frame.slice(offset, _SLICE).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise Problems([Problem(place, f"cannot be read on from row {offset + 1}: {_first_line(error)}")]) from None
        for done[0], cells in enumerate(part.iter_rows(), offset + 1):
            yield done[0], raw_signup(names, cells)


def raw_signup(names: Sequence[str], cells: Sequence[Any]) -> dict[str, object]:
    """The cells of a row as a signup has them: nested, and without what is null."""
    raw: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        if cell is None:
            continue
        group, dot, field = name.partition(".")
        if dot:
            raw.setdefault("attributes" if group == "signup" else group, {})[field] = cell
        elif isinstance(cell, dict):
            raw.setdefault(name, {}).update({key: value for key, value in cell.items() if value is not None})
        else:
            raw[name] = cell
    return raw


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

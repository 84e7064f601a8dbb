"""What all engines have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from kycrisk.rescreening.slices import Slice


class Screened(NamedTuple):
    """A slice and its results, a row of `kernel.RESULT` for each of its rows."""

    slice: Slice
    result: pl.DataFrame


class Engine(Protocol):
    """Screens slices by a pinned site."""

    def screen(self, pinned: Path, digest: str, slices: Sequence[Slice]) -> Iterator[Screened]:
        """The results of slices, in any order. Raises `Problems`."""

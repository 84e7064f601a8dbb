"""A figure: what was measured, the bar it has to clear, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number. `bar` is None where nothing is promised; `value` is None where nothing could be measured,
    and `note` says why."""

    name: str
    value: float | None
    unit: str
    bar: float | None = None
    at_least: bool = False  # the bar is a lower limit
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bar is cleared; None where there is no bar. What was not measured did not clear it."""
        if self.bar is None:
            return None
        if self.value is None:
            return False
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": None if self.value is None else round(self.value, 3),
            "unit": self.unit,
            "bar": self.bar,
            "bar_is": None if self.bar is None else "at least" if self.at_least else "at most",
            "met": self.met,
            "note": self.note,
        }

    def __str__(self) -> str:
        mark = {True: "met   ", False: "MISSED", None: "      "}[self.met]
        value = "not measured" if self.value is None else f"{self.value:,.3g} {self.unit}"
        bar = "" if self.bar is None else f"  ({'at least' if self.at_least else 'at most'} {self.bar:,g})"
        return f"{mark}  {self.name}: {value}{bar}{'  ' + self.note if self.note else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one script found: its figures, and the raw numbers behind them."""

    name: str
    figures: tuple[Figure, ...]
    details: dict[str, Any]
    failures: tuple[str, ...] = ()  # what makes the whole run worthless: engines that disagree


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How thorough a run is. `quick` is for a smoke test: few repetitions, small inputs, the same code."""

    quick: bool = False

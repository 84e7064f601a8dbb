"""Parts of a history added up: by what rules found, by outcome, and one row for each labelled account."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from kycrisk.backtest.part import HEAD, Part
from kycrisk.backtest.states import States
from kycrisk.ruleset.columns.outcomes import OUTCOME

_CUBE = 2_000_000  # rows that wait before they are added up
Labels = pl.DataFrame  # `account`, `fraud`


def labels_frame(labels: Mapping[str, str]) -> Labels:
    """Labels by account as a table."""
    accounts = pl.Series("account", list(labels), dtype=pl.String)
    return pl.DataFrame([accounts, pl.Series("fraud", [word == "fraud" for word in labels.values()], dtype=pl.Boolean)])


@dataclass(slots=True)
class Tally:
    """What was counted so far."""

    states: States
    labels: Labels
    decisions: int = 0
    erased: int = 0
    first: datetime | None = None
    last: datetime | None = None
    rulesets: Counter[str] = field(default_factory=Counter)
    hits_before: Counter[str] = field(default_factory=Counter)
    known_before: set[str] = field(default_factory=set)  # rules that any finding names
    never_gathered: Counter[str] = field(default_factory=Counter)
    _cubes: list[pl.DataFrame] = field(default_factory=list)
    _judged: list[pl.DataFrame] = field(default_factory=list)

    def add(self, part: Part, facts: pl.DataFrame) -> None:
        """Add a part, with the facts that its rules read."""
        frame, states = part.frame, self.states
        if not part.height:
            return
        never = states.never_gathered(part, facts)
        packed = states.packed(part, facts, never)
        told = frame.select("seq", "id", "account", "at", "outcome").hstack(packed)
        self.decisions += part.height
        self.erased += int(frame["erased"].sum())
        self._span(frame["at"])
        for name, rows in never.items():
            self.never_gathered[name] += int(rows.sum())
        self.rulesets.update(_by_text(part, "ruleset"))
        for text, count in _by_text(part, "findings").items():
            self._found_before(json.loads(text), count)
        self._cubes.append(_cube(told, states.words))
        if sum(each.height for each in self._cubes) > _CUBE:
            self._cubes = [_added(self._cubes, states.words)]
        if self.labels.height:
            found = told.join(self.labels, on="account", how="inner")
            self._judged.append(found)

    def cube(self) -> pl.DataFrame:
        """Decisions by words of states and outcome before, with the id of one of them."""
        return _added(self._cubes, self.states.words)

    def judged(self) -> pl.DataFrame:
        """The first decision in the period of each labelled account."""
        found = pl.concat(self._judged) if self._judged else self._none()
        return found.sort("at", "seq").unique("account", keep="first", maintain_order=True)

    def _none(self) -> pl.DataFrame:
        schema: dict[str, pl.DataType] = {
            "seq": pl.Int64(),
            "account": pl.String(),
            "at": HEAD["at"],
            "outcome": OUTCOME,
        }
        schema |= {word: pl.Int64() for word in self.states.words}
        return pl.DataFrame(schema={**schema, "fraud": pl.Boolean()})

    def _span(self, at: pl.Series) -> None:
        low, high = at.min(), at.max()
        assert isinstance(low, datetime)
        assert isinstance(high, datetime)
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def _found_before(self, found: Mapping[str, Any], count: int) -> None:
        for rule in found["hit"]:
            self.hits_before[rule] += count
        shadow = found["shadow"]
        for rule, finding in shadow.items():
            if finding == "hit":
                self.hits_before[rule] += count
        self.known_before.update(found["hit"], found["unknown"], found["exempt"], shadow)


def _by_text(part: Part, name: str) -> Counter[str]:
    counts = part.frame[name].value_counts()
    return Counter(
        {part.texts[name][number]: count for number, count in zip(counts[name], counts["count"], strict=True)}
    )


def _cube(told: pl.DataFrame, words: list[str]) -> pl.DataFrame:
    before = pl.col("outcome").to_physical().cast(pl.UInt8)
    return told.group_by(*words, before).agg(pl.len().cast(pl.Int64).alias("decisions"), pl.col("id").first())


def _added(cubes: list[pl.DataFrame], words: list[str]) -> pl.DataFrame:
    if not cubes:
        columns = {**dict.fromkeys(words, pl.Int64), "outcome": pl.UInt8, "decisions": pl.Int64, "id": pl.String}
        return pl.DataFrame(schema=columns)
    return pl.concat(cubes).group_by(*words, "outcome").agg(pl.col("decisions").sum(), pl.col("id").first())

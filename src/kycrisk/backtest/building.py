"""Decisions to columns, one after the other: only what a backtest needs is read of each JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from kycrisk.backtest.part import HEAD, Part, column_of, signal_of
from kycrisk.decision_json import DecisionFormatError
from kycrisk.ruleset.columns.values import column
from kycrisk.signals import Type, Why, fact_value

#: What was left unasked because the rules of that time did not need it: never gathered.
_NOT_ASKED = Why.SKIPPED.value
_BARE: Mapping[type, Type] = {bool: Type.BOOL, int: Type.INT, float: Type.FLOAT, str: Type.STR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A decision beside its evidence."""

    seq: int
    id: str
    account: str
    signup: int | None
    at: datetime
    outcome: str
    score: int
    settled: bool
    lowest: str
    highest: str
    erased: bool
    ruleset: str
    findings: str


@dataclass(slots=True)
class Builder:
    """Gathers decisions until they are taken as a part."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    _facts: dict[tuple[str, Type], list[Any]] = field(default_factory=dict)
    _texts: dict[str, dict[str, int]] = field(default_factory=lambda: {"ruleset": {}, "findings": {}, "gaps": {}})

    def add(self, row: Row, evidence: Mapping[str, Mapping[str, Any]]) -> None:
        """Add a decision with its evidence as its JSON has it. Raises `DecisionFormatError` for what is no evidence."""
        at, facts, unknown = len(self.rows), self._facts, {}
        try:
            for name, fact in evidence.items():
                if "value" in fact:
                    value = fact["value"]
                    told = fact.get("type")
                    type_ = _BARE[type(value)] if told is None else Type(told)
                    cells = facts.get((name, type_))
                    if cells is None:
                        cells = facts[name, type_] = []
                    if len(cells) < at:
                        cells.extend([None] * (at - len(cells)))
                    cells.append(value if told is None else fact_value(type_, value))
                elif "unknown" in fact and fact["unknown"] != _NOT_ASKED:
                    unknown[name] = fact["unknown"]
        except (KeyError, TypeError, ValueError) as error:
            for cells in facts.values():
                del cells[at:]
            raise DecisionFormatError(f"the evidence is malformed: {error}") from None
        gaps = json.dumps(unknown, separators=(",", ":"), sort_keys=True) if unknown else "{}"
        numbers = [
            texts.setdefault(text, len(texts))
            for texts, text in zip(self._texts.values(), (row.ruleset, row.findings, gaps), strict=True)
        ]
        self.rows.append(
            (row.seq, row.id, row.account, row.signup, row.at, row.outcome, row.score, row.settled, row.lowest,
             row.highest, row.erased, *numbers)
        )  # fmt: skip

    def take(self) -> Part:
        """What was gathered; the builder is empty afterwards."""
        height = len(self.rows)
        head = pl.DataFrame(self.rows, schema=dict(HEAD), orient="row")
        facts = [
            column(column_of(name, type_), type_, cells + [None] * (height - len(cells)))
            for (name, type_), cells in self._facts.items()
        ]
        part = Part(head.hstack(facts), {name: tuple(texts) for name, texts in self._texts.items()})
        self.rows, self._facts = [], {}
        self._texts = {"ruleset": {}, "findings": {}, "gaps": {}}
        return part


def findings_of(raw: Mapping[str, Any]) -> str:
    """The findings of a decision's JSON, as the store keeps them."""
    return json.dumps(
        {
            "hit": [each["rule"] for each in raw["reasons"]],
            "unknown": [each["rule"] for each in raw["undetermined"]],
            "exempt": [each["rule"] for each in raw["exempt"]],
            "shadow": {each["rule"]: each["finding"] for each in raw["shadow"]},
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def fact_columns(names: Sequence[str]) -> list[tuple[str, Type]]:
    """The signals, with their types, that columns hold."""
    return [signal_of(name) for name in names if name not in HEAD]

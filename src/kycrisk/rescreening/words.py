"""Why an outcome is news, in the words of the rules that hit: the scalar engine, asked about a few rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from kycrisk.checks import CHECKS
from kycrisk.intake import COLUMNS, read_signup
from kycrisk.rescreening.pinned import Pinned
from kycrisk.ruleset.columns.given import given_columns
from kycrisk.ruleset.columns.values import values_of
from kycrisk.ruleset.decide import decide
from kycrisk.screening.columns.signups import is_signups
from kycrisk.screening.derived import derived_signals, prepare_derived
from kycrisk.screening.gather import prepare_gatherer
from kycrisk.screening.inputs.parquet import raw_signup
from kycrisk.signals import Evidence, Value

_NESTED = ("address", "attributes")


class Words:
    """The words of a pinned site's rules. Safe to share between threads."""

    def __init__(self, pinned: Pinned) -> None:
        self._pinned, self._compiled = pinned, pinned.screener.rules.compiled
        ruleset = self._compiled.ruleset
        derived = prepare_derived(derived_signals(ruleset), pinned.lists, None)
        attributes = ruleset.policy.attributes
        self._gatherer = prepare_gatherer(CHECKS, pinned.screener.world, derived, attributes)
        names = {*COLUMNS, *_NESTED, *attributes}
        self._names = names | {f"attributes.{name.removeprefix('signup.')}" for name in attributes}
        read = self._pinned.screener.rules.signals
        named = dict.fromkeys(name for rule in self._compiled.live for name in rule.reason.signals)
        #: The signals that reasons name and no rule reads: a table that has them is looked at for these words alone.
        self.signals = tuple(name for name in named if name not in read and name in ruleset.signals)

    def of(self, facts: pl.DataFrame, given: pl.DataFrame, hitting: pl.Series) -> pl.Series:
        """What the rules that hit in each row say.

        `facts` are those that rules read, `given` are the rows as they came. A rule that is silenced for a row is not
        among those that hit.
        """
        known = self._pinned.screener.rules.known(facts)
        told: list[list[str]] = []
        for each, more, rules in zip(known, self._more(given), hitting.to_list(), strict=True):
            evidence = Evidence({**more, **each}, origins=self._gatherer.origins)
            decision = decide(self._compiled, evidence, id="", account_id="", decided_at=self._pinned.now)
            told.append([f"{each.contribution}: {each.text}" for each in decision.reasons if each.rule in rules])
        return pl.Series("why", told, dtype=pl.List(pl.String))

    def _more(self, given: pl.DataFrame) -> Sequence[Mapping[str, Value]]:
        """What is known of the rows beside what rules read."""
        if is_signups(given.columns):
            rows = given.select(name for name in given.columns if name in self._names)
            return [self._gathered(rows.columns, cells) for cells in rows.iter_rows()]
        types = {name: self._compiled.ruleset.signals[name].type for name in self.signals if name in given.columns}
        table = given_columns(given, types)
        columns = {name: values_of(table[name], type_) for name, type_ in types.items()}
        return [
            {name: value for name, cells in columns.items() if (value := cells[row]) is not None}
            for row in range(given.height)
        ]

    def _gathered(self, names: Sequence[str], cells: Sequence[Any]) -> Mapping[str, Value]:
        attributes, now = self._compiled.ruleset.policy.attributes, self._pinned.now
        signup = read_signup(raw_signup(names, cells), attributes=attributes, now=now)
        (gathering,) = self._gatherer.ask_checks([signup])
        return self._gatherer.complete(gathering).known

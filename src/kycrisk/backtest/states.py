"""What rules find in stored evidence, packed: two bits a rule, so that a million decisions come to a few patterns.

A rule misses, hits, meets a gap (what it asks was asked then, in vain), or is open: it reads something that was never
gathered, and so might have found anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from kycrisk.backtest.part import HEAD, Part, column_of, values_of_signal
from kycrisk.ruleset.columns.judge import ColumnRuleset
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import Rule
from kycrisk.signals import Type

MISS, HIT, GAP, OPEN = range(4)
_A_WORD = 31  # rules in a whole number of 64 bits
_ROW = " row"


class States:
    """A ruleset ready for parts of a history: its live rules, and behind them those in shadow."""

    def __init__(self, compiled: CompiledRuleset) -> None:
        self.compiled = compiled
        self.rules: tuple[Rule, ...] = (*compiled.live, *compiled.shadow)
        self._columns = ColumnRuleset(compiled, shadow=True)
        self.signals: Mapping[str, Type] = self._columns.signals
        self.words = [f"word {number}" for number in range(max(1, -(-len(self.rules) // _A_WORD)))]

    def wanted(self, names: Iterable[str], beside: Mapping[str, Type] | None = None) -> Collection[str]:
        """Those of a part's columns that are looked at; `beside` are signals that others ask for."""
        signals = {**self.signals, **(beside or {})}
        facts = {column_of(name, type_) for name, type_ in signals.items()}
        facts |= {column_of(name, Type.STR_SET) for name, type_ in signals.items() if type_.is_set}
        return [name for name in names if name in HEAD or name in facts]

    def facts(self, part: Part) -> pl.DataFrame:
        """The facts that the rules read, as the part has them."""
        rows = pl.int_range(part.height, dtype=pl.UInt32, eager=True).alias(_ROW)
        return pl.DataFrame([rows, *(values_of_signal(part.frame, *signal) for signal in self.signals.items())])

    def never_gathered(self, part: Part, facts: pl.DataFrame) -> dict[str, pl.Series]:
        """For each signal that is not known everywhere: in which rows nobody had asked for it."""
        gaps, codes = part.gaps(), part.frame["gaps"]
        found = {}
        for name in self.signals:
            null = facts[name].is_null()
            if null.any():
                asked = pl.Series([name in each for each in gaps], dtype=pl.Boolean)
                found[name] = null & ~asked.gather(codes) if asked.any() else null
        return found

    def packed(self, part: Part, facts: pl.DataFrame, never: Mapping[str, pl.Series]) -> pl.DataFrame:
        """What each rule finds in each row, in the columns `words`. A rule that was exempt then misses."""
        truths = [self._columns.findings(facts), self._columns.shadow_findings(facts)]
        by_rule = {name: table[name] for table in truths for name in table.columns}
        exempt = _exempt(part)
        states = [self._state(rule, by_rule[rule.id], never, exempt, part) for rule in self.rules]
        return pl.DataFrame(
            [
                _word(states[at * _A_WORD : (at + 1) * _A_WORD], part.height).alias(name)
                for at, name in enumerate(self.words)
            ]
        )

    def _state(
        self,
        rule: Rule,
        truth: pl.Series,
        never: Mapping[str, pl.Series],
        exempt: Mapping[str, Sequence[int]],
        part: Part,
    ) -> pl.Series:
        state = truth.cast(pl.Int64)
        if truth.null_count():
            open_ = pl.Series([False]).new_from_index(0, part.height)
            for name in rule.signal_names:
                if name in never:
                    open_ |= never[name]
            table = pl.DataFrame({"state": state, "open": open_})
            unknown = pl.when("open").then(pl.lit(OPEN, pl.Int64)).otherwise(pl.lit(GAP, pl.Int64))
            state = table.select(pl.col("state").fill_null(unknown)).to_series()
        if rule.id in exempt:
            state = state.zip_with(~part.frame["findings"].is_in(list(exempt[rule.id])), state * 0)
        return state

    def unpacked(self, words: pl.DataFrame) -> pl.DataFrame:
        """The state of each rule in a column named after it, beside a column that counts the rows."""
        return words.select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW),
            *(
                ((pl.col(self.words[at // _A_WORD]) // 4 ** (at % _A_WORD)) % 4).cast(pl.UInt8).alias(rule.id)
                for at, rule in enumerate(self.rules)
            ),
        )


def _exempt(part: Part) -> dict[str, list[int]]:
    """By rule, the findings in which it was exempt."""
    found: dict[str, list[int]] = {}
    for number, each in enumerate(part.findings()):
        for rule in each["exempt"]:
            found.setdefault(rule, []).append(number)
    return found


def _word(states: Sequence[pl.Series], height: int) -> pl.Series:
    total = pl.Series([0], dtype=pl.Int64).new_from_index(0, height)
    for at, state in enumerate(states):
        total += state * 4**at
    return total

"""A ruleset over tables of facts: outcome, score and interval of every row, exactly as the scalar engine has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from kycrisk.ruleset.columns.conditions import truth
from kycrisk.ruleset.columns.outcomes import OUTCOME, VERDICT, verdicts
from kycrisk.ruleset.columns.values import dtype_of, values_of
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.signals import Type, Value

_RULE = "rule "  # before a rule's id where it names a column beside signals, so that none can be taken for one
_ROW = " row"


class ColumnRuleset:
    """A ruleset that is ready to judge tables. Safe to share between threads."""

    __slots__ = ("_truths", "compiled", "signals")

    def __init__(self, compiled: CompiledRuleset) -> None:
        self.compiled = compiled
        #: What the live rules read: the columns that `verdicts` looks for. One that is left out is unknown everywhere.
        self.signals: Mapping[str, Type] = {ref.name: ref.type for rule in compiled.live for ref in rule.signals}
        self._truths = [truth(rule.condition).alias(_RULE + rule.id) for rule in compiled.live]

    def findings(self, facts: pl.DataFrame) -> pl.DataFrame:
        """The truth of each live rule's condition in a column named after the rule; null is unknown."""
        return self._judged(facts).drop(_ROW)

    def verdicts(self, facts: pl.DataFrame, exempt: pl.Series | None = None) -> pl.DataFrame:
        """The verdict of each row, in the columns of `VERDICT`.

        `facts` has at least one column, so that it has rows; those named after signals are as `values` has them.
        `exempt` lists the rules that are silenced for each row; null and the empty list are nobody. Such rows are few,
        so each is judged by the scalar engine.
        """
        found = verdicts(self.compiled.live, self.compiled.ruleset.policy, self._judged(facts))
        if exempt is None:
            return found
        rows = (exempt.list.len() > 0).arg_true()
        return _replaced(found, rows, self._one_by_one(facts, rows, exempt)) if len(rows) else found

    def known(self, facts: pl.DataFrame) -> Iterator[dict[str, Value]]:
        """What is known of each row, as the scalar engine takes it: only the signals that live rules read."""
        read = {name: type_ for name, type_ in self.signals.items() if name in facts.columns}
        columns = [values_of(facts[name], type_) for name, type_ in read.items()]
        for row in range(facts.height):
            cells = zip(read, columns, strict=True)
            yield {name: value for name, cells_ in cells if (value := cells_[row]) is not None}

    def _judged(self, facts: pl.DataFrame) -> pl.DataFrame:
        """The truths, beside a column that counts the rows: there may be no rules."""
        missing = [
            pl.Series(name, [], dtype_of(type_)).clear(facts.height)
            for name, type_ in self.signals.items()
            if name not in facts.columns
        ]
        # Series, not expressions: Polars keeps a constant column as one value, and a literal beside it makes one row.
        columns = pl.DataFrame([*facts.get_columns(), *missing])
        rows = pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW)
        judged = columns.select(rows, *self._truths)
        return judged.rename({_RULE + rule.id: rule.id for rule in self.compiled.live})

    def _one_by_one(self, facts: pl.DataFrame, rows: pl.Series, exempt: pl.Series) -> pl.DataFrame:
        told = [
            self.compiled.verdict(known, silenced)
            for known, silenced in zip(self.known(facts[rows]), exempt.gather(rows).to_list(), strict=True)
        ]
        cells = {name: [getattr(each, name) for each in told] for name in VERDICT}
        words = {name: [str(each) for each in cells[name]] for name, dtype in VERDICT.items() if dtype is OUTCOME}
        return pl.DataFrame(cells | words, schema=VERDICT)


def _replaced(found: pl.DataFrame, rows: pl.Series, instead: pl.DataFrame) -> pl.DataFrame:
    """The table with some of its rows replaced."""
    order = pl.int_range(found.height, dtype=pl.UInt32, eager=True).alias("row")
    others = found.with_columns(order).filter(~pl.col("row").is_in(rows.implode()))
    return pl.concat([others, instead.with_columns(rows.cast(pl.UInt32).alias("row"))]).sort("row").drop("row")

"""A ruleset over tables of facts: outcome, score and interval of every row, exactly as the scalar engine has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kycrisk.ruleset.columns.conditions import truth
from kycrisk.ruleset.columns.outcomes import verdicts
from kycrisk.ruleset.columns.values import dtype_of, values_of
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import Rule
from kycrisk.signals import Type, Value

_RULE = "rule "  # before a rule's id where it names a column beside signals, so that none can be taken for one
_ROW = " row"
_EXEMPT = " exempt"


class ColumnRuleset:
    """A ruleset that is ready to judge tables. Safe to share between threads.

    With `shadow` its shadow rules are judged too, in a table of their own; they never count.
    """

    __slots__ = ("_shadow_truths", "_truths", "compiled", "signals")

    def __init__(self, compiled: CompiledRuleset, *, shadow: bool = False) -> None:
        self.compiled = compiled
        rules = (*compiled.live, *compiled.shadow) if shadow else compiled.live
        #: What these rules read: the columns that `verdicts` looks for. One that is left out is unknown everywhere.
        self.signals: Mapping[str, Type] = {ref.name: ref.type for rule in rules for ref in rule.signals}
        self._truths = _truths(compiled.live)
        self._shadow_truths = _truths(compiled.shadow) if shadow else []

    def findings(self, facts: pl.DataFrame) -> pl.DataFrame:
        """The truth of each live rule's condition in a column named after the rule; null is unknown."""
        return self._judged(facts, self._truths).drop(_ROW)

    def shadow_findings(self, facts: pl.DataFrame) -> pl.DataFrame:
        """The same of each shadow rule."""
        return self._judged(facts, self._shadow_truths).drop(_ROW)

    def verdicts(self, facts: pl.DataFrame, exempt: pl.Series | None = None) -> pl.DataFrame:
        """The verdict of each row, in the columns of `VERDICT`.

        `facts` has at least one column, so that it has rows; those named after signals are as `values` has them.
        `exempt` lists the rules that are silenced for each row; null and the empty list are nobody.
        """
        truths = self._judged(facts, self._truths)
        if exempt is not None:
            truths = without_exempt(truths, exempt)
        return verdicts(self.compiled.live, self.compiled.ruleset.policy, truths)

    def known(self, facts: pl.DataFrame) -> Iterator[dict[str, Value]]:
        """What is known of each row, as the scalar engine takes it: only the signals that the rules read."""
        read = {name: type_ for name, type_ in self.signals.items() if name in facts.columns}
        columns = [values_of(facts[name], type_) for name, type_ in read.items()]
        for row in range(facts.height):
            cells = zip(read, columns, strict=True)
            yield {name: value for name, cells_ in cells if (value := cells_[row]) is not None}

    def _judged(self, facts: pl.DataFrame, truths: Sequence[pl.Expr]) -> pl.DataFrame:
        """The truths, beside a column that counts the rows: there may be no rules."""
        missing = [
            pl.Series(name, [], dtype_of(type_)).clear(facts.height)
            for name, type_ in self.signals.items()
            if name not in facts.columns
        ]
        # Series, not expressions: Polars keeps a constant column as one value, and a literal beside it makes one row.
        columns = pl.DataFrame([*facts.get_columns(), *missing])
        rows = pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW)
        judged = columns.select(rows, *truths)
        return judged.rename({name: name.removeprefix(_RULE) for name in judged.columns if name != _ROW})


def without_exempt(truths: pl.DataFrame, exempt: pl.Series) -> pl.DataFrame:
    """Truths in which a rule has missed wherever it is exempt: it counts for as little, known or not."""
    named = exempt.explode().drop_nulls().unique().to_list()
    silenced = [rule for rule in truths.columns if rule in named]
    if not silenced:
        return truths
    beside = truths.with_columns(exempt.alias(_EXEMPT))
    held = pl.col(_EXEMPT).list
    return beside.with_columns(
        pl.when(held.contains(pl.lit(rule)).fill_null(False)).then(False).otherwise(pl.col(rule)).alias(rule)
        for rule in silenced
    ).drop(_EXEMPT)


def _truths(rules: Sequence[Rule]) -> list[pl.Expr]:
    return [truth(rule.condition).alias(_RULE + rule.id) for rule in rules]

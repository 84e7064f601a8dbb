"""From what rules found to outcomes, and to the ends between which an outcome must lie, whatever was not gathered.

A gap is resolved as the engine resolves it: it was one then. A rule that is open is completed both ways, and might have
met a gap as well. Every part of an outcome is monotone, so the ends are reached by all open rules at once, but for the
policy's floor for unsettled decisions, and for `if_unknown: review`: where these could take part, the ends are drawn
wide rather than guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from kycrisk.backtest.states import GAP, HIT, OPEN
from kycrisk.outcome import IfUnknown, Outcome
from kycrisk.ruleset.columns.outcomes import raises, verdicts
from kycrisk.ruleset.model import Policy, Rule

#: The columns of bounds: the outcome on the evidence that there is, and its ends. Ordered like `Outcome`.
BOUNDS = ("outcome", "lowest", "highest")
_ROW = " row"


def bounds(rules: Sequence[Rule], policy: Policy, states: pl.DataFrame) -> pl.DataFrame:
    """The outcome and its ends for each row of states, as whole numbers."""
    told = _outcomes(rules, policy, _truths(rules, states, {}, {}))
    one = told.select("outcome", lowest="outcome", highest="outcome")
    is_open = _any(states, [pl.col(rule.id) == OPEN for rule in rules])
    rows = is_open.arg_true()
    if not len(rows):
        return one
    order = pl.int_range(told.height, dtype=pl.UInt32, eager=True).alias("row")
    wide = _ends(rules, policy, states[rows], told[rows]).with_columns(rows.cast(pl.UInt32).alias("row"))
    return pl.concat([one.with_columns(order).filter(~is_open), wide]).sort("row").drop("row")


def _ends(rules: Sequence[Rule], policy: Policy, states: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    resolved = {rule.id: rule.if_unknown is IfUnknown.HIT for rule in rules}
    low = _outcomes(rules, policy, _truths(rules, states, {rule.id: not raises(rule) for rule in rules}, resolved))
    high = _outcomes(rules, policy, _truths(rules, states, {rule.id: raises(rule) for rule in rules}, resolved))
    reviewing = [pl.col(rule.id) >= GAP for rule in rules if rule.if_unknown is IfUnknown.REVIEW]
    both = told.hstack(
        [
            low["outcome"].alias("low"),
            high["outcome"].alias("high"),
            _any(states, reviewing).alias("review"),
        ]
    )
    floor, none, review = (pl.lit(int(each), pl.UInt8) for each in (policy.unsettled_floor, 0, Outcome.REVIEW))
    settled = pl.col("lowest") == pl.col("highest")  # whatever would have come
    most = pl.max_horizontal("high", floor, pl.when("review").then(review).otherwise(none))
    return both.select(
        "outcome",
        lowest=pl.when(settled).then("lowest").otherwise("low"),
        highest=pl.when(settled).then("highest").otherwise(most),
    )


def _any(states: pl.DataFrame, parts: Sequence[pl.Expr]) -> pl.Series:
    """In which rows any of the parts is true."""
    return states.with_columns(pl.any_horizontal(pl.lit(False), *parts).alias(" any"))[" any"]


def _outcomes(rules: Sequence[Rule], policy: Policy, truths: pl.DataFrame) -> pl.DataFrame:
    found = verdicts(rules, policy, truths)
    return found.select(pl.col(*BOUNDS).to_physical().cast(pl.UInt8))


def _truths(
    rules: Sequence[Rule], states: pl.DataFrame, completed: Mapping[str, bool], resolved: Mapping[str, bool]
) -> pl.DataFrame:
    """States as truths: open ones as `completed` says, gaps as `resolved` says, unknown where these say nothing."""
    rows = pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW)
    return states.select(
        rows,
        *(
            pl.when(pl.col(rule.id) < GAP)
            .then(pl.col(rule.id) == HIT)
            .when(pl.col(rule.id) == OPEN)
            .then(pl.lit(completed.get(rule.id), pl.Boolean))
            .otherwise(pl.lit(resolved.get(rule.id), pl.Boolean))
            .alias(rule.id)
            for rule in rules
        ),
    )

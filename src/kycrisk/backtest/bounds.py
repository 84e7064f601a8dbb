"""From what rules found to outcomes, and to the ends between which an outcome must lie, whatever was not gathered.

A gap is resolved as the engine resolves it: it was one then. A rule that is open is completed both ways. Every part of
an outcome is monotone, so the ends are reached by all open rules at once, but for the policy's floor for unsettled
decisions, and for `if_unknown: review`: where these could take part the ends are drawn wide rather than guessed.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kycrisk.backtest.states import GAP, HIT, OPEN
from kycrisk.outcome import IfUnknown, Outcome
from kycrisk.ruleset.columns.outcomes import raises, verdicts
from kycrisk.ruleset.model import Policy, Rule

#: The columns of bounds: the outcome on the evidence that there is, and its ends. Ordered like `Outcome`.
BOUNDS = ("outcome", "lowest", "highest")


def bounds(rules: Sequence[Rule], policy: Policy, states: pl.DataFrame) -> pl.DataFrame:
    """The outcome and its ends for each row of states, as whole numbers."""
    told = (
        _outcomes(rules, policy, _truths(rules, states, {}))
        .select("outcome")
        .with_columns(lowest="outcome", highest="outcome")
    )
    ids = [rule.id for rule in rules]
    if not ids:
        return told
    is_open = states.select(pl.any_horizontal(pl.col(ids) == OPEN)).to_series()
    rows = is_open.arg_true()
    if not len(rows):
        return told
    ends = _ends(rules, policy, states[rows])
    order = pl.int_range(told.height, dtype=pl.UInt32, eager=True).alias("row")
    settled = told.with_columns(order).filter(~is_open)
    wide = ends.insert_column(0, told["outcome"].gather(rows)).with_columns(rows.cast(pl.UInt32).alias("row"))
    return pl.concat([settled, wide]).sort("row").drop("row")


def _ends(rules: Sequence[Rule], policy: Policy, states: pl.DataFrame) -> pl.DataFrame:
    low = _outcomes(rules, policy, _truths(rules, states, {rule.id: not raises(rule) for rule in rules}))
    high = _outcomes(rules, policy, _truths(rules, states, {rule.id: raises(rule) for rule in rules}))
    gaps = _any_gap(rules, states)
    review = _any_gap([rule for rule in rules if rule.if_unknown is IfUnknown.REVIEW], states)
    both = pl.DataFrame(
        {
            "low": low["outcome"],
            "low_least": low["lowest"],
            "low_most": low["highest"],
            "high": high["outcome"],
            "high_most": high["highest"],
            "gaps": gaps,
            "review": review,
        }
    )
    floor = int(policy.unsettled_floor)
    least = pl.col("low_least") if floor else pl.min_horizontal("low", "low_most")
    reached = pl.max_horizontal(
        "high",
        "high_most",
        pl.lit(floor, pl.UInt8),
        pl.when("review").then(pl.lit(int(Outcome.REVIEW), pl.UInt8)).otherwise(pl.lit(0, pl.UInt8)),
    )
    return both.select(
        lowest=pl.when("gaps").then(least).otherwise("low"),
        highest=pl.when("gaps").then(reached).otherwise("high"),
    )


def _outcomes(rules: Sequence[Rule], policy: Policy, truths: pl.DataFrame) -> pl.DataFrame:
    found = verdicts(rules, policy, truths)
    return found.select(pl.col(*BOUNDS).to_physical().cast(pl.UInt8))


def _truths(rules: Sequence[Rule], states: pl.DataFrame, completed: dict[str, bool]) -> pl.DataFrame:
    """States as truths; open ones are unknown, or as `completed` says."""
    rows = pl.int_range(pl.len(), dtype=pl.UInt32).alias(" row")
    return states.select(
        rows,
        *(
            pl.when(pl.col(rule.id) < GAP)
            .then(pl.col(rule.id) == HIT)
            .when((pl.col(rule.id) == OPEN) & pl.lit(rule.id in completed))
            .then(pl.lit(completed.get(rule.id)))
            .alias(rule.id)
            for rule in rules
        ),
    )


def _any_gap(rules: Sequence[Rule], states: pl.DataFrame) -> pl.Series:
    """In which rows any of the rules met a gap."""
    if not rules:
        return pl.Series([False]).new_from_index(0, states.height)
    return states.select(pl.any_horizontal(pl.col([rule.id for rule in rules]) == GAP)).to_series()

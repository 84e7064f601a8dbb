"""The workload's rules as somebody writes them in Polars for one purpose: score and outcome, nothing else.

No unknowns, no interval, no exemptions: the measure of what the columnar engine takes for these.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, ge, gt, or_
from operator import eq as equals

import polars as pl

from kycrisk.outcome import AtLeast, AtMost, Outcome, Score
from kycrisk.ruleset.condition import All, AnyOf, Compare, Condition, Literal, Not, OneOf, SignalRef, TextTest
from kycrisk.ruleset.model import Ruleset

_OPS = {">=": ge, ">": gt, "==": equals}


def handwritten(ruleset: Ruleset) -> list[pl.Expr]:
    """`score` and `outcome` (0 to 3) over the columns of facts."""
    hits = {rule.id: _condition(rule.condition) for rule in ruleset.live}
    points = [
        pl.when(hits[rule.id]).then(rule.contribution.points).otherwise(0)
        for rule in ruleset.live
        if isinstance(rule.contribution, Score)
    ]
    score = pl.sum_horizontal(points)
    outcome = reduce(
        lambda below, band: pl.when(score >= band[0]).then(int(band[1])).otherwise(below),
        ruleset.policy.bands,
        pl.lit(int(Outcome.ALLOW)),
    )
    for rule in ruleset.live:
        if isinstance(rule.contribution, AtLeast):
            outcome = pl.max_horizontal(
                outcome, pl.when(hits[rule.id]).then(int(rule.contribution.outcome)).otherwise(0)
            )
    for rule in ruleset.live:
        if isinstance(rule.contribution, AtMost):
            outcome = pl.min_horizontal(
                outcome, pl.when(hits[rule.id]).then(int(rule.contribution.outcome)).otherwise(3)
            )
    return [score.alias("score"), outcome.alias("outcome")]


def _condition(node: Condition) -> pl.Expr:
    match node:
        case SignalRef(name):
            return pl.col(name)
        case Not(item):
            return ~_condition(item)
        case All(items):
            return reduce(and_, map(_condition, items))
        case AnyOf(items):
            return reduce(or_, map(_condition, items))
        case Compare(op, SignalRef(name), Literal(value)):
            compared: pl.Expr = _OPS[op](pl.col(name), value)
            return compared
        case OneOf(SignalRef(name), values):
            return pl.col(name).is_in(list(values))
        case TextTest(op, SignalRef(name), Literal(part)):
            text = pl.col(name).str
            return {"starts_with": text.starts_with, "ends_with": text.ends_with}.get(
                op, lambda part: text.contains(part, literal=True)
            )(part)
    raise AssertionError(node)

"""Truths to outcomes, scores and intervals, as columns: `max(binding floors, min(caps, max(band(score), floors)))`.

An outcome is judged step by step: whether it is at least `review`, at least `verify`, at least `deny`. Each step is
plain logic over the rules that count as hit, and the ends of the interval are the same logic over other rules: every
part is monotone, so each end is reached by all unjudged rules that push towards it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import polars as pl

from kycrisk.outcome import AtLeast, AtMost, IfUnknown, Outcome, Score
from kycrisk.ruleset.model import Policy, Rule

#: The words of the outcomes in their order.
OUTCOME = pl.Enum([str(outcome) for outcome in Outcome])

#: The columns of verdicts.
VERDICT: dict[str, pl.DataType] = {
    "outcome": OUTCOME,
    "score": pl.Int64(),
    "settled": pl.Boolean(),
    "lowest": OUTCOME,
    "highest": OUTCOME,
    "lowest_score": pl.Int64(),
    "highest_score": pl.Int64(),
}

# Columns on the way; a blank is in no rule's id.
_BASE, _TOLD, _LOW, _HIGH = " base", " told", " low", " high"
_SCORE, _LOWEST_SCORE, _HIGHEST_SCORE = " score", " lowest_score", " highest_score"

_Counted = Callable[[Rule], pl.Expr]  # whether a rule counts as hit; never null
_STEPS = tuple(Outcome)[1:]


def verdicts(rules: Sequence[Rule], policy: Policy, truths: pl.DataFrame) -> pl.DataFrame:
    """The verdicts of rules whose truths stand in the columns named after them, nobody being exempt.

    `truths` has at least one column, of whatever name, so that it has rows.
    """
    judge = _Judge(rules, policy, frozenset(rule.id for rule in rules if truths[rule.id].null_count()))
    scored = truths.lazy().with_columns(judge.base()).with_columns(judge.scores())
    return scored.with_columns(judge.outcomes()).select(judge.verdict()).collect()


class _Judge:
    """Rules of which only some, the open ones, are unknown anywhere in a table."""

    def __init__(self, rules: Sequence[Rule], policy: Policy, open_: Collection[str]) -> None:
        self.rules, self.policy = rules, policy
        self.open = [rule for rule in rules if rule.id in open_]
        self._open_ids = open_
        self._integer = _wide_enough(sum(abs(_points(rule)) for rule in rules))

    def surely(self, rule: Rule) -> pl.Expr:
        return pl.col(rule.id).fill_null(False) if rule.id in self._open_ids else pl.col(rule.id)

    def possibly(self, rule: Rule) -> pl.Expr:
        return pl.col(rule.id).fill_null(True) if rule.id in self._open_ids else pl.col(rule.id)

    def low(self, rule: Rule) -> pl.Expr:
        return self.surely(rule) if raises(rule) else self.possibly(rule)

    def high(self, rule: Rule) -> pl.Expr:
        return self.possibly(rule) if raises(rule) else self.surely(rule)

    def resolved(self, rule: Rule) -> pl.Expr:
        return self.possibly(rule) if rule.if_unknown is IfUnknown.HIT else self.surely(rule)

    def base(self) -> pl.Expr:
        """The points of the rules that hit."""
        return self._sum(self.rules, self.surely).alias(_BASE)

    def scores(self) -> list[pl.Expr]:
        def plus(rules: Iterable[Rule]) -> pl.Expr:
            return pl.col(_BASE) + self._sum(rules, lambda rule: pl.col(rule.id).is_null())

        return [
            plus(rule for rule in self.open if rule.if_unknown is IfUnknown.HIT).alias(_SCORE),
            plus(rule for rule in self.open if _points(rule) < 0).alias(_LOWEST_SCORE),
            plus(rule for rule in self.open if _points(rule) > 0).alias(_HIGHEST_SCORE),
        ]

    def outcomes(self) -> list[pl.Expr]:
        """Three outcomes as numbers; one and the same where nothing is open."""
        if not self.open:
            return [self._outcome(self.surely, _SCORE).alias(_TOLD)]
        review = [pl.col(rule.id).is_null() for rule in self.open if rule.if_unknown is IfUnknown.REVIEW]
        return [
            self._outcome(self.resolved, _SCORE, review).alias(_TOLD),
            self._outcome(self.low, _LOWEST_SCORE).alias(_LOW),
            self._outcome(self.high, _HIGHEST_SCORE).alias(_HIGH),
        ]

    def verdict(self) -> list[pl.Expr]:
        told = pl.col(_TOLD)
        low, high = (pl.col(_LOW), pl.col(_HIGH)) if self.open else (told, told)
        floor = pl.lit(int(self.policy.unsettled_floor), pl.UInt8)
        outcome = pl.when(low == high).then(low).otherwise(pl.max_horizontal(told, floor)) if self.open else told
        found = {
            "outcome": outcome,
            "settled": low == high,
            "lowest": low,
            "highest": high,
            **{name: pl.col(f" {name}") for name in ("score", "lowest_score", "highest_score")},
        }
        return [
            (found[name].cat.to(OUTCOME) if dtype is OUTCOME else found[name].cast(dtype)).alias(name)
            for name, dtype in VERDICT.items()
        ]

    def _sum(self, rules: Iterable[Rule], counted: _Counted) -> pl.Expr:
        parts = [
            counted(rule).cast(self._integer) * pl.lit(_points(rule), self._integer) for rule in rules if _points(rule)
        ]
        return _folded(lambda a, b: a + b, parts) if parts else pl.lit(0, self._integer)

    def _outcome(self, counted: _Counted, score: str, review: Sequence[pl.Expr] = ()) -> pl.Expr:
        steps = [self._reached(step, counted, score, review).cast(pl.UInt8) for step in _STEPS]
        return _folded(lambda a, b: a + b, steps)

    def _reached(self, step: Outcome, counted: _Counted, score: str, review: Sequence[pl.Expr]) -> pl.Expr:
        """Whether the outcome is at least this."""
        thresholds = [threshold for threshold, outcome in self.policy.bands if outcome >= step]
        wanted = [pl.col(score) >= min(thresholds)] if thresholds else []
        binding, caps = [], []
        for rule in self.rules:
            match rule.contribution:
                case AtLeast(outcome, binds) if outcome >= step:
                    wanted.append(counted(rule))
                    binding += [counted(rule)] if binds else []
                case AtMost(outcome) if outcome < step:
                    caps.append(counted(rule))
        if step is Outcome.REVIEW:
            wanted += review
        return _any(binding) | (_any(wanted) & ~_any(caps))


def raises(rule: Rule) -> bool:
    """Whether a hit of the rule can only raise the outcome; the others can only lower it."""
    return isinstance(rule.contribution, AtLeast) or _points(rule) > 0


def _points(rule: Rule) -> int:
    return rule.contribution.points if isinstance(rule.contribution, Score) else 0


def _wide_enough(most: int) -> pl.DataType:
    """The narrowest whole numbers that a score fits in: memory is what a sum of columns costs."""
    return pl.Int16() if most < 2**15 else pl.Int32() if most < 2**31 else pl.Int64()


def _any(parts: Sequence[pl.Expr]) -> pl.Expr:
    return _folded(lambda a, b: a | b, parts) if parts else pl.lit(False)


def _folded(join: Callable[[pl.Expr, pl.Expr], pl.Expr], parts: Sequence[pl.Expr]) -> pl.Expr:
    """The parts joined as a balanced tree: a thousand rules must not nest a thousand deep."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_folded(join, parts[:middle]), _folded(join, parts[middle:]))

"""Two versions of a ruleset compared rule by rule: whose verdict can be another one.

A rule counts the same for an account when its condition is as true as it was and it still contributes the same, or
when it neither was nor is true. Whoever all changed rules count the same for keeps their verdict, bands aside. Where
nothing but points came or went, and the score and both ends of its interval stay in their bands, the scores are moved
and nothing is judged again. All others are judged anew from their evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_

import polars as pl

from kycrisk.outcome import Outcome, Score
from kycrisk.ruleset.canonical import canonical_text
from kycrisk.ruleset.model import Policy, Rule, Ruleset, Status

_OLD, _NEW = "old ", "new "  # a blank is in no rule's id
_SCORES = ("score", "lowest_score", "highest_score")


@dataclass(frozen=True, slots=True)
class Changed:
    """A live rule as it was and as it is; None where there is none."""

    old: Rule | None
    new: Rule | None

    @property
    def id(self) -> str:
        return (self.new or self.old).id  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What is different between two versions. `everywhere` says why every account has to be judged, if it must."""

    old: Ruleset
    new: Ruleset
    rules: tuple[Changed, ...]
    everywhere: str = ""

    @property
    def policy(self) -> bool:
        """Whether the same findings may lead to another outcome."""
        was, is_ = self.old.policy, self.new.policy
        return (was.bands, was.unsettled_floor) != (is_.bands, is_.unsettled_floor)

    def __bool__(self) -> bool:
        return bool(self.rules or self.policy or self.everywhere)

    def conditions(self) -> Ruleset:
        """The changed rules, old and new beside each other, as a ruleset whose findings are asked for."""
        sides = [(_OLD, each.old) for each in self.rules] + [(_NEW, each.new) for each in self.rules]
        rules = tuple(replace(rule, id=side + rule.id, status=Status.LIVE) for side, rule in sides if rule is not None)
        return replace(self.new, rules=rules, signals={**self.old.signals, **self.new.signals}, version="")


def rule_change(old: Ruleset, new: Ruleset) -> RuleChange:
    """The difference between two versions, as far as decisions depend on it."""
    was, is_ = _by_id(old), _by_id(new)
    told_before, told_now = _told(old), _told(new)
    rules = tuple(
        Changed(was.get(id_), is_.get(id_))
        for id_ in dict.fromkeys((*was, *is_))
        if told_before.get(id_) != told_now.get(id_)
    )
    return RuleChange(old, new, rules, _everywhere(old, new))


def _by_id(ruleset: Ruleset) -> dict[str, Rule]:
    return {rule.id: rule for rule in ruleset.live}


def _told(ruleset: Ruleset) -> dict[str, tuple[str, ...]]:
    """What decides of each live rule, in its canonical form."""
    rules = json.loads(canonical_text(ruleset))["rules"]
    keys = ("when", "contribution", "if_unknown")
    return {
        each["id"]: tuple(json.dumps(each[key], sort_keys=True) for key in keys)
        for each in rules
        if each["status"] == Status.LIVE.value
    }


def _everywhere(old: Ruleset, new: Ruleset) -> str:
    """A signal of another type, or a list of another kind: the same words mean something else then."""
    types = [_types(each) for each in (old, new)]
    other = sorted(name for name in types[0].keys() & types[1].keys() if types[0][name] != types[1][name])
    if other:
        return f"`{other[0]}` is of another type"
    kinds = [{name: each.kind for name, each in ruleset.policy.lists.items()} for ruleset in (old, new)]
    lists = sorted(name for name in kinds[0].keys() & kinds[1].keys() if kinds[0][name] is not kinds[1][name])
    return f"list `{lists[0]}` is of another kind" if lists else ""


def _types(ruleset: Ruleset) -> Mapping[str, object]:
    return {ref.name: ref.type for rule in ruleset.live for ref in rule.signals}


@dataclass(frozen=True, slots=True)
class Touched:
    """Of each row: whether it is to be judged anew, and the points to move its scores by where it is not."""

    anew: pl.Series
    moved: pl.Series


def touched(change: RuleChange, findings: pl.DataFrame, verdicts: pl.DataFrame, exempt: pl.Series) -> Touched:
    """Whom a change of rules touches. `findings` are those of `conditions`, `verdicts` what stood under the old rules.

    `exempt` are rows in which some rule is silenced: their scores are not simply moved.
    """
    effects = [_effect(each) for each in change.rules]
    table = pl.DataFrame([*findings.get_columns(), *verdicts.get_columns(), exempt.alias(" exempt")])
    differs = [each[0] for each in effects]
    judged = reduce(or_, (each[1] for each in effects), pl.lit(False))
    judged |= reduce(or_, differs, pl.lit(False)) & pl.col(" exempt")
    moved = reduce(lambda a, b: a + b, (each[2] for each in effects), pl.lit(0, pl.Int64))
    in_band = reduce(
        and_,
        (
            _level(change.old.policy, pl.col(name)) == _level(change.new.policy, pl.col(name) + pl.col(" moved"))
            for name in _SCORES
        ),
    )
    floor = change.old.policy.unsettled_floor != change.new.policy.unsettled_floor
    judged |= ~pl.col("settled") if floor else pl.lit(False)
    found = table.with_columns(moved.alias(" moved")).select(
        pl.when(judged | ~in_band).then(True).otherwise(False).alias("anew"), pl.col(" moved")
    )
    return Touched(found["anew"], found[" moved"])


def _effect(each: Changed) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Whether a rule counts otherwise, whether that is more than points, and the points that came or went."""
    old = pl.lit(False) if each.old is None else pl.col(_OLD + each.old.id)
    new = pl.lit(False) if each.new is None else pl.col(_NEW + each.new.id)
    ever = old.fill_null(True) | new.fill_null(True)
    if each.old is None or each.new is None or each.old.contribution != each.new.contribution:
        differs = ever
    else:
        differs = old.ne_missing(new)
        if each.old.if_unknown is not each.new.if_unknown:
            differs |= old.is_null()
    points = [_points(each.old), _points(each.new)]
    if None in points:
        return differs, differs, pl.lit(0, pl.Int64)
    moved = new.fill_null(False).cast(pl.Int64) * points[1] - old.fill_null(False).cast(pl.Int64) * points[0]
    return differs, differs & (old.is_null() | new.is_null()), moved


def _points(rule: Rule | None) -> int | None:
    """What the rule adds to the score; none for one that does something else."""
    if rule is None:
        return 0
    return rule.contribution.points if isinstance(rule.contribution, Score) else None


def _level(policy: Policy, score: pl.Expr) -> pl.Expr:
    """How many steps of the outcome a score reaches by itself."""
    steps = [[threshold for threshold, outcome in policy.bands if outcome >= step] for step in tuple(Outcome)[1:]]
    reached = [(score >= min(thresholds)).cast(pl.UInt8) for thresholds in steps if thresholds]
    return reduce(lambda a, b: a + b, reached, pl.lit(0, pl.UInt8))

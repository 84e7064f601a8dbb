"""What was counted, made into findings: flips, each rule with and without it, and precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from kycrisk.backtest.bounds import bounds
from kycrisk.backtest.quality import NONE, Quality, Range
from kycrisk.backtest.report import Flip, LostRule, RuleEffect
from kycrisk.backtest.states import GAP, HIT, MISS, OPEN, States
from kycrisk.backtest.tally import Tally
from kycrisk.outcome import Outcome
from kycrisk.ruleset.model import Rule

_LOW, _HIGH = "lowest", "highest"


@dataclass(frozen=True, slots=True)
class Effects:
    """The findings."""

    flips: tuple[Flip, ...]
    rules: tuple[RuleEffect, ...]
    lost_rules: tuple[LostRule, ...]
    before: Quality
    after: Quality


def effects_of(tally: Tally, flag_from: Outcome) -> Effects:
    """The findings of a tally. An account counts as flagged from this outcome on."""
    states = tally.states
    cube, judged = tally.cube(), tally.judged()
    patterns = _patterns(cube, judged, states)
    found = bounds(states.compiled.live, states.compiled.ruleset.policy, states.unpacked(patterns))
    weighed = patterns.hstack(found.select(_LOW, _HIGH))
    after = _quality(weighed, int(flag_from), _totals(weighed))
    flagged = judged["outcome"].to_physical() >= int(flag_from)
    fraud = judged["fraud"]
    caught, bothered = int((flagged & fraud).sum()), int((flagged & ~fraud).sum())
    return Effects(
        flips=_flips(cube, weighed, states.words),
        rules=_rules(tally, weighed, after, int(flag_from)),
        lost_rules=tuple(
            LostRule(rule=rule, hits_before=count)
            for rule, count in sorted(tally.hits_before.items(), key=lambda each: (-each[1], each[0]))
            if rule not in {each.id for each in states.rules}
        ),
        before=Quality(after.fraud, after.legitimate, Range(caught, caught), Range(bothered, bothered)),
        after=after,
    )


def _patterns(cube: pl.DataFrame, judged: pl.DataFrame, states: States) -> pl.DataFrame:
    """Each combination of findings once: its decisions, and its labelled accounts."""
    words = states.words
    by_words = cube.group_by(words).agg(pl.col("decisions").sum())
    labels = judged.group_by(words).agg(
        pl.col("fraud").sum().cast(pl.Int64), (~pl.col("fraud")).sum().cast(pl.Int64).alias("legitimate")
    )
    return by_words.join(labels, on=words, how="left", maintain_order="left").with_columns(
        pl.col("fraud", "legitimate").fill_null(0)
    )


def _flips(cube: pl.DataFrame, weighed: pl.DataFrame, words: Sequence[str]) -> tuple[Flip, ...]:
    ends = weighed.select(*words, _LOW, _HIGH)
    told = cube.join(ends, on=list(words), how="left")
    grouped = told.group_by("outcome", _LOW, _HIGH).agg(pl.col("decisions").sum(), pl.col("id").min())
    return tuple(
        Flip(before=Outcome(before), lowest=Outcome(low), highest=Outcome(high), decisions=count, example=example)
        for before, low, high, count, example in grouped.sort("outcome", _LOW, _HIGH).iter_rows()
    )


def _totals(weighed: pl.DataFrame) -> tuple[int, int]:
    return int(weighed["fraud"].sum()), int(weighed["legitimate"].sum())


def _quality(weighed: pl.DataFrame, flag_from: int, totals: tuple[int, int]) -> Quality:
    return Quality(*totals, _flagged(weighed, "fraud", flag_from), _flagged(weighed, "legitimate", flag_from))


def _flagged(weighed: pl.DataFrame, label: str, flag_from: int) -> Range:
    sure = weighed.filter(pl.col(_LOW) >= flag_from)[label].sum()
    possible = weighed.filter(pl.col(_HIGH) >= flag_from)[label].sum()
    return Range(int(sure), int(possible))


def _rules(tally: Tally, weighed: pl.DataFrame, after: Quality, flag_from: int) -> tuple[RuleEffect, ...]:
    states = tally.states
    by_rule = states.unpacked(weighed)
    labelled = after.fraud + after.legitimate > 0
    found = []
    for rule in states.rules:
        state = by_rule[rule.id]
        rows = (state != MISS).arg_true()
        some, some_states = weighed[rows], by_rule[rows]
        instead = _ends_instead(states, rule, some_states)
        changed = some.drop(_LOW, _HIGH).hstack(instead)
        found.append(
            RuleEffect(
                rule=rule.id,
                title=rule.title,
                contribution=rule.contribution_text,
                shadow=rule in states.compiled.shadow,
                hits_before=tally.hits_before[rule.id] if rule.id in tally.known_before else None,
                hits=_hits(some, some_states[rule.id], "decisions"),
                gaps=int(some.filter(some_states[rule.id] == GAP)["decisions"].sum()),
                decides=_decided(some, changed),
                hits_fraud=_hits(some, some_states[rule.id], "fraud"),
                hits_legitimate=_hits(some, some_states[rule.id], "legitimate"),
                instead=_exchanged(after, some, changed, flag_from) if labelled else None,
            )
        )
    return tuple(found)


def _ends_instead(states: States, rule: Rule, some: pl.DataFrame) -> pl.DataFrame:
    """The ends of outcomes without a live rule, or with a rule in shadow made live."""
    live, policy = states.compiled.live, states.compiled.ruleset.policy
    rules = [each for each in live if each is not rule] if rule in live else [*live, rule]
    return bounds(rules, policy, some).select(_LOW, _HIGH)


def _hits(some: pl.DataFrame, state: pl.Series, weight: str) -> Range:
    sure = some.filter(state == HIT)[weight].sum()
    possible = some.filter((state == HIT) | (state == OPEN))[weight].sum()
    return Range(int(sure), int(possible))


def _decided(some: pl.DataFrame, changed: pl.DataFrame) -> Range:
    """Decisions with another outcome, from those that surely have one to those that may."""
    if not some.height:
        return NONE
    both = some.select("decisions", _LOW, _HIGH).hstack(changed.select(low=_LOW, high=_HIGH))
    apart = (pl.col("high") < pl.col(_LOW)) | (pl.col("low") > pl.col(_HIGH))
    one = (pl.col(_LOW) == pl.col(_HIGH)) & (pl.col("low") == pl.col("high")) & (pl.col(_LOW) == pl.col("low"))
    sure, possible = both.filter(apart)["decisions"].sum(), both.filter(~one)["decisions"].sum()
    return Range(int(sure), int(possible))


def _exchanged(after: Quality, some: pl.DataFrame, changed: pl.DataFrame, flag_from: int) -> Quality:
    """The quality when some patterns have other outcomes."""

    def exchanged(all_: Range, label: str) -> Range:
        was, is_ = _flagged(some, label, flag_from), _flagged(changed, label, flag_from)
        return Range(all_.least - was.least + is_.least, all_.most - was.most + is_.most)

    return Quality(
        after.fraud,
        after.legitimate,
        exchanged(after.caught, "fraud"),
        exchanged(after.bothered, "legitimate"),
    )

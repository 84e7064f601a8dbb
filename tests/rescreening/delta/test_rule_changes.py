"""A change of rules touches everybody whose verdict it changes: random pairs of rulesets over random tables."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kycrisk.outcome import AtLeast, AtMost, IfUnknown, Outcome, Score
from kycrisk.rescreening.delta.changes import Change
from kycrisk.rescreening.delta.judging import taken_in
from kycrisk.rescreening.delta.list_state import list_change
from kycrisk.rescreening.delta.rule_change import rule_change, touched
from kycrisk.ruleset.columns.judge import ColumnRuleset
from kycrisk.ruleset.condition import SignalRef
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Policy, Ruleset, Status
from kycrisk.signals import Type
from tests.rescreening.delta.making import Accounts, first_moment, next_moment, state_of
from tests.rescreening.delta.test_list_changes import WAYS
from tests.ruleset.strategies import SIGNALS, conditions, rule, rulesets
from tests.ruleset.tables import table
from tests.ruleset.test_columns import EXEMPT, made_up

BANDS = [
    ((40, Outcome.REVIEW), (70, Outcome.VERIFY)),
    ((1, Outcome.REVIEW), (20, Outcome.VERIFY), (60, Outcome.DENY)),
    ((30, Outcome.VERIFY),),
    (),
]
CONTRIBUTIONS = [
    Score(5), Score(45), Score(-30), Score(0), AtLeast(Outcome.VERIFY), AtLeast(Outcome.DENY, True),
    AtMost(Outcome.REVIEW),
]  # fmt: skip


def edited(source: random.Random, ruleset: Ruleset, others: Ruleset) -> Ruleset:
    """The ruleset after somebody worked on it: rules come, go, are switched off, and change in any part."""
    rules = []
    for each in ruleset.rules:
        draw = source.random()
        if draw < 0.1:
            continue
        if draw < 0.2:
            each = replace(each, contribution=source.choice(CONTRIBUTIONS))
        elif draw < 0.3:
            each = replace(each, if_unknown=source.choice(list(IfUnknown)))
        elif draw < 0.4 and others.rules:
            other = source.choice(others.rules)
            each = replace(each, condition=other.condition, when=other.when)
        elif draw < 0.5:
            each = replace(each, status=source.choice(list(Status)))
        rules.append(each)
    if source.random() < 0.3:
        rules += [replace(each, id=f"more-{source.getrandbits(40)}") for each in others.rules[:2]]
    policy = ruleset.policy
    if source.random() < 0.3:
        policy = replace(policy, bands=source.choice(BANDS))
    if source.random() < 0.2:
        policy = replace(policy, unsettled_floor=source.choice(list(Outcome)))
    return replace(ruleset, policy=policy, rules=tuple(rules))


@given(rulesets(conditions), rulesets(conditions, max_rules=3), st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples * 4 // 5, 60))
def test_who_is_not_touched_keeps_their_verdict(ruleset, others, seed):
    source = random.Random(seed)
    old = replace(ruleset, policy=replace(ruleset.policy, bands=source.choice([ruleset.policy.bands, *BANDS])))
    new = edited(source, old, others)
    was, is_ = (ColumnRuleset(compile_ruleset(each)) for each in (old, new))
    change = rule_change(old, new)
    asked = ColumnRuleset(compile_ruleset(change.conditions()))
    facts = made_up(source, 30, source.choice([1.0, 0.8, 0.4]))
    frame = table(facts, {**was.signals, **is_.signals})
    exempt = pl.Series([list(source.choice(EXEMPT)) for _ in facts], dtype=pl.List(pl.String))
    before, full = was.verdicts(frame, exempt), is_.verdicts(frame, exempt)
    told = touched(change, asked.findings(frame), before, exempt.list.len() > 0)
    moved = before.with_columns(pl.col("score", "lowest_score", "highest_score") + told.moved)
    assert_frame_equal(moved.filter(~told.anew), full.filter(~told.anew))
    assert bool(change) or (not told.anew.any() and before.equals(full))


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    return Accounts(tmp_path_factory.mktemp("site"), 300)


@given(st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 100, 3))
def test_rules_and_lists_that_change_at_once_leave_what_a_full_run_gives(accounts, seed):
    source = random.Random(seed)
    at, ruleset = first_moment(source), accounts.site.compiled.ruleset
    screener = accounts.screener(at)
    segment = taken_in(accounts.facts, screener)
    for _ in range(4):
        before, old = state_of(screener), ruleset
        at, ruleset = next_moment(source, at), edited(source, ruleset, accounts.site.compiled.ruleset)
        screener = accounts.screener(at, compile_ruleset(ruleset))
        lists, way = list_change(before, state_of(screener)), source.choice(WAYS)
        change = Change(screener, lists, rule_change(old, ruleset), **way)
        segment, _ = change.apply(segment)
        assert_frame_equal(segment.standing.all(), taken_in(accounts.facts, screener).standing.base)
        change = Change(screener, list_change(before, before), rule_change(ruleset, ruleset))
        again, nothing = change.apply(segment)
        assert (nothing.touched, nothing.news.height) == (nothing.without_evidence, 0)
        assert again.standing.all().equals(segment.standing.all())


@pytest.mark.parametrize(
    ("points", "anew", "moved"),
    [
        pytest.param(45, [False, False, False], [0, 0, 0], id="nothing changed"),
        pytest.param(50, [False, False, True], [5, 0, 0], id="more points within the band, and nobody knows of one"),
        pytest.param(75, [True, False, True], [30, 0, 0], id="points into the next band"),
        pytest.param(-45, [True, False, True], [-90, 0, 0], id="points into a lower band"),
    ],
)
def test_scores_are_moved_within_their_bands_and_judged_beyond(points, anew, moved):
    policy = Policy(bands=((40, Outcome.REVIEW), (70, Outcome.VERIFY)))
    only = rule(0, SignalRef("bool.a", Type.BOOL), Score(45), IfUnknown.MISS)
    old = Ruleset(policy=policy, rules=(only,), version="old", signals=SIGNALS)
    change = rule_change(old, replace(old, rules=(replace(only, contribution=Score(points)),)))
    facts = pl.DataFrame({"bool.a": [True, False, None]})
    findings = ColumnRuleset(compile_ruleset(change.conditions())).findings(facts)
    before = ColumnRuleset(compile_ruleset(old)).verdicts(facts)
    told = touched(change, findings, before, pl.Series([False] * 3))
    assert told.anew.to_list() == anew
    assert told.moved.to_list() == moved


def test_words_change_nothing():
    only = rule(0, SignalRef("bool.a", Type.BOOL), Score(45), IfUnknown.MISS)
    old = Ruleset(policy=Policy(bands=()), rules=(only,), version="old", signals=SIGNALS)
    assert not rule_change(old, replace(old, rules=(replace(only, title="another", tags=("new",)),)))

"""Outcomes from stored evidence, over random rules: those of the scalar engine, whatever was not gathered."""

import json
import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.backtest.bounds import bounds
from kycrisk.backtest.building import Builder, Row, findings_of
from kycrisk.backtest.states import States
from kycrisk.decision_json import decision_to_json
from kycrisk.outcome import Outcome
from kycrisk.ruleset.decide import decide
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.signals import Evidence, Unknown, Why
from tests.ruleset.strategies import VALUES, conditions, rulesets
from tests.store.making import NOW

VAIN = [Why.TIMEOUT, Why.STALE_LIST, Why.NOT_CONFIGURED, Why.REFUSED]


def part_of(decisions):
    """Decisions as a part, by way of their JSON."""
    builder = Builder()
    for number, decision in enumerate(decisions, 1):
        raw = json.loads(decision_to_json(decision))
        row = Row(
            seq=number, id=decision.id, account=decision.account_id, signup=number, at=decision.decided_at,
            outcome=decision.outcome.word, score=decision.score, settled=decision.settled, lowest=decision.lowest.word,
            highest=decision.highest.word, erased=False, ruleset=decision.ruleset, findings=findings_of(raw),
        )  # fmt: skip
        builder.add(row, raw["evidence"])
    return builder.take()


def ends_of(compiled, decisions):
    """The outcomes that a ruleset comes to over decisions, as it is and at both ends."""
    states, part = States(compiled), part_of(decisions)
    facts = states.facts(part)
    packed = states.packed(part, facts, states.never_gathered(part, facts))
    found = bounds(compiled.live, compiled.ruleset.policy, states.unpacked(packed))
    return [tuple(map(Outcome, row)) for row in found.select("outcome", "lowest", "highest").rows()]


def decided(compiled, known, vain, skipped, number):
    """A decision whose evidence knows some facts, asked for others in vain, and left others out."""
    unknown = {**vain, **{name: Unknown(Why.SKIPPED) for name in skipped}}
    return decide(
        compiled, Evidence(known, unknown), id=f"dec_{number}", account_id=f"a-{number}",
        decided_at=NOW + timedelta(seconds=number),
    )  # fmt: skip


def made_up(source):
    """Facts, each of them known, asked for in vain, or never gathered (left out, or said to be skipped)."""
    known, vain, skipped, absent = {}, {}, [], []
    for name, values in VALUES.items():
        match source.choices(["known", "vain", "skipped", "absent"], (6, 2, 1, 1))[0]:
            case "known":
                known[name] = source.choice(values)
            case "vain":
                vain[name] = Unknown(source.choice(VAIN))
            case "skipped":
                skipped.append(name)
            case "absent":
                absent.append(name)
    return known, vain, skipped, absent


def answers(source, names):
    """What might have come of asking: an answer, or none."""
    return {name: source.choice(VALUES[name]) for name in names if source.random() < 0.8}


@given(rulesets(conditions), st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 4, 25))
def test_every_answer_that_could_have_come_lies_between_the_ends(ruleset, seed):
    source, compiled = random.Random(seed), compile_ruleset(ruleset)
    drawn = [made_up(source) for _ in range(12)]
    decisions = [decided(compiled, known, vain, skipped, n) for n, (known, vain, skipped, _) in enumerate(drawn)]
    for (known, _, skipped, absent), (outcome, low, high), decision in zip(
        drawn, ends_of(compiled, decisions), decisions, strict=True
    ):
        assert outcome is decision.outcome
        if not skipped and not absent:
            assert low is high is decision.outcome
        for _ in range(4):
            assert low <= compiled.verdict({**known, **answers(source, (*skipped, *absent))}).outcome <= high


@given(rulesets(conditions), rulesets(conditions), st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 8, 12))
def test_other_rules_over_the_same_evidence(before, after, seed):
    source, old, new = random.Random(seed), compile_ruleset(before), compile_ruleset(after)
    drawn = [made_up(source) for _ in range(12)]
    decisions = [decided(old, known, vain, (), n) for n, (known, vain, _, _) in enumerate(drawn)]
    for (known, _, skipped, absent), (_, low, high) in zip(drawn, ends_of(new, decisions), strict=True):
        assert low <= new.verdict({**known, **answers(source, (*skipped, *absent))}).outcome <= high
        if not skipped and not absent:
            assert low is high is new.verdict(known).outcome

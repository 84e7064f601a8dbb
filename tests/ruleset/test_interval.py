"""The interval is sound on every ruleset, and tight where no two rules share a signal."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kycrisk.outcome import AtLeast, IfUnknown, Outcome
from kycrisk.ruleset import reference
from kycrisk.ruleset.condition import All, AnyOf, Compare, Literal, Not, SignalRef, signal_refs
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Policy, Ruleset
from kycrisk.signals import Type
from tests.ruleset.strategies import SIGNALS, VALUES, contributions, known_facts, policies, rule, rulesets


def completions(ruleset, known, most=10_000):
    """Every way in which the unknown facts that the live rules read could turn out, or None when too many."""
    names = {ref.name for each in ruleset.live for ref in signal_refs(each.condition)} - known.keys()
    count = 1
    for name in names:
        count *= len(VALUES[name])
    if count > most:
        return None
    return [
        {**known, **dict(zip(names, values, strict=True))}
        for values in itertools.product(*(VALUES[name] for name in names))
    ]


@given(rulesets(max_rules=4), known_facts)
def test_no_completion_leaves_the_interval(ruleset, known):
    verdict = compile_ruleset(ruleset).verdict(known)
    for facts in completions(ruleset, known, most=400) or []:
        final = reference.verdict(ruleset, facts)
        if not final.unknown:  # a division by zero stays unknown; its interval is judged by the next assertion
            assert verdict.lowest <= final.outcome <= verdict.highest
        assert verdict.lowest <= final.lowest <= final.highest <= verdict.highest
        assert verdict.lowest_score <= final.lowest_score <= final.highest_score <= verdict.highest_score


@given(rulesets(max_rules=4), known_facts)
def test_the_outcome_lies_in_the_interval_or_on_the_policys_floor(ruleset, known):
    verdict = compile_ruleset(ruleset).verdict(known)
    assert verdict.settled == (verdict.lowest == verdict.highest)
    if verdict.settled:
        assert verdict.outcome == verdict.lowest
    else:
        assert verdict.lowest <= verdict.outcome <= max(verdict.highest, ruleset.policy.unsettled_floor)


@st.composite
def separate_rulesets(draw):
    """Rulesets in which every signal is read once, in one place."""
    names = draw(st.permutations(["bool.a", "bool.b", "bool.c", "int.x", "int.y", "ip.v", "dur.d"]))
    rules, at = [], 0
    for index in range(draw(st.integers(1, 3))):
        parts = []
        for name in names[at : at + draw(st.integers(1, 2))]:
            ref = SignalRef(name, SIGNALS[name].type)
            part = ref if ref.type is Type.BOOL else Compare("==", ref, Literal(VALUES[name][0], ref.type))
            parts.append(Not(part) if draw(st.booleans()) else part)
            at += 1
        join = draw(st.sampled_from([All, AnyOf]))
        rules.append(rule(index, join(tuple(parts)), draw(contributions), draw(st.sampled_from(list(IfUnknown)))))
    return Ruleset(policy=draw(policies), rules=tuple(rules), version="sha256:test", signals=SIGNALS)


@given(separate_rulesets(), known_facts)
def test_both_ends_are_reached_where_rules_share_no_signal(ruleset, known):
    verdict = compile_ruleset(ruleset).verdict(known)
    finals = [reference.verdict(ruleset, facts) for facts in completions(ruleset, known)]
    assert min(final.outcome for final in finals) == verdict.lowest
    assert max(final.outcome for final in finals) == verdict.highest
    assert min(final.score for final in finals) == verdict.lowest_score
    assert max(final.score for final in finals) == verdict.highest_score


def test_an_undecided_rule_opens_the_interval_and_a_decided_one_closes_it():
    bool_a = SignalRef("bool.a", Type.BOOL)
    ruleset = Ruleset(
        policy=Policy(bands=((40, Outcome.REVIEW),)),
        rules=(rule(0, bool_a, AtLeast(Outcome.VERIFY), IfUnknown.MISS),),
        version="sha256:test",
        signals=SIGNALS,
    )
    compiled = compile_ruleset(ruleset)
    assert (compiled.verdict({}).lowest, compiled.verdict({}).highest) == (Outcome.ALLOW, Outcome.VERIFY)
    assert compiled.verdict({}).settled is False
    assert compiled.verdict({"bool.a": True}).outcome is Outcome.VERIFY
    assert compiled.verdict({"bool.a": True}).settled is True

"""The smallest changes that would lower an outcome."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.outcome import AtLeast, AtMost, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import Compare, Literal, Not, OneOf, SignalRef
from kycrisk.ruleset.counterfactual import advice, smallest_changes
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Policy, Ruleset
from kycrisk.signals import Signal, Subject, Type
from tests.ruleset.strategies import SIGNALS, rule

A, B = SignalRef("bool.a", Type.BOOL), SignalRef("bool.b", Type.BOOL)
C = SignalRef("bool.c", Type.BOOL)
X = SignalRef("int.x", Type.INT)
S = SignalRef("str.s", Type.STR)
BANDS = ((40, Outcome.REVIEW), (70, Outcome.VERIFY))


def found(rules, known, **options):
    parts = [rule(index, condition, part, IfUnknown.MISS) for index, (condition, part) in enumerate(rules)]
    ruleset = Ruleset(policy=Policy(bands=BANDS), rules=tuple(parts), version="sha256:test", signals=SIGNALS)
    return [str(each) for each in smallest_changes(compile_ruleset(ruleset), known, **options).found]


CASES = {
    "one fact is enough": (
        [(A, Score(70)), (B, Score(10))],
        {"bool.a": True, "bool.b": True},
        ["bool.a: no instead of yes → allow"],
    ),
    "either of two": (
        [(A, Score(40)), (B, Score(40))],
        {"bool.a": True, "bool.b": True},
        ["bool.a: no instead of yes → review", "bool.b: no instead of yes → review"],
    ),
    "both of two floors": (
        [(A, AtLeast(Outcome.VERIFY)), (B, AtLeast(Outcome.VERIFY))],
        {"bool.a": True, "bool.b": True},
        ["bool.a: no instead of yes and bool.b: no instead of yes → allow"],
    ),
    "a threshold": (
        [(Compare(">=", X, Literal(3, Type.INT)), Score(70))],
        {"int.x": 9},
        ["int.x: 2 instead of 9 → allow"],
    ),
    "joining an allow-list": (
        [(A, AtLeast(Outcome.VERIFY)), (B, AtMost(Outcome.REVIEW))],
        {"bool.a": True, "bool.b": False},
        ["bool.a: no instead of yes → allow", "bool.b: yes instead of no → review"],
    ),
    "any other text": (
        [(OneOf(S, frozenset({"XX", "YY"})), Score(70))],
        {"str.s": "XX"},
        ["str.s: anything else instead of XX → allow"],
    ),
    "an unknown fact cannot be changed": ([(A, Score(70)), (B, Score(70))], {"bool.a": True}, [
        "bool.a: no instead of yes → allow"]),
    "nothing to lower": ([(A, Score(70))], {"bool.a": False}, []),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "known", "changes"), CASES.values(), ids=CASES.keys())
def test_finds(rules, known, changes):
    assert found(rules, known) == changes


def test_exempt_rules_ask_for_no_change():
    assert found([(A, Score(70)), (B, Score(70))], {"bool.a": True, "bool.b": True}, exempt={"rule-0"}) == [
        "bool.b: no instead of yes → allow"
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from([A, B, C, Not(A)]), st.sampled_from([Score(30), Score(45), Score(-20)])), max_size=5
    ),
    st.fixed_dictionaries({name: st.booleans() for name in ("bool.a", "bool.b", "bool.c")}),
)
def test_all_and_only_minimal_sets_are_found(rules, known):
    """Compared with trying every subset of three yes-or-no facts."""
    parts = tuple(rule(index, condition, part, IfUnknown.MISS) for index, (condition, part) in enumerate(rules))
    ruleset = Ruleset(policy=Policy(bands=BANDS), rules=parts, version="sha256:test", signals=SIGNALS)
    compiled = compile_ruleset(ruleset)
    outcome = compiled.verdict(known).outcome
    lowering = [
        frozenset(flipped)
        for size in (1, 2, 3)
        for flipped in itertools.combinations(known, size)
        if compiled.verdict({**known, **{name: not known[name] for name in flipped}}).outcome < outcome
    ]
    minimal = {each for each in lowering if not any(other < each for other in lowering)}
    told = smallest_changes(compiled, known)
    assert {frozenset(change.signal for change in each.changes) for each in told.found} == minimal
    assert told.complete


def test_advice_names_no_signal_and_only_what_a_customer_can_change():
    signals = {
        "bool.a": Signal("bool.a", Type.BOOL, "?", Subject.EMAIL, advice="use an address at a permanent mail provider"),
        "bool.b": Signal("bool.b", Type.BOOL, "?", Subject.IP),
    }
    rules = [(A, Score(40)), (B, Score(40))]
    parts = tuple(rule(index, condition, part, IfUnknown.MISS) for index, (condition, part) in enumerate(rules))
    ruleset = Ruleset(policy=Policy(bands=BANDS), rules=parts, version="sha256:test", signals=SIGNALS)
    told = smallest_changes(compile_ruleset(ruleset), {"bool.a": True, "bool.b": True})
    assert advice(told, signals) == ("use an address at a permanent mail provider",)


ADVICE = {
    "switching a bad thing off": (Type.BOOL, False, True, False, True),
    "switching it on helps the score but is no advice": (Type.BOOL, False, False, True, False),
    "giving what is welcome": (Type.BOOL, True, False, True, True),
    "fewer of something": (Type.INT, False, 3, 1, True),
    "more of it": (Type.INT, False, 1, 3, False),
    "another text": (Type.STR, False, "a", "b", True),
}


@pytest.mark.parametrize(("type_", "welcome", "now", "instead", "advises"), ADVICE.values(), ids=ADVICE.keys())
def test_advice_leads_one_way(type_, welcome, now, instead, advises):
    signal = Signal("a.b", type_, "?", Subject.IP, advice="do something", welcome=welcome)
    assert signal.advises(now, instead) is advises

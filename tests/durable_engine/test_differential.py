"""Random differential tests: durable-rules itself, with nothing behind it, against the reference interpreter."""

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.durable_engine.engine import DurableEngine
from kycrisk.outcome import Finding
from kycrisk.ruleset import reference
from kycrisk.ruleset.condition import All, AnyOf, Compare, Literal, Not, OneOf, SignalRef
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.signals import Type
from tests.durable_engine.library import needs_durable_rules
from tests.ruleset.strategies import VALUES, known_facts, rulesets

pytestmark = [
    needs_durable_rules,
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),  # several nets take that many rules
]
#: A process is started for each ruleset, so there are fewer rulesets with more evidence each: 25,000 cases a test in
#: the thorough profile, 1,000 in the quick one.
RULESETS, EVIDENCE = settings.default.max_examples * 2 // 5, 25

complete = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
evidence_sets = st.lists(st.one_of(known_facts, complete), min_size=EVIDENCE, max_size=EVIDENCE)
silenced_rules = st.sets(st.sampled_from(["rule-0", "rule-1", "rule-5"]))


def same_as_the_reference(ruleset, evidence, silenced):
    with closing(DurableEngine(compile_ruleset(ruleset), deadline=60)) as engine:
        for known in evidence:
            found = engine.judge_alone(known, silenced)
            assert found.verdict == reference.verdict(ruleset, known, silenced)
            told = {shadow.rule: shadow.finding for shadow in found.shadow}
            for rule in ruleset.shadow:
                assert told.get(rule.id, Finding.MISS) == reference.finding(rule, known)


@settings(max_examples=RULESETS)
@given(rulesets(), evidence_sets, silenced_rules)
def test_durable_rules_gives_the_reference_verdict(ruleset, evidence, silenced):
    same_as_the_reference(ruleset, evidence, silenced)


def _ref(name):
    return SignalRef(name, {"bool": Type.BOOL, "int": Type.INT, "str": Type.STR}[name.partition(".")[0]])


_texts = st.sampled_from(["a", "aa", "A", "x"])
native = st.one_of(
    st.sampled_from(["bool.a", "bool.b", "bool.c"]).map(_ref),
    st.builds(
        Compare,
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        st.sampled_from(["int.x", "int.y"]).map(_ref),
        st.sampled_from([-1, 0, 1, 2, 2**53, -(2**53)]).map(lambda value: Literal(value, Type.INT)),
    ),
    st.builds(
        Compare,
        st.sampled_from(["==", "!="]),
        st.sampled_from(["str.s", "str.t"]).map(_ref),
        _texts.map(lambda value: Literal(value, Type.STR)),
    ),
    st.builds(OneOf, st.sampled_from(["str.s", "str.t"]).map(_ref), st.frozensets(_texts, min_size=1)),
)
native_trees = st.recursive(
    native,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=4).map(tuple)),
    ),
    max_leaves=10,
)


@settings(max_examples=RULESETS)
@given(rulesets(native_trees, max_rules=60), evidence_sets, silenced_rules)
def test_so_it_does_where_it_compares_everything_itself_in_several_nets(ruleset, evidence, silenced):
    same_as_the_reference(ruleset, evidence, silenced)

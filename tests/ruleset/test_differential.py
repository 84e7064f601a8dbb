"""Random differential tests: the generated engine and the words against the reference interpreter."""

from hypothesis import given
from hypothesis import strategies as st

from kycrisk.ruleset import reference
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.parse import parse_condition
from kycrisk.ruleset.words import condition_text, explain
from tests.ruleset.strategies import SCOPE, VALUES, conditions, known_facts, rulesets

EVIDENCE = 10  # evidence sets tried on each random ruleset
complete = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


@given(
    rulesets(),
    st.lists(st.one_of(known_facts, complete), min_size=EVIDENCE, max_size=EVIDENCE),
    st.sets(st.sampled_from(["rule-0", "rule-1", "rule-5"])),
)
def test_generated_engine_gives_the_reference_verdict(ruleset, evidence, exempt):
    compiled = compile_ruleset(ruleset)
    for known in evidence:
        for silenced in ((), exempt):
            assert compiled.verdict(known, silenced) == reference.verdict(ruleset, known, silenced)


@given(rulesets(), st.lists(known_facts, min_size=2, max_size=4))
def test_gaps_that_recur_change_nothing(ruleset, evidence):
    """Where the same signals are always missing, a function of their own judges; also when still more is missing."""
    compiled = compile_ruleset(ruleset)
    for known in evidence:
        gaps = tuple(name for name in VALUES if name not in known)
        wanted = reference.verdict(ruleset, known)
        assert all(compiled.verdict(known, (), gaps) == wanted for _ in range(60))
        for other in evidence:
            if gaps and not set(gaps) & other.keys():
                assert compiled.verdict(other, (), gaps) == reference.verdict(ruleset, other)


@given(rulesets(), st.lists(known_facts, min_size=5, max_size=5))
def test_shadow_findings_are_the_reference_findings(ruleset, evidence):
    compiled = compile_ruleset(ruleset)
    for known in evidence:
        told = {shadow.rule: shadow.finding for shadow in compiled.shadow_findings(known)}
        for rule in ruleset.shadow:
            finding = reference.finding(rule, known)
            assert told.get(rule.id, reference.Finding.MISS) == finding


@given(conditions, st.lists(known_facts, min_size=EVIDENCE, max_size=EVIDENCE))
def test_words_judge_as_the_reference_does(condition, evidence):
    for known in evidence:
        assert explain(condition, known).truth is reference.truth(condition, known)


@given(conditions, st.lists(known_facts, min_size=5, max_size=5))
def test_canonical_text_reads_back_to_the_same_meaning(condition, evidence):
    text = condition_text(condition)
    again = parse_condition(text, SCOPE)
    assert condition_text(again) == text
    for known in evidence:
        assert reference.truth(again, known) is reference.truth(condition, known)

"""Rulesets as nets, without the library: read by their definition they give the reference findings, and no limit of
the library is near."""

import json
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.outcome import Finding, IfUnknown, Score
from kycrisk.ruleset import reference
from kycrisk.ruleset.alternatives import MOST_ALTERNATIVES, MOST_TESTS, PLAIN_TEXT, alternatives
from kycrisk.ruleset.condition import All, AnyOf, Arithmetic, Compare, Literal, Matches, Not, OneOf, SignalRef
from kycrisk.ruleset.durable import ALWAYS, OTHER_TEXT, Assertion, NetConfusion, make_nets
from kycrisk.ruleset.words import condition_text
from kycrisk.signals import Type
from tests.ruleset.strategies import conditions, known_facts, rule, rulesets

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # several nets take that many rules

OPERATORS = {"$neq": operator.ne, "$lt": operator.lt, "$lte": operator.le, "$gt": operator.gt, "$gte": operator.ge}


def passes(test, fact):
    """A test as durable-rules documents it: one on a field that the fact does not have fails."""
    ((key, value),) = test.items()
    match key:
        case "$and":
            return all(passes(each, fact) for each in value)
        case "$or":
            return any(passes(each, fact) for each in value)
        case "$neq" | "$lt" | "$lte" | "$gt" | "$gte":
            ((field, constant),) = value.items()
            return field in fact and OPERATORS[key](fact[field], constant)
    return key in fact and fact[key] == value


def fired(nets, asserted):
    return [
        [name for name, condition in nets.definitions[net].items() if passes(condition, fact)] for net, fact in asserted
    ]


def findings(nets, known):
    asserted = nets.assertions(known)
    return nets.findings(asserted, fired(nets, asserted))


@given(rulesets(max_rules=30), st.lists(known_facts, min_size=10, max_size=10))
def test_nets_read_by_their_definition_give_the_reference_findings(ruleset, evidence):
    nets = make_nets(ruleset.rules)
    for known in evidence:
        told = [reference.finding(each, known) for each in ruleset.rules]
        hits, unknown = findings(nets, known)
        assert hits == [index for index, finding in enumerate(told) if finding is Finding.HIT]
        assert unknown == [index for index, finding in enumerate(told) if finding is Finding.UNKNOWN]


@settings(max_examples=min(settings.default.max_examples, 400))
@given(rulesets(max_rules=60))
def test_no_limit_of_the_library_is_near(ruleset):
    nets = make_nets(ruleset.rules)
    for net in nets.definitions.values():
        assert len(net) <= 41  # 64 nodes may wait at once; each rule is one path
        assert max(json.dumps(each).count("[") for each in net.values()) <= 1 + MOST_TESTS  # 15 is the end
        assert len(fields_of(net)) <= 2 * 60 + 1  # 255 fields in a fact, of which at most half are there
        assert ALWAYS in net
        assert {type(each) for each in constants_of(net)} <= {bool, int, str}
        assert all(PLAIN_TEXT.fullmatch(each) for each in constants_of(net) if isinstance(each, str))
    names = {name for net in nets.definitions.values() for name in fields_of(net)} | {"id", "sid", "$s", "$forward"}
    assert len({fnv1(name) for name in names}) == len(names)


@given(conditions)
def test_alternatives_are_few_and_short(condition):
    found = alternatives(condition)
    assert len(found) <= MOST_ALTERNATIVES
    assert max(map(len, found), default=0) <= MOST_TESTS


def leaves(definition):
    ((key, value),) = definition.items()
    if key in ("$and", "$or"):
        for each in value:
            yield from leaves(each)
    else:
        yield from (value if key in OPERATORS else definition).items()


def fields_of(net):
    return {field for definition in net.values() for field, _ in leaves(definition)}


def constants_of(net):
    return [constant for definition in net.values() for _, constant in leaves(definition)]


def fnv1(name):
    """The hash by which the library knows a field (rules.h)."""
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


A, B, C = (SignalRef(f"bool.{name}", Type.BOOL) for name in "abc")
X, S = SignalRef("int.x", Type.INT), SignalRef("str.s", Type.STR)


def is_(ref, value):
    return Compare("==", ref, Literal(value, ref.type))


ALTERNATIVES = {
    "a flag": (A, "bool.a == True"),
    "not a flag": (Not(A), "bool.a == False"),
    "not over and": (Not(All((A, B))), "bool.a == False | bool.b == False"),
    "not over or": (Not(AnyOf((A, Not(B)))), "bool.a == False & bool.b == True"),
    "and over or": (All((A, AnyOf((B, C)))), "bool.a == True & bool.b == True | bool.a == True & bool.c == True"),
    "always": (Literal(True, Type.BOOL), ""),
    "an integer": (Not(Compare("<", X, Literal(3, Type.INT))), "int.x >= 3"),
    "an integer on the right": (Compare("<", Literal(3, Type.INT), X), "int.x > 3"),
    "an integer and a fraction": (Compare(">", X, Literal(0.5, Type.FLOAT)), "(int.x > 0.5) == True"),
    "a plain text": (Compare("!=", S, Literal("DE", Type.STR)), "str.s != 'DE'"),
    "a text with a quote": (Not(is_(S, 'a"b')), "(str.s == 'a\"b') == False"),
    "an empty text": (is_(S, ""), '(str.s == "") == True'),
    "a text too long": (is_(S, "a" * 65), f'(str.s == "{"a" * 65}") == True'),
    "a short list": (OneOf(S, frozenset({"b", "a"})), "str.s == 'a' | str.s == 'b'"),
    "not in a short list": (Not(OneOf(S, frozenset({"b", "a"}))), "str.s != 'a' & str.s != 'b'"),
    "a pattern": (Not(Matches(S, "a+")), '(matches(str.s, "a+")) == False'),
    "a division": (
        Compare(">", Arithmetic("/", Literal(1, Type.INT), X, Type.FLOAT), Literal(1, Type.INT)),
        "(1 / int.x > 1) == True",
    ),
}


def text_of(found):
    def tested(test):
        return test.tested.name if isinstance(test.tested, SignalRef) else f"({condition_text(test.tested)})"

    return " | ".join(" & ".join(f"{tested(test)} {test.op} {test.value!r}" for test in each) for each in found)


@pytest.mark.parametrize(("condition", "told"), ALTERNATIVES.values(), ids=ALTERNATIVES)
def test_alternatives(condition, told):
    assert text_of(alternatives(condition)) == told


def test_what_never_holds_has_no_alternative():
    assert alternatives(Not(Literal(True, Type.BOOL))) == ()


def test_only_the_part_that_grows_out_of_proportion_is_computed():
    many = [AnyOf((is_(X, number), is_(X, -number))) for number in range(1, 6)]  # 32 alternatives
    found = alternatives(All((A, *many)))
    assert (len(found), {len(each) for each in found}) == (16, {6})
    assert sum(not isinstance(test.tested, SignalRef) for test in found[0]) == 1


def test_a_branch_of_too_many_is_computed_as_a_whole():
    found = alternatives(AnyOf(tuple(is_(X, number) for number in range(300))))
    assert [len(each) for each in found] == [1]


def nets_of(*found):
    return make_nets([rule(index, each, Score(1), IfUnknown.MISS) for index, each in enumerate(found)])


def test_a_text_that_is_not_plain_is_handed_over_as_one_that_no_rule_mentions():
    nets = nets_of(is_(S, "DE"))
    values = ['D"E', "", "a" * 70_000, "DE\x00", "Σ", "it's", "DE\n"]
    assert [nets.assertions({"str.s": value})[0].fact["f0"] for value in values] == [OTHER_TEXT] * 7
    assert nets.assertions({"str.s": "DE"})[0].fact["f0"] == "DE"
    assert not PLAIN_TEXT.fullmatch(OTHER_TEXT)


def test_possible_truth_is_asked_only_where_something_is_unknown():
    nets = nets_of(All((A, is_(X, 1))))
    assert nets.assertions({"bool.a": True, "int.x": 1}) == [Assertion("s0", {"k": 1, "f0": True, "f1": 1})]
    assert nets.assertions({"bool.a": True}) == [
        Assertion("s0", {"k": 1, "f0": True}),
        Assertion("p0", {"k": 1, "f0": True, "u1": True}),
    ]


CONFUSIONS = {
    "the net did not see its fact": ([["0.0"], ["always", "0.0"]], "the net s0 did not see its fact"),
    "a rule of another net": ([["always", "7.0"], ["always", "7.0"]], "the net s0 cannot have fired [7] of [7]"),
    "surely and not possibly": ([["always", "0.0"], ["always"]], "the net s0 cannot have fired [0] of []"),
    "a name that is none": ([["always", "x"], ["always"]], "the net s0 fired what is not one of its rules"),
    "an answer is missing": ([["always"]], "2 facts were asserted, 1 were answered"),
}


@pytest.mark.parametrize(("told", "message"), CONFUSIONS.values(), ids=CONFUSIONS)
def test_what_cannot_be_is_not_believed(told, message):
    nets = nets_of(A, B)
    with pytest.raises(NetConfusion) as raised:
        nets.findings(nets.assertions({"bool.a": True}), told)
    assert str(raised.value) == message

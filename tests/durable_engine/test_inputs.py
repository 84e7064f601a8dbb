"""What is known to crash or confuse durable-rules 2.0.28, as analysts' rules and customers' signups would bring it: the
library itself gives the default engine's answer, and no worker is lost over it."""

from contextlib import closing

import pytest

from kycrisk.durable_engine.engine import DURABLE, DurableEngine
from kycrisk.outcome import IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Arithmetic,
    Compare,
    InSet,
    Literal,
    Lower,
    Matches,
    Not,
    OneOf,
    SignalRef,
    TextTest,
)
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Policy, Ruleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Type
from tests.durable_engine.library import needs_durable_rules
from tests.ruleset.strategies import SIGNALS, rule

pytestmark = needs_durable_rules

A, B = SignalRef("bool.a", Type.BOOL), SignalRef("bool.b", Type.BOOL)
X, F = SignalRef("int.x", Type.INT), SignalRef("float.f", Type.FLOAT)
S, T, M = SignalRef("str.s", Type.STR), SignalRef("str.t", Type.STR), SignalRef("set.m", Type.STR_SET)


def flag(name):
    return SignalRef(name, Type.BOOL)


def number(value):
    return Literal(value, Type.INT if isinstance(value, int) else Type.FLOAT)


def text(value):
    return Literal(value, Type.STR)


def is_(ref, value):
    return Compare("==", ref, text(value) if ref.type is Type.STR else number(value))


def ratio(left, right):
    return Arithmetic("/", left, right, Type.FLOAT)


LONG = "a" * 65_536  # the library's lengths end at 65,535
AWKWARD = [
    '"',
    "\\",
    "it's",
    "a\nb",
    "\x00",
    "\x7f",
    "{}",
    '","sid":"x',
    "true",
    "null",
    "NaN",
    "5",
    "",
    " ",
    "Σ",
    "😀",
]
FIELDS = ["sid", "id", "$s", "$forward", "$m", "$and", "$or", "$not", "k", "f0", "u0", "always"]

#: The rules' conditions, the evidence, and the places of the rules that hit in each.
INPUTS = {
    "a fact that matches no rule, at which `delete_state` crashes": (
        [A, is_(X, 5)],
        [{"bool.a": False, "int.x": 1}],
        [[]],
    ),
    "600 conditions on one signal, where 512 hang": (
        [is_(X, value) for value in range(600)],
        [{"int.x": 599}, {"int.x": 600}, {"int.x": 0}],
        [[599], [], [0]],
    ),
    "100 rules that match at once, where 64 are an error": (
        [Compare(">=", X, number(-value)) for value in range(100)],
        [{"int.x": 1}, {"int.x": -98}],
        [list(range(100)), [98, 99]],
    ),
    "300 identical rules, where 256 are refused": (
        [A] * 300,
        [{"bool.a": True}, {"bool.a": False}],
        [[*range(300)], []],
    ),
    "300 signals in one rule, where 255 fields are an error": (
        [AnyOf(tuple(flag(f"many.{index}") for index in range(300)))],
        [{f"many.{index}": index == 299 for index in range(300)}, {f"many.{index}": False for index in range(300)}],
        [[0], []],
    ),
    "300 signals in 300 rules": (
        [flag(f"many.{index}") for index in range(300)],
        [{f"many.{index}": index % 100 == 0 for index in range(300)}],
        [[0, 100, 200]],
    ),
    "alternatives that multiply: 2^40 of them": (
        [All(tuple(AnyOf((is_(X, index), Not(is_(X, index)))) for index in range(40)))],
        [{"int.x": 1}],
        [[0]],
    ),
    "30 branches in one rule, where 15 are an error": (
        [All(tuple(AnyOf((flag(f"many.{index}"), A)) for index in range(30)))],
        [{"bool.a": True, **{f"many.{index}": False for index in range(30)}}],
        [[0]],
    ),
    "a text that looks like a number, a number, a flag": (
        [is_(S, "5"), is_(X, 5), is_(X, 1), A, is_(S, "true")],
        [
            {"str.s": "5", "int.x": 1, "bool.a": False},
            {"str.s": "true", "int.x": 5, "bool.a": False},
            {"str.s": "1", "int.x": 0, "bool.a": True},
        ],
        [[0, 2], [1, 4], [3]],
    ),
    "texts longer than a 16-bit length": (
        [is_(S, ""), is_(S, "a"), is_(S, LONG), Not(is_(S, LONG + "b")), TextTest("ends_with", S, text("b"))],
        [{"str.s": LONG}, {"str.s": LONG[1:]}, {"str.s": ""}],
        [[2, 3], [3], [0, 3]],
    ),
    "texts that need an escape": (
        [is_(S, each) for each in AWKWARD],
        [{"str.s": each} for each in AWKWARD],
        [[index] for index in range(len(AWKWARD))],
    ),
    "the same texts against others": (
        [is_(S, "x"), Not(is_(S, "x")), Compare("==", S, T)],
        [{"str.s": each, "str.t": each} for each in AWKWARD],
        [[1, 2]] * len(AWKWARD),
    ),
    "signals named as the library names its own": (
        [flag(name) for name in FIELDS],
        [{name: name == wanted for name in FIELDS} for wanted in FIELDS],
        [[index] for index in range(len(FIELDS))],
    ),
    "a signal without a value, on the right side, too": (
        [is_(X, 1), Not(is_(X, 1)), Compare("==", S, T), Compare("!=", T, S)],
        [{"str.t": "a"}, {"int.x": 1, "str.s": "b", "str.t": "a"}],
        [[], [0, 3]],
    ),
    "patterns in another dialect": (
        [Matches(S, "(?i)^AA$"), Matches(S, r"^\d+$"), Matches(S, "a|b"), Matches(S, "^a.c$"), Matches(S, "[^a]")],
        [{"str.s": "aa"}, {"str.s": "12"}, {"str.s": "a\nc"}],
        [[0, 2], [1, 4], [2, 4]],
    ),
    "a division by zero, which kills the process": (
        [Compare(">", ratio(number(1), X), number(0)), Compare("<=", ratio(X, X), number(1)), A],
        [{"int.x": 0, "bool.a": True}, {"int.x": 2, "bool.a": True}],
        [[2], [0, 1, 2]],
    ),
    "fractions that are nearly equal": (
        [Compare("==", F, number(0.1)), Compare(">", F, number(0.1)), Compare("<", F, number(1e300))],
        [{"float.f": 0.1}, {"float.f": 0.1 + 2**-56}, {"float.f": 1e308}],
        [[0, 2], [1, 2], [1]],
    ),
    "the ends of the integers": (
        [is_(X, 2**53), is_(X, 2**53 - 1), Compare("<", X, number(-(2**53) + 1)), Compare(">", X, number(0.5))],
        [{"int.x": 2**53}, {"int.x": 2**53 - 1}, {"int.x": -(2**53)}],
        [[0, 3], [1, 3], [2]],
    ),
    "members of lists and sets": (
        [OneOf(S, frozenset(f"x{n}" for n in range(500))), OneOf(S, frozenset({"x1", "x2"})), InSet(S, M)],
        [{"str.s": "x1", "set.m": frozenset()}, {"str.s": "x499", "set.m": frozenset({"x499"})}],
        [[0, 1], [0, 2]],
    ),
    "letters whose case another library folds otherwise": (
        [Compare("==", Lower(S), text("ς")), Compare("==", Lower(S), text("i̇")), TextTest("contains", S, text("Σ"))],
        [{"str.s": "Σ"}, {"str.s": "İ"}, {"str.s": "ς"}],
        [[2], [1], [0]],
    ),
    "rules that always and never hold": (
        [Literal(True, Type.BOOL), Literal(False, Type.BOOL), AnyOf((A, Not(A))), All((A, Not(A)))],
        [{"bool.a": True}, {}],
        [[0, 2], [0]],
    ),
}


def ruleset(conditions):
    return Ruleset(
        policy=Policy(bands=((40, Outcome.REVIEW), (70, Outcome.VERIFY))),
        rules=tuple(rule(index, each, Score(1 + index), IfUnknown.MISS) for index, each in enumerate(conditions)),
        version="sha256:test",
        signals=SIGNALS,
    )


@pytest.mark.parametrize(("conditions", "evidence", "hits"), INPUTS.values(), ids=INPUTS)
def test_the_library_answers_as_the_default_engine(conditions, evidence, hits):
    compiled = compile_ruleset(ruleset(conditions))
    with closing(DurableEngine(compiled, deadline=60)) as engine:
        worker = engine.post.pid
        for known, expected in zip(evidence, hits, strict=True):
            found = engine.judge(known)
            assert found.made_by is DURABLE
            assert found.verdict == compiled.verdict(known)
            assert found.verdict.hits == tuple(f"rule-{index}" for index in expected)
        assert engine.post.pid == worker


def test_signups_whose_ids_the_library_takes_for_one_share_nothing():
    """`signup-13887` and `signup-301980` have the same 32-bit hash. Ids never reach the library: the worker makes its
    own. What one signup is must not be left for the next, whichever comes first."""
    compiled = compile_ruleset(ruleset([is_(S, "signup-13887"), is_(S, "signup-301980"), A]))
    evidence = [
        {"str.s": "signup-13887", "bool.a": True},
        {"str.s": "signup-301980", "bool.a": False},
        {"str.s": "signup-301980"},
        {"bool.a": False},
    ]
    with closing(DurableEngine(compiled, deadline=60)) as engine:
        for _ in range(3):
            told = [engine.judge(known) for known in evidence]
            assert [each.made_by for each in told] == [DURABLE] * 4
            assert [(each.verdict.hits, each.verdict.unknown) for each in told] == [
                (("rule-0", "rule-2"), ()),
                (("rule-1",), ()),
                (("rule-1",), ("rule-2",)),
                ((), ("rule-0", "rule-1")),
            ]


def test_the_same_signup_a_thousand_times_is_always_judged_anew():
    compiled = compile_ruleset(ruleset([A, B]))
    with closing(DurableEngine(compiled, deadline=60)) as engine:
        told = {engine.judge({"bool.a": True, "bool.b": False}) for _ in range(1000)}
    assert [(each.verdict, each.made_by) for each in told] == [
        (Verdict(Outcome.ALLOW, 1, True, Outcome.ALLOW, Outcome.ALLOW, 1, 1, ("rule-0",), ()), DURABLE)
    ]

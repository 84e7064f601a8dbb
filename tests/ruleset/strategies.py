"""Random conditions, rulesets and evidence over a small world of signals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st

from kycrisk.outcome import AtLeast, AtMost, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Arithmetic,
    Compare,
    InNetworks,
    InSet,
    Literal,
    Lower,
    Matches,
    Membership,
    Not,
    OneOf,
    SignalRef,
    TextTest,
    Velocity,
)
from kycrisk.ruleset.model import AnalystList, ListKind, Policy, Rule, Ruleset, Status
from kycrisk.ruleset.parse import Scope
from kycrisk.ruleset.template import Template
from kycrisk.ruleset.words import condition_text
from kycrisk.signals import Signal, Subject, Type

#: name → type and the values it may take. The domains are small, so that every completion can be tried.
DOMAINS: dict[str, tuple[Type, list[object]]] = {
    "bool.a": (Type.BOOL, [False, True]),
    "bool.b": (Type.BOOL, [False, True]),
    "bool.c": (Type.BOOL, [False, True]),
    "int.x": (Type.INT, [-1, 0, 1, 2**53]),
    "int.y": (Type.INT, [0, 2, 3]),
    "float.f": (Type.FLOAT, [-0.0, 0.5, 1e308]),
    "str.s": (Type.STR, ["", "Aa", "aa\n", "Σς", "٣"]),
    "str.t": (Type.STR, ["a", "A", "aa"]),
    "ip.v": (Type.IP, [ip_address("10.0.0.1"), ip_address("192.0.2.7"), ip_address("2001:db8::1")]),
    "dur.d": (Type.DURATION, [timedelta(0), timedelta(hours=24), timedelta(days=-1)]),
    "time.w": (Type.DATETIME, [datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]),
    "set.m": (Type.STR_SET, [frozenset(), frozenset({"a"}), frozenset({"a", "aa"})]),
}
VELOCITY = SignalRef('signups(ip.v, "24h")', Type.INT, Velocity("ip.v", timedelta(hours=24)))
MEMBERSHIP = SignalRef('str.s in list("partners")', Type.BOOL, Membership("str.s", "partners"))
DERIVED: dict[str, tuple[SignalRef, list[object]]] = {
    VELOCITY.name: (VELOCITY, [0, 3]),
    MEMBERSHIP.name: (MEMBERSHIP, [False, True]),
}
VALUES = {name: values for name, (_, values) in (DOMAINS | DERIVED).items()}
SIGNALS = {name: Signal(name, type_, "which?", Subject.SIGNUP) for name, (type_, _) in DOMAINS.items()}
LISTS = {"partners": AnalystList(name="partners", kind=ListKind.TEXT, question="who?")}
SCOPE = Scope(SIGNALS, {}, LISTS)

_NETWORKS = [ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "0.0.0.0/0")]


def _refs(*types: Type) -> st.SearchStrategy:
    names = [name for name, (type_, _) in DOMAINS.items() if type_ in types]
    return st.sampled_from([SignalRef(name, DOMAINS[name][0]) for name in names])


_number_literals = st.one_of(
    st.sampled_from([-1, 0, 1, 2, 3]).map(lambda value: Literal(value, Type.INT)),
    st.sampled_from([0.0, 0.5, -2.5, 1e300]).map(lambda value: Literal(value, Type.FLOAT)),
)
numbers = st.recursive(
    st.one_of(_refs(Type.INT, Type.FLOAT), st.just(VELOCITY), _number_literals),
    lambda inner: st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner, st.just(Type.FLOAT)),
    max_leaves=3,
)
texts = st.one_of(
    _refs(Type.STR),
    _refs(Type.STR).map(Lower),
    st.sampled_from(["a", "aa", "A", ""]).map(lambda value: Literal(value, Type.STR)),
)
durations = st.one_of(
    _refs(Type.DURATION),
    st.just(Literal(timedelta(hours=1), Type.DURATION)),
    st.builds(Arithmetic, st.just("-"), _refs(Type.DATETIME), _refs(Type.DATETIME), st.just(Type.DURATION)),
)
times = st.one_of(
    _refs(Type.DATETIME),
    st.just(Literal(datetime(2026, 6, 1, tzinfo=UTC), Type.DATETIME)),
    st.builds(Arithmetic, st.sampled_from("+-"), _refs(Type.DATETIME), durations, st.just(Type.DATETIME)),
)


def _reads(operand) -> bool:
    """Whether an operand says its type by itself: a duration or time constant is a text beside another constant."""
    return not isinstance(operand, Literal)


_order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_equality = st.sampled_from(["==", "!="])

leaves = st.one_of(
    _refs(Type.BOOL),
    _refs(Type.BOOL),
    st.just(MEMBERSHIP),
    st.sampled_from([Literal(True, Type.BOOL), Literal(False, Type.BOOL)]),
    st.builds(Compare, _order, numbers, numbers),
    st.builds(Compare, _order, durations.filter(_reads), durations),
    st.builds(Compare, _order, times.filter(_reads), times),
    st.builds(Compare, _equality, texts, texts),
    st.builds(Compare, _equality, _refs(Type.BOOL), st.just(Literal(True, Type.BOOL))),
    st.builds(Compare, _equality, _refs(Type.IP), st.just(Literal(ip_address("10.0.0.1"), Type.IP))),
    st.builds(OneOf, numbers, st.frozensets(st.sampled_from([0, 1, 2]), min_size=1)),
    st.builds(OneOf, texts, st.frozensets(st.sampled_from(["a", "aa"]), min_size=1)),
    st.builds(InNetworks, _refs(Type.IP), st.lists(st.sampled_from(_NETWORKS), min_size=1, max_size=3).map(tuple)),
    st.builds(InSet, texts, _refs(Type.STR_SET)),
    st.builds(TextTest, st.sampled_from(["starts_with", "ends_with", "contains"]), texts, texts),
    st.builds(Matches, texts, st.sampled_from(["^a+$", r"\d", "(?i)aa", "a$"])),
)


def _joined(inner: st.SearchStrategy) -> st.SearchStrategy:
    branches = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(All, branches), st.builds(AnyOf, branches))


conditions = st.recursive(leaves, _joined, max_leaves=6)
_outcomes = st.sampled_from(list(Outcome))
contributions = st.one_of(
    st.sampled_from([-50, -10, 10, 30, 45, 80]).map(Score),
    st.builds(AtLeast, _outcomes, st.booleans()),
    st.builds(AtMost, _outcomes),
)


def rule(index: int, condition, contribution, if_unknown: IfUnknown, status: Status = Status.LIVE) -> Rule:
    return Rule(
        id=f"rule-{index}",
        title=f"rule {index}",
        status=status,
        condition=condition,
        when=condition_text(condition),
        contribution=contribution,
        reason=Template(("because",)),
        if_unknown=if_unknown,
    )


policies = st.builds(
    Policy,
    bands=st.sampled_from(
        [
            ((40, Outcome.REVIEW), (70, Outcome.VERIFY), (150, Outcome.DENY)),
            ((10, Outcome.VERIFY),),
            ((-20, Outcome.REVIEW), (30, Outcome.DENY)),
        ]
    ),
    unsettled_floor=st.sampled_from([Outcome.ALLOW, Outcome.ALLOW, Outcome.REVIEW, Outcome.VERIFY]),
)


@st.composite
def rulesets(draw, parts=conditions, max_rules: int = 6) -> Ruleset:
    """A ruleset of a few rules, most of them live."""
    drawn = draw(
        st.lists(
            st.tuples(
                parts, contributions, st.sampled_from(list(IfUnknown)), st.sampled_from([*[Status.LIVE] * 4, *Status])
            ),
            min_size=1,
            max_size=max_rules,
        )
    )
    rules = tuple(rule(index, *part) for index, part in enumerate(drawn))
    return Ruleset(policy=draw(policies), rules=rules, version="sha256:test", signals=SIGNALS)


#: What is known of one signup: each signal known or not.
known_facts = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})

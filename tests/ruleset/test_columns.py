"""The columnar engine against the scalar one, over random rules and tables that hold every edge of every type."""

import random
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import polars as pl
import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from kycrisk.outcome import IfUnknown, Outcome, Score
from kycrisk.ruleset import reference
from kycrisk.ruleset.columns.dialect import in_rust
from kycrisk.ruleset.columns.texts import lower, matches
from kycrisk.ruleset.columns.values import column, packed, unpacked, values_of
from kycrisk.ruleset.condition import Arithmetic, Compare, InNetworks, InSet, Literal, Lower, Matches, OneOf, SignalRef
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.literals import read_pattern
from kycrisk.ruleset.model import Policy, Ruleset
from kycrisk.signals import MAX_DURATION, MAX_INT, Type
from tests.ruleset.strategies import (
    SIGNALS,
    VALUES,
    conditions,
    durations,
    leaves,
    numbers,
    rule,
    rulesets,
    texts,
    times,
)
from tests.ruleset.tables import judged

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

#: What a table may hold beside the values of the scalar tests: the ends of every type, and what engines disagree on.
EDGES = {
    "int.x": [MAX_INT, -MAX_INT, MAX_INT - 1],
    "int.y": [-MAX_INT, 1],
    "float.f": [0.0, -1e308, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 0.1, 3.0],
    "str.s": ["K\u212a", "ſ", "İ", "ΑΣ", "é", "e\u0301", "a\0b", "\U0001f600", "ẞ", "\u2028", "Ǆ", "\r\n", "aa"],
    "str.t": ["", "٣", "\u00a0", "AA", "Aa"],
    "ip.v": [
        ip_address(text)
        for text in ("0.0.0.0", "255.255.255.255", "10.255.255.255", "11.0.0.0", "::", "::ffff:10.0.0.1",
                     "fe80::1%eth0", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "2001:db8::1%1",
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a00:1::")
    ],
    "dur.d": [MAX_DURATION, -MAX_DURATION, timedelta(microseconds=1), timedelta(hours=1)],
    "time.w": [FIRST, LAST, datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 6, 1, tzinfo=UTC)],
    "set.m": [frozenset({"", "A"}), frozenset({"ſ", "i̇"})],
    "set.i": [frozenset(), frozenset({0, 1, MAX_INT}), frozenset({-1})],
    "set.f": [frozenset({0.0, 0.5}), frozenset({-0.0}), frozenset({1e308, 2.0})],
    "set.b": [frozenset(), frozenset({True}), frozenset({False, True})],
    "set.v": [frozenset({ip_address("10.0.0.1")}), frozenset({ip_address("::"), ip_address("fe80::1%eth0")})],
    "set.d": [frozenset({timedelta(hours=1), timedelta(0)}), frozenset()],
    "set.w": [frozenset({FIRST, LAST}), frozenset({datetime(2026, 6, 1, tzinfo=UTC)})],
}  # fmt: skip
WIDE = {name: [*VALUES.get(name, ()), *EDGES.get(name, ())] for name in VALUES | EDGES}
NETWORKS = [
    ip_network(text)
    for text in ("10.0.0.0/8", "255.255.255.255/32", "0.0.0.0/0", "::/0", "ffff::/16", "fe80::/10", "10.0.0.1/32",
                 "::/128")
]  # fmt: skip
PATTERNS = [
    r"\w", r"\W", r"\s$", r"^\S+$", r"(?i)k", r"(?i)^s$", r"(?i)\w", r"[^a]", r"[\d٣]", r"(?m)^b", r"(?s)a.", r"\pL",
    r"(?i)é", r"[[:upper:]]", r"\bA", r"a{1,2}$", "a{", r"\.", r"[]a]", r"[a&&b]", r"\x{1F600}", "^$", "(?U)a+", r"\z",
]  # fmt: skip

_sets = [
    (numbers, "set.i", Type.INT_SET), (numbers, "set.f", Type.FLOAT_SET),
    (st.sampled_from([SignalRef("bool.a", Type.BOOL), Literal(True, Type.BOOL)]), "set.b", Type.BOOL_SET),
    (st.just(SignalRef("ip.v", Type.IP)), "set.v", Type.IP_SET),
    (durations, "set.d", Type.DURATION_SET), (times, "set.w", Type.DATETIME_SET),
]  # fmt: skip
_time = SignalRef("time.w", Type.DATETIME)
wide_leaves = st.one_of(
    *(st.builds(InSet, item, st.just(SignalRef(name, type_))) for item, name, type_ in _sets),
    st.builds(Matches, texts, st.sampled_from(PATTERNS)),
    st.builds(
        InNetworks,
        st.just(SignalRef("ip.v", Type.IP)),
        st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Compare, st.sampled_from(["==", "!="]), st.just(SignalRef("ip.v", Type.IP)),
        st.sampled_from(EDGES["ip.v"]).map(lambda ip: Literal(ip, Type.IP)),
    ),
    st.builds(
        Compare, st.sampled_from(["==", "<", ">="]),
        st.builds(Arithmetic, st.sampled_from("+-"), times, durations, st.just(Type.DATETIME)),
        st.sampled_from([FIRST, LAST]).map(lambda moment: Literal(moment, Type.DATETIME)),
    ),
    st.builds(OneOf, st.just(_time), st.just(frozenset({FIRST, datetime(2026, 6, 1, tzinfo=UTC)}))),
)  # fmt: skip
anything = st.one_of(conditions, conditions, leaves, wide_leaves)


def made_up(source, rows, share):
    """Rows in which each signal is known with a probability of its own, about `share`."""
    shares = {name: 1.0 if share == 1.0 else source.random() * 2 * share for name in WIDE}
    return [
        {name: source.choice(values) for name, values in WIDE.items() if source.random() < shares[name]}
        for _ in range(rows)
    ]


TABLES = [
    (1, 0.5),
    (7, 1.0),
    (20, 0.8),
    (40, 0.3),
    (3, 0.1),
    (5, 0.9),
    (2, 1.0),
    (0, 1.0),
]  # rows, and how much of them is known
EXEMPT = [(), (), (), ("rule-0",), ("rule-1", "rule-5")]


@pytest.mark.heavy
@given(rulesets(anything), st.integers(0, 2**32))
def test_tables_have_the_scalar_verdicts(ruleset, seed):
    source, compiled = random.Random(seed), compile_ruleset(ruleset)
    for rows, share in TABLES:
        facts = made_up(source, rows, share)
        exempt = [source.choice(EXEMPT) for _ in facts]
        expected = [compiled.verdict(known, silenced) for known, silenced in zip(facts, exempt, strict=True)]
        assert judged(ruleset, facts, exempt) == expected


@given(rulesets(anything, max_rules=2), st.integers(0, 2**32))
def test_tables_have_the_reference_verdicts(ruleset, seed):
    facts = made_up(random.Random(seed), 10, 0.7)
    assert judged(ruleset, facts) == [reference.verdict(ruleset, known) for known in facts]


INT_X, DUR_D, STR_S = SignalRef("int.x", Type.INT), SignalRef("dur.d", Type.DURATION), SignalRef("str.s", Type.STR)
ONE, ZERO, HOUR = Literal(1, Type.INT), Literal(0, Type.INT), Literal(timedelta(hours=1), Type.DURATION)
CONSTANTS = {
    "a sum": Compare("==", Arithmetic("+", ONE, ONE, Type.FLOAT), INT_X),
    "a division by zero": Compare("==", Arithmetic("/", ONE, ZERO, Type.FLOAT), INT_X),
    "a division by zero inside": Compare(
        "==", Arithmetic("+", INT_X, Arithmetic("/", ONE, ZERO, Type.FLOAT), Type.FLOAT), INT_X
    ),
    "a sum of durations": Compare("<", Arithmetic("+", HOUR, HOUR, Type.DURATION), DUR_D),
    "lower case": Compare("!=", Lower(Literal("A", Type.STR)), STR_S),
    "a whole number beside a computed one": Compare("==", ONE, Arithmetic("+", INT_X, INT_X, Type.FLOAT)),
    "a text before the signal": Compare("==", Literal("a", Type.STR), STR_S),
    "nothing but constants": Compare("<", ZERO, ONE),
}


@pytest.mark.parametrize("condition", CONSTANTS.values(), ids=CONSTANTS)
@pytest.mark.parametrize(
    "facts", [[{}] * 3, [{}] * 4, [{"int.x": 2, "dur.d": timedelta(hours=3), "str.s": "a"}, {}, {}]]
)
def test_computed_constants_beside_nulls_have_a_row_for_each(condition, facts):
    ruleset = Ruleset(
        policy=Policy(bands=((1, Outcome.REVIEW),)),
        rules=(rule(0, condition, Score(5), IfUnknown.MISS),),
        version="sha256:test",
        signals=SIGNALS,
    )
    assert judged(ruleset, facts) == [reference.verdict(ruleset, known) for known in facts]


# Letters that fold, digits and blanks of other scripts, line breaks, and what is syntax in one dialect only.
LETTERS = st.sampled_from([*"aAbkKsSzZ019_-&{}[]().^$ ", *"\n\r\t\v\0", *"éſ\u212a٣\u00a0\u2028ßİ\U0001f600"])
_class_members = st.sampled_from([*"abksAZ09_&^-٣é", "a-c", "0-9", r"\d", r"\w", r"\s", r"\-", r"\]", r"\[", "&&", "["])
_atoms = st.one_of(
    st.sampled_from([*"abksAKZ019_-&}]é٣ .^$", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\.", r"\n", r"\z"]),
    st.tuples(st.sampled_from(["[", "[^", "[]", "[^]"]), st.lists(_class_members, min_size=1, max_size=3)).map(
        lambda drawn: f"{drawn[0]}{''.join(drawn[1])}]"
    ),
)
_patterns = st.recursive(
    st.tuples(_atoms, st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{", "{,2}"])).map("".join),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        inner.map(lambda part: f"(?:{part})*"),
    ),
    max_leaves=5,
)
patterns = st.tuples(st.sampled_from(["", "", "", "(?i)", "(?m)", "(?s)", "(?im)"]), _patterns).map("".join)


def _is_pattern(text):
    try:
        read_pattern(text)
    except ValueError:
        return False
    return True


@given(patterns.filter(_is_pattern), st.lists(st.text(LETTERS, max_size=6), min_size=30, max_size=30))
@example(r"(?i)[^k]", ["\u212a", "k", "K", "a"])
@example(r"(?i)\w", ["\u212a", "ſ", "k", "é"])
@example(r"(?i)[\w]", ["\u212a", "ſ", "k", "é"])
@example(r"[a&&b]", ["&", "a", "c"])
def test_patterns_find_what_re2_finds(pattern, given_texts):
    found = pl.select(matches(pl.lit(pl.Series(given_texts)), pattern)).to_series()
    assert found.to_list() == [re2.search(pattern, text) is not None for text in given_texts]


@pytest.mark.parametrize("pattern", [r"^[a-z]+\.[0-9]{2,}$", r"(?i)test|demo", r"\bvps-\d+\b", "^a", "@example\\.com$"])
def test_common_patterns_are_left_to_rust(pattern):
    assert in_rust(pattern) is not None


@pytest.mark.parametrize(
    "pattern", [r"\pL", "[[:alpha:]]", r"(?i)é", r"(?P<a>x)", r"\Qa.b\E", r"a(?i)b", r"(?i)[\w]", r"(?i)\d"]
)
def test_other_patterns_are_left_to_re2(pattern):
    assert in_rust(pattern) is None


@pytest.mark.heavy
def test_lower_case_is_pythons_for_every_character():
    letters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    given_texts = [*letters, *(f"a{letter}" for letter in letters), "ΑΣ", "ΑΣ.Α", None]
    found = pl.select(lower(pl.lit(pl.Series(given_texts)))).to_series()
    assert found.to_list() == [None if text is None else text.lower() for text in given_texts]


TYPES = {
    "bool.a": Type.BOOL, "int.x": Type.INT, "float.f": Type.FLOAT, "str.s": Type.STR, "ip.v": Type.IP,
    "dur.d": Type.DURATION, "time.w": Type.DATETIME, "set.m": Type.STR_SET, "set.i": Type.INT_SET,
    "set.f": Type.FLOAT_SET, "set.b": Type.BOOL_SET, "set.v": Type.IP_SET, "set.d": Type.DURATION_SET,
    "set.w": Type.DATETIME_SET,
}  # fmt: skip


@pytest.mark.parametrize(("name", "type_"), TYPES.items(), ids=TYPES)
def test_values_come_back_from_their_columns(name, type_):
    values = [*WIDE[name], None]
    back = values_of(column(name, type_, values), type_)
    assert back == values
    assert [type(value) for value in back] == [type(value) for value in values]


@pytest.mark.parametrize("ip", EDGES["ip.v"], ids=str)
def test_addresses_come_back_from_their_octets(ip):
    assert unpacked(packed(ip)) == ip

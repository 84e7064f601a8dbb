"""Conditions as alternatives of plain tests, for engines that know neither `not` nor three values.

A condition in negation normal form is an `or` of `and`s of tests on one value each. Kleene's truth over it is a pair of
ordinary ones: it is *surely* true when some alternative has only tests whose value is known and passes, and *possibly*
true when some alternative has no test whose value is known and fails.

Whatever another engine might compare otherwise than we do (floats, times, addresses, patterns, parts of texts, texts
that need an escape, long lists), and whatever would grow out of proportion, is one test of a truth that we compute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Compare,
    Condition,
    Literal,
    Not,
    OneOf,
    Operand,
    SignalRef,
)
from kycrisk.signals import MAX_INT, Scalar, Type

MOST_ALTERNATIVES = 16
MOST_TESTS = 12  # of one alternative
MOST_LISTED = 4  # members of a list that become tests of their own

#: Texts that any engine compares as we do, whatever it thinks of quotes, escapes, encodings and lengths.
PLAIN_TEXT = re.compile(r"[0-9A-Za-z_.@+-]{1,64}")

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}

#: What is tested: a signal's value, or the truth of a condition.
Tested = SignalRef | Condition
Plain = bool | int | str


@dataclass(frozen=True, slots=True)
class Test:
    """One of == != < <= > >= between a value and a constant; on a truth, `==` and whether it must hold."""

    tested: Tested
    op: str
    value: Plain


#: Tests that must all pass; of none, the alternative always holds.
Alternative = tuple[Test, ...]


def alternatives(condition: Condition) -> tuple[Alternative, ...]:
    """The alternatives of a condition, few and short; of none, it never holds."""
    return _expanded(condition, True)


def _expanded(node: Condition, holds: bool) -> tuple[Alternative, ...]:
    match node:
        case Literal(value):
            return ((),) if bool(value) is holds else ()
        case Not(item):
            return _expanded(item, not holds)
        case All(items) | AnyOf(items):
            parts = [_expanded(item, holds) for item in items]
            return _joined(node, items, parts, holds)
        case OneOf(item, values) if len(values) <= MOST_LISTED:
            tests = [_plain_test(item, "==" if holds else "!=", value) for value in sorted(values, key=str)]
            if all(tests):
                plain = [test for test in tests if test]
                return tuple((test,) for test in plain) if holds else (tuple(plain),)
        case Compare(op, left, right):
            test = _comparison(op if holds else _OPPOSITE[op], left, right)
            if test:
                return ((test,),)
    return ((Test(node, "==", holds),),)


def _joined(
    node: Condition, items: Sequence[Condition], parts: list[tuple[Alternative, ...]], holds: bool
) -> tuple[Alternative, ...]:
    """The alternatives of a branch. While they are too many or too long, the largest part becomes one test."""
    conjunction = isinstance(node, All) is holds
    while _too_large(parts, conjunction):
        largest = max(range(len(parts)), key=lambda index: _size(parts[index]))
        if _size(parts[largest]) <= 1:  # too many parts
            return ((Test(node, "==", holds),),)
        parts[largest] = ((Test(items[largest], "==", holds),),)
    joined = _products(parts) if conjunction else (alternative for part in parts for alternative in part)
    return tuple(dict.fromkeys(joined))


def _products(parts: list[tuple[Alternative, ...]]) -> Iterator[Alternative]:
    for chosen in product(*parts):
        yield tuple(dict.fromkeys(test for alternative in chosen for test in alternative))


def _too_large(parts: list[tuple[Alternative, ...]], conjunction: bool) -> bool:
    if not conjunction:
        return sum(map(len, parts)) > MOST_ALTERNATIVES
    return prod(map(len, parts)) > MOST_ALTERNATIVES or sum(map(_longest, parts)) > MOST_TESTS


def _longest(part: tuple[Alternative, ...]) -> int:
    return max(map(len, part), default=0)


def _size(part: tuple[Alternative, ...]) -> int:
    return sum(map(len, part))


def _comparison(op: str, left: Operand, right: Operand) -> Test | None:
    match left, right:
        case SignalRef(), Literal(value):
            return _plain_test(left, op, value)
        case Literal(value), SignalRef():
            return _plain_test(right, _MIRRORED[op], value)
    return None


def _plain_test(item: Operand, op: str, value: Scalar) -> Test | None:
    """A test of a signal's value that every engine makes alike: flags with flags, integers with integers, plain texts
    for equality. None for any other."""
    if not isinstance(item, SignalRef):
        return None
    match item.type, value:
        case (Type.BOOL, bool()) if op in ("==", "!="):
            return Test(item, "==", value if op == "==" else not value)
        case (Type.INT, int()) if not isinstance(value, bool) and abs(value) <= MAX_INT:
            return Test(item, op, value)
        case (Type.STR, str()) if op in ("==", "!=") and PLAIN_TEXT.fullmatch(value):
            return Test(item, op, value)
    return None

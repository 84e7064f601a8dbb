"""The operators of conditions: one row each, with its symbol, its meaning and its words."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import re2

from kycrisk.signals import MAX_DURATION, Scalar


@dataclass(frozen=True, slots=True)
class Operator:
    """`test` takes two known operands; `words` stand between them in an explanation, `negated` for its opposite."""

    symbol: str
    test: Callable[[Any, Any], bool]
    words: str
    negated: str


COMPARISONS = {
    row.symbol: row
    for row in (
        Operator("==", operator.eq, "is", "is not"),
        Operator("!=", operator.ne, "is not", "is"),
        Operator("<", operator.lt, "is less than", "is not less than"),
        Operator("<=", operator.le, "is at most", "is more than"),
        Operator(">", operator.gt, "is more than", "is at most"),
        Operator(">=", operator.ge, "is at least", "is less than"),
    )
}

TEXT_TESTS = {
    row.symbol: row
    for row in (
        Operator("starts_with", str.startswith, "starts with", "does not start with"),
        Operator("ends_with", str.endswith, "ends with", "does not end with"),
        Operator("contains", operator.contains, "contains", "does not contain"),
    )
}


@cache  # bounded by the patterns of the loaded rulesets
def compiled(pattern: str) -> Any:
    """An RE2 pattern, compiled once."""
    return re2.compile(pattern)


def found(pattern: str, text: str) -> bool:
    """Whether an RE2 pattern is found anywhere in the text."""
    return compiled(pattern).search(text) is not None


def arithmetic(op: str, left: Scalar, right: Scalar) -> Scalar | None:
    """The result of + - * / on known operands; None (unknown) for division by zero and for results beyond the type.

    Numbers are computed as IEEE doubles, as every engine can; times and durations exactly, in microseconds.
    """
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return _number(op, float(left), float(right))
    try:
        result: Any = left + right if op == "+" else left - right  # type: ignore[operator]
    except OverflowError:
        return None
    return result if not isinstance(result, timedelta) or abs(result) <= MAX_DURATION else None


def _number(op: str, left: float, right: float) -> float | None:
    match op:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            if right == 0:
                return None
            result = left / right
        case _:
            raise AssertionError(op)
    return result if math.isfinite(result) else None

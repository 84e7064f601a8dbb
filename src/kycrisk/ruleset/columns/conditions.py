"""Conditions to Polars expressions: a nullable truth, null for unknown.

Polars' `&`, `|` and `~` are Kleene's. Everything else here is about the places where a table computes otherwise than
Python does: whole numbers wrap around, times have no end, a list answers for a null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from ipaddress import IPv4Network
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any

import polars as pl

from kycrisk.ruleset.columns.texts import lower, matches
from kycrisk.ruleset.columns.values import Dtype, cell, dtype_of, microseconds
from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Arithmetic,
    Compare,
    Condition,
    InNetworks,
    InSet,
    Literal,
    Lower,
    Matches,
    Network,
    Not,
    OneOf,
    Operand,
    SignalRef,
    TextTest,
    type_of,
)
from kycrisk.signals import MAX_DURATION, Scalar, Type

_COMPARISONS: Mapping[str, Callable[[Any, Any], pl.Expr]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_TEXT_TESTS: Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "starts_with": lambda text, part: text.str.starts_with(part),
    "ends_with": lambda text, part: text.str.ends_with(part),
    "contains": lambda text, part: text.str.contains(part, literal=True),
}
_NUMBERS = (Type.INT, Type.FLOAT)
_TIMES = (Type.DATETIME, Type.DURATION)
_FIRST, _LAST = (microseconds(end.replace(tzinfo=UTC)) for end in (datetime.min, datetime.max))
_LONGEST = microseconds(MAX_DURATION)


def truth(condition: Condition) -> pl.Expr:
    """The truth of a condition over the columns of facts that it reads, each named after its signal."""
    match condition:
        case Literal(value):
            return pl.lit(bool(value))
        case SignalRef(name):
            return pl.col(name)
        case Not(item):
            return ~truth(item)
        case All(items):
            return pl.lit(True) if not items else reduce(and_, map(truth, items))
        case AnyOf(items):
            return pl.lit(False) if not items else reduce(or_, map(truth, items))
        case Compare(op, left, right):
            return _compare(op, left, right)
        case OneOf(item, values):
            return _one_of(item, values)
        case InNetworks(item, networks):
            return reduce(or_, (_in_network(_value(item), network) for network in networks))
        case InSet(item, members):
            return _in_set(item, members)
        case TextTest(op, text, part):
            return _TEXT_TESTS[op](_value(text), _value(part))
        case Matches(text, pattern):
            return matches(_value(text), pattern)


def _value(operand: Operand) -> pl.Expr:
    """An operand as its column; times and durations as microseconds, the results of arithmetic as doubles."""
    match operand:
        case Literal(value, type_):
            return pl.lit(_constant(value), dtype=_physical(type_))
        case SignalRef(name, type_):
            return pl.col(name).to_physical() if type_ in _TIMES else pl.col(name)
        case Lower(text):
            return lower(_value(text))
        case Arithmetic():
            return _arithmetic(operand)


def _constant(value: Scalar) -> Any:
    return microseconds(value) if isinstance(value, (datetime, timedelta)) else cell(value)


def _physical(type_: Type) -> Dtype:
    return pl.Int64() if type_ in _TIMES else dtype_of(type_)


def _computed_as(operand: Operand) -> Dtype:
    """The type of `_value`'s column."""
    if isinstance(operand, Arithmetic) and operand.type in _NUMBERS:
        return pl.Float64()
    return _physical(type_of(operand))


def _arithmetic(operand: Arithmetic) -> pl.Expr:
    if operand.type in _TIMES:
        left, right = _value(operand.left), _value(operand.right)
        result = left + right if operand.op == "+" else left - right
        least, most = (_FIRST, _LAST) if operand.type is Type.DATETIME else (-_LONGEST, _LONGEST)
        return pl.when((result >= least) & (result <= most)).then(result)
    left, right = (_value(side).cast(pl.Float64) for side in (operand.left, operand.right))
    match operand.op:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case _:
            result = left / right  # by zero: infinite or not a number, hence unknown like every such result
    return pl.when(result.is_finite()).then(result)


def _compare(op: str, left: Operand, right: Operand) -> pl.Expr:
    sides = [_value(left), _value(right)]
    if _computed_as(left) != _computed_as(right):  # a whole number beside a fraction; both are exact as doubles
        sides = [side.cast(pl.Float64) for side in sides]
    return _COMPARISONS[op](*sides)


def _one_of(item: Operand, values: frozenset[Scalar]) -> pl.Expr:
    """Equality with each, as a set of mixed numbers or of addresses has no column type of its own."""
    found = _value(item)
    if type_of(item) is Type.STR:
        return found.is_in(sorted(map(str, values)))
    if type_of(item) in _NUMBERS:
        found = found.cast(pl.Float64)
        return reduce(or_, (found == pl.lit(float(value), pl.Float64) for value in values))  # type: ignore[arg-type]
    return reduce(or_, (found == pl.lit(_constant(value), _physical(type_of(item))) for value in values))


def _in_set(item: Operand, members: SignalRef) -> pl.Expr:
    found, among = _value(item), pl.col(members.name)
    if members.type.item in _NUMBERS:
        found, among = found.cast(pl.Float64), among.cast(pl.List(pl.Float64))
    elif members.type.item in _TIMES:
        among = among.cast(pl.List(pl.Int64))
    return pl.when(found.is_not_null() & among.is_not_null()).then(among.list.contains(found))


def _in_network(octets: pl.Expr, network: Network) -> pl.Expr:
    """Octets of one length sort as addresses do, and a zone stands behind the address it belongs to."""
    four = isinstance(network, IPv4Network)
    size = octets.bin.size()
    inside = (size == 4 if four else size >= 16) & (octets >= pl.lit(network.network_address.packed))
    behind = int(network.network_address) + network.num_addresses
    if behind < 1 << network.max_prefixlen:
        inside &= octets < pl.lit(behind.to_bytes(4 if four else 16, "big"))
    return inside

"""Conditions to Polars expressions: a nullable truth, null for unknown.

Polars' `&`, `|` and `~` are Kleene's. Everything else here is about the places where a table computes otherwise than
Python does: whole numbers wrap around, times have no end, a list answers for a null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from ipaddress import IPv4Network
from operator import add, and_, eq, ge, gt, le, lt, mul, ne, or_, sub, truediv
from typing import Any

import polars as pl

from kycrisk.ruleset import reference
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
from kycrisk.ruleset.operators import arithmetic
from kycrisk.signals import MAX_DURATION, Scalar, Type

_COMPARISONS: Mapping[str, Callable[[Any, Any], pl.Expr]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], pl.Expr]] = {"+": add, "-": sub, "*": mul, "/": truediv}
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
    constants = [_constant(operand) for operand in reference.operands(condition)]
    if (None,) in constants:
        return pl.lit(None, pl.Boolean)
    if None not in constants:
        return pl.lit(reference.truth(condition, {}), pl.Boolean)
    return _leaf(condition)


def _leaf(condition: Condition) -> pl.Expr:
    """The truth of a leaf of which at least one operand is no constant."""
    match condition:
        case Compare(op, left, right):
            return _compare(op, left, right)
        case OneOf(item, values):
            return _one_of(item, values)
        case InNetworks(item, networks):
            return reduce(or_, (in_network(_value(item), network) for network in networks))
        case InSet(item, members):
            return _in_set(item, members)
        case TextTest(op, text, part):
            return _TEXT_TESTS[op](_value(text), _value(part))
        case Matches(text, pattern):
            return matches(_value(text), pattern)
    raise AssertionError(condition)


def _constant(operand: Operand) -> tuple[Scalar | None] | None:
    """The value of an operand that no signal has a part in, None for unknown; None for any other operand.

    Constants are computed here, because Polars gives one row for a computed constant beside a column of nulls.
    """
    match operand:
        case Literal(value):
            return (value,)
        case SignalRef():
            return None
        case Lower(text):
            inner = _constant(text)
            return None if inner is None else (str(inner[0]).lower(),)
        case Arithmetic(op, left, right):
            sides = [_constant(left), _constant(right)]
            if (None,) in sides:
                return (None,)
            known = [side[0] for side in sides if side is not None and side[0] is not None]
            return (arithmetic(op, *known),) if len(known) == len(sides) else None


def _value(operand: Operand, wanted: Dtype | None = None) -> pl.Expr:
    """An operand as its column, as doubles where these are wanted; times and durations are microseconds."""
    constant = _constant(operand)
    if constant is not None:
        return _literal(constant[0], wanted or _computed_as(operand))
    column = _column(operand)
    return column.cast(wanted) if wanted is not None and wanted != _computed_as(operand) else column


def _column(operand: Operand) -> pl.Expr:
    match operand:
        case SignalRef(name, type_):
            return pl.col(name).to_physical() if type_ in _TIMES else pl.col(name)
        case Lower(text):
            return lower(_value(text))
        case Arithmetic(type=type_):
            return _times(operand) if type_ in _TIMES else _numbers(operand)
    raise AssertionError(operand)


def _literal(value: Scalar | None, dtype: Dtype) -> pl.Expr:
    if isinstance(value, (datetime, timedelta)):
        return pl.lit(microseconds(value), dtype)
    if dtype == pl.Float64 and isinstance(value, (int, float)):
        return pl.lit(float(value), dtype)
    return pl.lit(None if value is None else cell(value), dtype)


def _physical(type_: Type) -> Dtype:
    return pl.Int64() if type_ in _TIMES else dtype_of(type_)


def _computed_as(operand: Operand) -> Dtype:
    """The type of `_value`'s column when nothing else is wanted."""
    if isinstance(operand, Arithmetic) and operand.type in _NUMBERS:
        return pl.Float64()
    return _physical(type_of(operand))


def _times(operand: Arithmetic) -> pl.Expr:
    left, right = _value(operand.left), _value(operand.right)
    result = left + right if operand.op == "+" else left - right
    least, most = (_FIRST, _LAST) if operand.type is Type.DATETIME else (-_LONGEST, _LONGEST)
    return pl.when((result >= least) & (result <= most)).then(result)


def _numbers(operand: Arithmetic) -> pl.Expr:
    left, right = (_value(side, pl.Float64()) for side in (operand.left, operand.right))
    result: pl.Expr = _ARITHMETIC[operand.op](left, right)
    return pl.when(result.is_finite()).then(result)  # by zero: infinite or not a number, hence unknown like these


def _compare(op: str, left: Operand, right: Operand) -> pl.Expr:
    types = {_computed_as(left), _computed_as(right)}
    wanted = None if len(types) == 1 else pl.Float64()  # a whole number beside a fraction; doubles hold both exactly
    return _COMPARISONS[op](_value(left, wanted), _value(right, wanted))


def _one_of(item: Operand, values: frozenset[Scalar]) -> pl.Expr:
    """Equality with each, as a set of mixed numbers or of addresses has no column type of its own."""
    if type_of(item) is Type.STR:
        return _value(item).is_in(sorted(map(str, values)))
    dtype = pl.Float64() if type_of(item) in _NUMBERS else _physical(type_of(item))
    found = _value(item, dtype)
    return reduce(or_, (found == _literal(value, dtype) for value in values))


def _in_set(item: Operand, members: SignalRef) -> pl.Expr:
    among = pl.col(members.name)
    dtype = pl.Float64() if members.type.item in _NUMBERS else _physical(members.type.item)
    found = _value(item, dtype)
    if members.type.item in (*_NUMBERS, *_TIMES):
        among = among.cast(pl.List(dtype))
    return pl.when(found.is_not_null() & among.is_not_null()).then(among.list.contains(found))


def in_network(octets: pl.Expr, network: Network) -> pl.Expr:
    """Whether an address, as its octets, lies in a network.

    Octets of one length sort as addresses do, and a zone stands behind the address it belongs to.
    """
    four = isinstance(network, IPv4Network)
    size = octets.bin.size()
    inside = (size == 4 if four else size >= 16) & (octets >= pl.lit(network.network_address.packed))
    behind = int(network.network_address) + network.num_addresses
    if behind < 1 << network.max_prefixlen:
        inside &= octets < pl.lit(behind.to_bytes(4 if four else 16, "big"))
    return inside

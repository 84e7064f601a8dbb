"""Conditions in words: their canonical text, and why they are true, false or unknown of one signup.

The third evaluator: it judges every branch, also those that do not matter, and says what it saw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from kycrisk.durations import format_duration
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
    Node,
    Not,
    OneOf,
    Operand,
    SignalRef,
    TextTest,
)
from kycrisk.ruleset.operators import COMPARISONS, TEXT_TESTS
from kycrisk.ruleset.reference import Truth, truth, value_of
from kycrisk.ruleset.template import show_value
from kycrisk.signals import Scalar, Value


def condition_text(node: Node) -> str:
    """The canonical text of a condition: what `parse_condition` reads back to the same tree."""
    match node:
        case Literal(value):
            return _constant(value)
        case SignalRef(name):
            return name
        case Not(item):
            return f"not {_inner(item)}"
        case All(items):
            return " and ".join(map(_inner, items)) if items else "true"
        case AnyOf(items):
            return " or ".join(map(_inner, items)) if items else "false"
        case Compare(op, left, right):
            return f"{condition_text(left)} {op} {condition_text(right)}"
        case OneOf(item, values):
            return f"{condition_text(item)} in [{', '.join(sorted(map(_constant, values)))}]"
        case InNetworks(item, networks):
            return f"{condition_text(item)} in [{', '.join(quoted(str(each)) for each in networks)}]"
        case InSet(item, members):
            return f"{condition_text(item)} in {members.name}"
        case TextTest(op, text, part):
            return f"{op}({condition_text(text)}, {condition_text(part)})"
        case Matches(text, pattern):
            return f"matches({condition_text(text)}, {quoted(pattern)})"
        case Lower(text):
            return f"lower({condition_text(text)})"
        case Arithmetic(op, left, right):
            return f"{_side(left)} {op} {_side(right)}"


def _inner(item: Condition) -> str:
    """A branch of `and`, `or` or `not`, in brackets where it joins others itself."""
    alone = not isinstance(item, (All, AnyOf, Not)) and not (isinstance(item, SignalRef) and " " in item.name)
    return condition_text(item) if alone else f"({condition_text(item)})"


def _side(operand: Operand) -> str:
    return f"({condition_text(operand)})" if isinstance(operand, Arithmetic) else condition_text(operand)


def quoted(text: str) -> str:
    """A text constant as conditions write it: in the quotes that it does not hold (strings are raw)."""
    return f"'{text}'" if _OPEN_QUOTE.search(text) else f'"{text}"'


_OPEN_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')  # a double quote without a backslash of its own before it


def _constant(value: Scalar) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case timedelta():
            return quoted(format_duration(value))
        case datetime():
            return quoted(value.isoformat().replace("+00:00", "Z"))
        case IPv4Address() | IPv6Address():
            return quoted(str(value))
        case _:
            return repr(value)


@dataclass(frozen=True, slots=True)
class Explained:
    """A condition over one signup's facts: what it says, whether that is so, and the same of its branches."""

    text: str
    truth: Truth
    because: str  # the facts that a leaf saw: "email.domain is example.net"
    branches: tuple[Explained, ...] = ()

    def lines(self, indent: int = 0) -> list[str]:
        """The explanation as indented lines, for a terminal."""
        word = {True: "yes", False: "no", None: "unknown"}[self.truth]
        seen = f" ({self.because})" if self.because else ""
        below = [line for branch in self.branches for line in branch.lines(indent + 1)]
        return [f"{'  ' * indent}{word:<8}{self.text}{seen}", *below]


def explain(condition: Condition, known: Mapping[str, Value]) -> Explained:
    """Why a condition is true, false or unknown over what is known."""
    match condition:
        case Not(item):
            inner = explain(item, known)
            return Explained("not", None if inner.truth is None else not inner.truth, "", (inner,))
        case All(items):
            return _joined("all of", items, known, decisive=False)
        case AnyOf(items):
            return _joined("any of", items, known, decisive=True)
    judged = truth(condition, known)
    return Explained(sentence(condition), judged, _seen(condition, known))


def _joined(words: str, items: tuple[Condition, ...], known: Mapping[str, Value], decisive: bool) -> Explained:
    """Kleene's `or` is decided by one true branch, his `and` by one false one."""
    branches = tuple(explain(item, known) for item in items)
    truths = {branch.truth for branch in branches}
    judged = decisive if decisive in truths else None if None in truths else not decisive
    return Explained(words, judged, "", branches)


def sentence(leaf: Condition) -> str:
    """A leaf in words: `email.disposable_lists is at least 2`."""
    match leaf:
        case Compare(op, left, right):
            return f"{condition_text(left)} {COMPARISONS[op].words} {condition_text(right)}"
        case OneOf(item, values):
            return f"{condition_text(item)} is one of {', '.join(sorted(map(_constant, values)))}"
        case InNetworks(item, networks):
            return f"{condition_text(item)} lies in {', '.join(map(str, networks))}"
        case InSet(item, members):
            return f"{members.name} has {condition_text(item)}"
        case TextTest(op, text, part):
            return f"{condition_text(text)} {TEXT_TESTS[op].words} {condition_text(part)}"
        case Matches(text, pattern):
            return f"{condition_text(text)} matches {quoted(pattern)}"
    return condition_text(leaf)


def _seen(leaf: Condition, known: Mapping[str, Value]) -> str:
    """The operands of a leaf that are not constants, with their values."""
    operands: list[Operand]
    match leaf:
        case SignalRef():
            operands = [leaf]
        case Compare(_, left, right) | TextTest(_, left, right) | InSet(left, right):
            operands = [left, right]
        case OneOf(item, _) | InNetworks(item, _) | Matches(item, _):
            operands = [item]
        case _:
            operands = []
    return ", ".join(_shown(operand, known) for operand in operands if not isinstance(operand, Literal))


def _shown(operand: Operand, known: Mapping[str, Value]) -> str:
    value = value_of(operand, known)
    if isinstance(value, bool):
        return f"{condition_text(operand)}: {show_value(value)}"
    return f"{condition_text(operand)} is {'unknown' if value is None else show_value(value) or 'empty'}"

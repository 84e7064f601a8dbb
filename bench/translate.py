"""Our conditions in the words of the peers whose rules are expressions, and in a form without inner negations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kycrisk.ruleset.condition import All, AnyOf, Compare, Condition, Literal, Not, OneOf, Operand, SignalRef, TextTest
from kycrisk.signals import Scalar

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Untranslatable(ValueError):
    """A condition that the workload does not hold, so that no engine has to know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a language writes what our trees say. Formats are filled in by name."""

    both: str
    either: str
    negation: str
    one_of: str
    text_tests: Mapping[str, str]
    name: Callable[[str], str]
    constant: Callable[[Scalar], str]


def flat(name: str) -> str:
    """A signal's name as one word, which every peer can look up at once: `email.tld` → `email_tld`."""
    return name.replace(".", "_")


def quoted(value: Scalar) -> str:
    """A constant as most languages write it. The workload's texts hold letters and digits only."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)


#: The Common Expression Language, which has several implementations.
CEL = Dialect(
    both=" && ",
    either=" || ",
    negation="!({item})",
    one_of="({item} in [{values}])",
    text_tests={
        "starts_with": "{text}.startsWith({part})",
        "ends_with": "{text}.endsWith({part})",
        "contains": "{text}.contains({part})",
    },
    name=flat,
    constant=quoted,
)


def expression(node: Condition, dialect: Dialect) -> str:
    """The condition as an expression of the language."""
    match node:
        case SignalRef(name):
            return dialect.name(name)
        case Not(item):
            return dialect.negation.format(item=expression(item, dialect))
        case All(items):
            return "(" + dialect.both.join(expression(item, dialect) for item in items) + ")"
        case AnyOf(items):
            return "(" + dialect.either.join(expression(item, dialect) for item in items) + ")"
        case Compare(op, left, right):
            return f"{_operand(left, dialect)} {op} {_operand(right, dialect)}"
        case OneOf(item, values):
            constants = ", ".join(dialect.constant(value) for value in sorted(values, key=str))
            return dialect.one_of.format(item=_operand(item, dialect), values=constants)
        case TextTest(op, text, part):
            return dialect.text_tests[op].format(text=_operand(text, dialect), part=_operand(part, dialect))
    raise Untranslatable(node)


def _operand(operand: Operand, dialect: Dialect) -> str:
    match operand:
        case Literal(value):
            return dialect.constant(value)
        case SignalRef(name):
            return dialect.name(name)
    raise Untranslatable(operand)


def negations_inward(node: Condition, negated: bool = False) -> Condition:
    """The same condition with `not` only directly over signals, lists and text tests (De Morgan)."""
    match node:
        case Not(item):
            return negations_inward(item, not negated)
        case All(items) | AnyOf(items):
            inner = tuple(negations_inward(item, negated) for item in items)
            return All(inner) if isinstance(node, All) != negated else AnyOf(inner)
        case Compare(op, left, right) if negated:
            return Compare(_OPPOSITE[op], left, right)
    return Not(node) if negated else node


def signal_name(operand: Operand) -> str:
    """The flat name of an operand that is a signal."""
    if isinstance(operand, SignalRef):
        return flat(operand.name)
    raise Untranslatable(operand)


def constant(operand: Operand) -> Scalar:
    """The value of an operand that is a constant."""
    if isinstance(operand, Literal):
        return operand.value
    raise Untranslatable(operand)

"""Conditions as trees: what `when:` says, once it is parsed and type-checked.

The tree is the whole language; every evaluator (the reference, the generated function, the words) reads it.
Types are settled when a condition is parsed, so no node needs to ask for the type of a value again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

from kycrisk.signals import Scalar, Type

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Velocity:
    """`signups(key, window)` or `distinct(counted, key, window)`: a count over what was screened before."""

    key: str
    window: timedelta
    counted: str = ""  # empty: count the signups themselves
    _hash: int = field(init=False, repr=False, compare=False)  # every screening looks counts up some thirty times

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.key, self.window, self.counted)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Velocity], tuple[str, timedelta, str]]:
        return Velocity, (self.key, self.window, self.counted)  # hashes of texts differ from process to process


@dataclass(frozen=True, slots=True)
class Membership:
    """`signal in list("name")`: whether an analyst's list holds the signal's value."""

    signal: str
    list: str


Derived = Velocity | Membership


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant of the rule."""

    value: Scalar
    type: Type


@dataclass(frozen=True, slots=True)
class SignalRef:
    """A signal by its full name. One that is computed from others (`signups(...)`) says how in `derived`."""

    name: str
    type: Type
    derived: Derived | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene negation."""

    item: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Kleene conjunction; of nothing, true."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Kleene disjunction; of nothing, false."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """One of == != < <= > >= between two operands of comparable types."""

    op: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether an operand equals one of some constants."""

    item: Operand
    values: frozenset[Scalar]


@dataclass(frozen=True, slots=True)
class InNetworks:
    """Whether an address lies in one of some networks."""

    item: Operand
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class InSet:
    """Whether an operand is a member of a signal that is a set."""

    item: Operand
    set: SignalRef


@dataclass(frozen=True, slots=True)
class TextTest:
    """`starts_with`, `ends_with` or `contains` between two texts."""

    op: str
    text: Operand
    part: Operand


@dataclass(frozen=True, slots=True)
class Matches:
    """Whether an RE2 pattern is found anywhere in a text."""

    text: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Lower:
    """The text in lower case (Unicode default case mapping)."""

    text: Operand


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """+ - * / on numbers (as IEEE doubles), and + - on times and durations.

    Division by zero, and any result that is not a finite number or a representable time, is unknown.
    """

    op: str
    left: Operand
    right: Operand
    type: Type


Operand = Literal | SignalRef | Lower | Arithmetic
Condition = Literal | SignalRef | Not | All | AnyOf | Compare | OneOf | InNetworks | InSet | TextTest | Matches
Node = Condition | Operand

TRUE = Literal(True, Type.BOOL)


def type_of(operand: Operand) -> Type:
    """The type of an operand's value."""
    return Type.STR if isinstance(operand, Lower) else operand.type


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node, left to right."""
    match node:
        case Not(item):
            return (item,)
        case All(items) | AnyOf(items):
            return items
        case Compare(_, left, right) | Arithmetic(_, left, right, _):
            return (left, right)
        case OneOf(item, _) | InNetworks(item, _):
            return (item,)
        case InSet(item, members):
            return (item, members)
        case TextTest(_, text, part):
            return (text, part)
        case Matches(text, _) | Lower(text):
            return (text,)
        case Literal() | SignalRef():
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, left to right."""
    yield node
    for child in children(node):
        yield from walk(child)


def signal_refs(node: Node) -> tuple[SignalRef, ...]:
    """The signals a condition reads, each once, in the order of first mention."""
    return tuple(dict.fromkeys(found for found in walk(node) if isinstance(found, SignalRef)))

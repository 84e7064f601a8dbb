"""Conditions to Python: one generated function for a whole ruleset.

Two functions come of it. `known` judges evidence in which every fact that matters is known: plain two-valued Python
that raises KeyError at the first fact that is missing. `partial` is the three-valued one. It never builds a third
truth value: for each condition it computes two ordinary ones, *surely* and *possibly* (Kleene's logic is the pair),
and negation swaps them. A rule is hit when it is surely true and unknown when it is only possibly so.

The source is generated from the checked tree alone: names and constants stand in a table beside it, so nothing that
an analyst writes ever becomes code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from operator import itemgetter
from typing import Any

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
    children,
    signal_refs,
)
from kycrisk.ruleset.operators import arithmetic, compiled
from kycrisk.signals import IP, Value

Known = Mapping[str, Value]
KnownFunction = Callable[[Known], list[int]]
MixedFunction = Callable[[Known], tuple[list[int], list[int]]]
PartialFunction = Callable[[Callable[[str], Value | None]], tuple[list[int], list[int]]]


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _arithmetic(op: str, left: Any, right: Any) -> Any:
    return None if left is None or right is None else arithmetic(op, left, right)


def _defined(value: Any) -> Any:
    """For `known`: an undefined result (division by zero) is unknown, so the three-valued function must judge."""
    if value is None:
        raise KeyError
    return value


def network_test(networks: Sequence[Any]) -> Callable[[IP], bool]:
    """A test whether an address lies in one of a few networks, on integers."""
    ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    for network in networks:
        first = int(network.network_address)
        ranges[4 if isinstance(network, IPv4Network) else 6].append((first, first + network.num_addresses - 1))
    pair4, pair6 = tuple(ranges[4]), tuple(ranges[6])

    def test(address: IP) -> bool:
        number = int(address)
        for first, last in pair4 if address.version == 4 else pair6:  # noqa: SIM110 - any() costs a generator
            if first <= number <= last:
                return True
        return False

    return test


@dataclass(slots=True)
class _Names:
    """The table beside the generated source: constants by name, and the local variable of each signal."""

    table: dict[str, Any] = field(default_factory=dict)
    locals: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)  # signals that `known` reads once, before the first rule
    lines: list[str] = field(default_factory=list)
    temporaries: int = 0

    def constant(self, value: Any) -> str:
        if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
            return repr(value) if value >= 0 else f"({value!r})"
        name = f"c{len(self.table)}"
        self.table[name] = value
        return name

    def fact(self, signal: str) -> str:
        """Source of a fact that must be known."""
        return self.facts.get(signal) or f"f[{self.constant(signal)}]"

    def read_once(self, conditions: Iterable[Condition]) -> list[str]:
        """Source that reads the facts no condition can do without into local variables, all in one call of C code.

        The others stay behind the tests that may make them needless, so that their absence does no harm.
        """
        needed = list(dict.fromkeys(name for condition in conditions for name in _always_read(condition)))
        if len(needed) < 2:  # itemgetter gives a bare value for one name
            return []
        self.facts.update({name: f"k{number}" for number, name in enumerate(needed)})
        return [f"    {', '.join(self.facts.values())} = {self.constant(itemgetter(*needed))}(f)"]


def generate_known(conditions: Sequence[Condition]) -> KnownFunction:
    """facts → the indexes of the conditions that are true; KeyError when a fact that matters is unknown."""
    names = _Names()
    out = ["def known(f):", "    h = []", *names.read_once(conditions)]
    for index, condition in enumerate(conditions):
        out.append(f"    if {_known(condition, names)}: h.append({index})")
    out.append("    return h")
    function: KnownFunction = _build(out, names, "known")
    return function


def generate_mixed(conditions: Sequence[Condition], missing: Collection[str]) -> MixedFunction:
    """The same for evidence in which exactly some signals are unknown: only the conditions that read one of these are
    judged in three values. KeyError when another fact that matters is unknown, too."""
    names = _Names()
    out = ["def mixed(f):", "    h = []; u = []; g = f.get"]
    three_valued = [any(ref.name in missing for ref in signal_refs(condition)) for condition in conditions]
    out += _loads([each for each, open_ in zip(conditions, three_valued, strict=True) if open_], names)
    out += names.read_once(each for each, open_ in zip(conditions, three_valued, strict=True) if not open_)
    for index, (condition, open_) in enumerate(zip(conditions, three_valued, strict=True)):
        if open_:
            out += _partial_rule(index, condition, names)
        else:
            out.append(f"    if {_known(condition, names)}: h.append({index})")
    out.append("    return h, u")
    function: MixedFunction = _build(out, names, "mixed")
    return function


def _always_read(node: Node) -> Iterator[str]:
    """The signals that judging a condition reads however it turns out: of `and` and `or`, those of the first branch."""
    match node:
        case SignalRef(name):
            yield name
        case All(items) | AnyOf(items):
            yield from _always_read(items[0]) if items else ()
        case _:
            for child in children(node):
                yield from _always_read(child)


def _known(node: Condition, names: _Names) -> str:
    """Two-valued source of a condition."""
    match node:
        case Literal(value):
            return repr(bool(value))
        case SignalRef(name):
            return names.fact(name)
        case Not(item):
            return f"(not {_known(item, names)})"
        case All(items):
            return "(" + " and ".join(_known(item, names) for item in items) + ")" if items else "True"
        case AnyOf(items):
            return "(" + " or ".join(_known(item, names) for item in items) + ")" if items else "False"
    return _leaf(node, lambda operand: _known_value(operand, names), names)


def _known_value(operand: Operand, names: _Names) -> str:
    match operand:
        case Literal(value):
            return names.constant(value)
        case SignalRef(name):
            return names.fact(name)
        case Lower(text):
            return f"{_known_value(text, names)}.lower()"
        case Arithmetic(op, left, right):
            sides = f"{_known_value(left, names)}, {_known_value(right, names)}"
            return f"{names.constant(_defined)}({names.constant(arithmetic)}({op!r}, {sides}))"


def _leaf(node: Condition, value: Callable[[Operand], str], names: _Names) -> str:
    """Source of a leaf over operands that are known."""
    match node:
        case Compare(op, left, right):
            return f"{value(left)} {op} {value(right)}"
        case OneOf(item, values):
            return f"{value(item)} in {names.constant(values)}"
        case InSet(item, members):
            return f"{value(item)} in {value(members)}"
        case InNetworks(item, networks):
            return f"{names.constant(network_test(networks))}({value(item)})"
        case TextTest("contains", text, part):
            return f"{value(part)} in {value(text)}"
        case TextTest(op, text, part):
            return f"{value(text)}.{op.replace('_', '')}({value(part)})"
        case Matches(text, pattern):
            return f"{names.constant(compiled(pattern).search)}({value(text)}) is not None"
    raise AssertionError(node)


def generate_partial(conditions: Sequence[Condition]) -> PartialFunction:
    """lookup → the indexes of the conditions that are true, and of those that are unknown."""
    names = _Names()
    out = ["def partial(g):", "    h = []; u = []", *_loads(conditions, names)]
    for index, condition in enumerate(conditions):
        out += _partial_rule(index, condition, names)
    out.append("    return h, u")
    function: PartialFunction = _build(out, names, "partial")
    return function


def _loads(conditions: Sequence[Condition], names: _Names) -> list[str]:
    """Source that puts every signal of the conditions into a local variable, None when it is unknown."""
    for signal in dict.fromkeys(ref.name for condition in conditions for ref in signal_refs(condition)):
        names.locals[signal] = f"s{len(names.locals)}"
    return [f"    {local} = g({names.constant(signal)})" for signal, local in names.locals.items()]


def _partial_rule(index: int, condition: Condition, names: _Names) -> list[str]:
    surely, possibly = _surely(condition, names), _possibly(condition, names)
    temporaries = [f"    {line}" for line in names.lines]
    names.lines.clear()
    return [*temporaries, f"    if {surely}: h.append({index})", f"    elif {possibly}: u.append({index})"]


def _surely(node: Condition, names: _Names) -> str:
    """Source that is true when the condition is true however the unknown facts turn out."""
    match node:
        case Literal(value):
            return repr(bool(value))
        case SignalRef(name):
            return names.locals[name]
        case Not(item):
            return f"not {_possibly(item, names)}"
        case All(items):
            return "(" + " and ".join(_surely(item, names) for item in items) + ")" if items else "True"
        case AnyOf(items):
            return "(" + " or ".join(_surely(item, names) for item in items) + ")" if items else "False"
    leaf, operands = _partial_leaf(node, names)
    return "(" + " and ".join([*(f"{operand} is not None" for operand in operands), leaf]) + ")"


def _possibly(node: Condition, names: _Names) -> str:
    """Source that is true when the condition is not surely false."""
    match node:
        case Literal(value):
            return repr(bool(value))
        case SignalRef(name):
            return f"({names.locals[name]} is not False)"
        case Not(item):
            return f"(not {_surely(item, names)})"
        case All(items):
            return "(" + " and ".join(_possibly(item, names) for item in items) + ")" if items else "True"
        case AnyOf(items):
            return "(" + " or ".join(_possibly(item, names) for item in items) + ")" if items else "False"
    leaf, operands = _partial_leaf(node, names)
    return "(" + " or ".join([*(f"{operand} is None" for operand in operands), leaf]) + ")"


def _partial_leaf(node: Condition, names: _Names) -> tuple[str, list[str]]:
    """Source of a leaf, and the local variables that must not be None for it to be computed."""
    operands: list[str] = []

    def value(operand: Operand) -> str:
        source = _partial_value(operand, names)
        if not isinstance(operand, Literal) and source not in operands:
            operands.append(source)
        return source

    leaf = _leaf(node, value, names)
    return leaf, operands


def _partial_value(operand: Operand, names: _Names) -> str:
    """A constant, or a local variable that is None when the operand is unknown."""
    match operand:
        case Literal(value):
            return names.constant(value)
        case SignalRef(name):
            return names.locals[name]
        case Lower(text):
            return _temporary(f"{names.constant(_lower)}({_partial_value(text, names)})", names)
        case Arithmetic(op, left, right):
            sides = f"{_partial_value(left, names)}, {_partial_value(right, names)}"
            return _temporary(f"{names.constant(_arithmetic)}({op!r}, {sides})", names)


def _temporary(source: str, names: _Names) -> str:
    names.temporaries += 1
    names.lines.append(f"t{names.temporaries} = {source}")
    return f"t{names.temporaries}"


def _build(lines: list[str], names: _Names, function: str) -> Any:
    """The function that the lines define. The constants are its parameters' defaults, so they are locals to it."""
    if names.table:
        bound = ", ".join(f"{name}={name}" for name in names.table)
        lines[0] = lines[0].replace("):", f", *, {bound}):")
    space: dict[str, Any] = dict(names.table)
    exec(compile("\n".join(lines), f"<ruleset {function}>", "exec"), space)  # noqa: S102 - our own source, see above
    return space[function]

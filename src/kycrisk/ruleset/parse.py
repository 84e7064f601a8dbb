"""Text to condition: names resolved against the signals, every operator checked against its operands' types."""

from __future__ import annotations

import ast
from collections.abc import Callable

from kycrisk.problems import did_you_mean
from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Compare,
    Condition,
    InNetworks,
    InSet,
    Literal,
    Matches,
    Membership,
    Network,
    Node,
    Not,
    OneOf,
    Operand,
    SignalRef,
    TextTest,
    type_of,
)
from kycrisk.ruleset.literals import WrongLiteral, coerce, read_network, read_pattern
from kycrisk.ruleset.model import ListKind
from kycrisk.ruleset.operands import NUMBERS, TEXT_TESTS, OperandReader, Scope, Wrong, called, text_of
from kycrisk.ruleset.syntax import MAX_LENGTH, ConditionError, SyntaxProblem, read_expression
from kycrisk.signals import Type

MAX_LIST = 1000  # constants in one list; longer ones belong in an analyst's list

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ORDERED = NUMBERS | {Type.DURATION, Type.DATETIME}
_LIST_TYPES = {
    ListKind.DOMAIN: Type.STR,
    ListKind.NETWORK: Type.IP,
    ListKind.EMAIL: Type.STR,
    ListKind.TEXT: Type.STR,
}


class ConditionErrors(ValueError):
    """Every error of one condition, in the order of the text."""

    def __init__(self, errors: list[ConditionError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.offset))
        super().__init__("; ".join(error.message for error in self.errors))


def parse_condition(text: str, scope: Scope, longest: int = MAX_LENGTH) -> Condition:
    """The condition that a text says. Raises `ConditionErrors` with everything that is wrong with it.

    Canonical texts may be longer than what people write: their reader gives a `longest` of its own.
    """
    try:
        parsed = read_expression(text, longest)
    except SyntaxProblem as problem:
        raise ConditionErrors([problem.error]) from None
    reader = _Reader(parsed, scope)
    try:
        return reader.condition(parsed.tree)
    except Wrong:
        raise ConditionErrors(reader.errors) from None


def parse_signal(text: str, scope: Scope) -> SignalRef:
    """The signal that a text names, as a template's hole or a test's `given` does. Raises `ConditionErrors`."""
    try:
        parsed = read_expression(text)
    except SyntaxProblem as problem:
        raise ConditionErrors([problem.error]) from None
    reader = _Reader(parsed, scope)
    try:
        return reader.signal(parsed.tree)
    except Wrong:
        raise ConditionErrors(reader.errors) from None


class _Reader(OperandReader):
    """Reads conditions: what is true, false or unknown."""

    def signal(self, node: ast.expr) -> SignalRef:
        """A signal alone, plain or derived."""
        is_test = isinstance(node, ast.Compare)  # `x in list("name")` is a signal too
        read: Callable[[ast.expr], Node] = self.condition if is_test else self.operand
        found = read(node)
        if isinstance(found, SignalRef):
            return found
        self.wrong(node, "this is not a signal", "name one, such as `email.domain`")

    def condition(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp(ast.And(), values):
                return All(tuple(self.each(self.condition, values)))
            case ast.BoolOp(ast.Or(), values):
                return AnyOf(tuple(self.each(self.condition, values)))
            case ast.UnaryOp(ast.Not(), item):
                return Not(self.condition(item))
            case ast.Compare(left, ops, comparators):
                return self.comparisons(left, ops, comparators)
            case ast.Call() if called(node) in TEXT_TESTS:
                return self.text_test(node)
            case ast.Call() if called(node) == "matches":
                return self.matches(node)
        operand = self.operand(node)
        if type_of(operand) is not Type.BOOL:
            kind, shown = type_of(operand).value, self.source(node)
            self.wrong(node, f"`{shown}` is {kind}, not a yes or no", _comparing_help(shown, type_of(operand)))
        assert isinstance(operand, (Literal, SignalRef))
        return operand

    def comparisons(self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]) -> Condition:
        """`a < b < c` is `a < b and b < c`."""
        sides = [left, *comparators]
        parts: list[Condition] = []
        failed = False
        for first, op, second in zip(sides, ops, comparators, strict=False):
            try:
                parts.append(self.comparison(first, op, second))
            except Wrong:
                failed = True
        if failed:
            raise Wrong
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(op, ast.In):
            return self.membership(left, right)
        if isinstance(op, ast.NotIn):
            return Not(self.membership(left, right))
        if isinstance(op, (ast.Is, ast.IsNot)):
            self.wrong(
                right,
                "`is` has no meaning here",
                "write `==` or `!=`; what is unknown is told by `if_unknown`",
            )
        symbol = _COMPARISONS[type(op)]
        first, second = self.each(self.operand, [left, right])
        first, second = self.agree(left, first, right, second)
        kinds = {type_of(first), type_of(second)}
        if symbol in ("==", "!=") or kinds <= _ORDERED:
            return Compare(symbol, first, second)
        kind = type_of(first).value
        self.wrong(left, f"{kind} has no order, so `{symbol}` cannot compare it", "use `==` or `!=`")

    def agree(self, left: ast.expr, first: Operand, right: ast.expr, second: Operand) -> tuple[Operand, Operand]:
        """Both sides with a common type: a text constant becomes a duration, time or address beside one."""
        try:
            first, second = coerce(first, type_of(second)), coerce(second, type_of(first))
        except WrongLiteral as error:
            self.wrong(right if isinstance(second, Literal) else left, error.message, error.help)
        a, b = type_of(first), type_of(second)
        if a.is_set or b.is_set:
            self.wrong(left if a.is_set else right, "a set cannot be compared", 'ask for a member: `"x" in signal`')
        if a is b or {a, b} <= NUMBERS:
            return first, second
        self.wrong(
            right,
            f"`{self.source(left)}` is {a.value} and `{self.source(right)}` is {b.value}: they cannot be compared",
            _comparing_help(self.source(left), a),
        )

    def membership(self, left: ast.expr, right: ast.expr) -> Condition:
        if isinstance(right, ast.Call) and called(right) == "list":
            return self.in_list(left, right)
        item = self.operand(left)
        kind = type_of(item)
        if kind.is_set:
            self.wrong(left, f"`{self.source(left)}` is a {kind.value}", 'ask for a member: `"x" in signal`')
        if isinstance(right, (ast.List, ast.Tuple)):
            return self.in_constants(item, right)
        if kind is Type.IP and text_of(right) is not None:
            return InNetworks(item, (self.network(right),))
        container = self.operand(right)
        if isinstance(container, SignalRef) and container.type.is_set:
            coerced, _ = (
                self.agree(left, item, right, Literal(True, container.type.item))
                if isinstance(item, Literal)
                else (item, None)
            )
            if type_of(coerced) is not container.type.item and {type_of(coerced), container.type.item} - NUMBERS:
                self.wrong(left, f"`{container.name}` is a {container.type.value}, `{self.source(left)}` is "
                                 f"{type_of(coerced).value}")  # fmt: skip
            return InSet(coerced, container)
        if type_of(container) is Type.STR:
            shown, text = self.source(left), self.source(right)
            self.wrong(
                right,
                f"`{shown} in {text}` would look for letters in a text",
                f"write `{shown} == {text}`, `{shown} in [{text}]` or `contains({text}, {shown})`",
            )
        self.wrong(right, f"`{self.source(right)}` is {type_of(container).value}, not a list",
                          'write constants in brackets, `list("name")`, or a network in quotes')  # fmt: skip

    def member(self, node: ast.expr, item: Operand, container: SignalRef) -> Operand:
        """An operand as a possible member of a signal that is a set."""
        wanted = container.type.item
        try:
            item = coerce(item, wanted)
        except WrongLiteral as error:
            self.wrong(node, error.message, error.help)
        if type_of(item) is wanted or {type_of(item), wanted} <= NUMBERS:
            return item
        self.wrong(node, f"`{container.name}` is a {container.type.value}, this is {type_of(item).value}")

    def in_constants(self, item: Operand, node: ast.List | ast.Tuple) -> Condition:
        if not node.elts:
            self.wrong(node, "the list is empty, so nothing is ever in it", "put at least one constant in it")
        if len(node.elts) > MAX_LIST:
            self.wrong(node, f"the list has {len(node.elts)} constants, at most {MAX_LIST} are read",
                       'declare a list in the policy and write `in list("name")`')  # fmt: skip
        if type_of(item) is Type.IP:
            return InNetworks(item, tuple(map(self.network, node.elts)))
        values = self.each(lambda element: self.constant(element, type_of(item)), node.elts)
        return OneOf(item, frozenset(value.value for value in values))

    def constant(self, node: ast.expr, wanted: Type) -> Literal:
        found = self.operand(node)
        if not isinstance(found, Literal):
            self.wrong(node, f"`{self.source(node)}` is not a constant", "a list holds constants only")
        try:
            found = coerce(found, wanted)
        except WrongLiteral as error:
            self.wrong(node, error.message, error.help)
        if type_of(found) is not wanted and not {type_of(found), wanted} <= NUMBERS:
            self.wrong(node, f"`{self.source(node)}` is {type_of(found).value}, expected {wanted.value}")
        assert isinstance(found, Literal)
        return found

    def network(self, node: ast.expr) -> Network:
        text = text_of(node)
        if text is None:
            self.wrong(node, f"`{self.source(node)}` is not a network", 'write one in quotes: `"192.0.2.0/24"`')
        try:
            return read_network(text or "")
        except WrongLiteral as error:
            self.wrong(node, error.message, error.help)

    def in_list(self, left: ast.expr, call: ast.Call) -> SignalRef:
        name = self.arguments(call, 1)[0]
        text = text_of(name)
        if text is None or text not in self.scope.lists:
            known = ", ".join(sorted(self.scope.lists)) or "none yet"
            self.wrong(name, f"unknown list `{text if text is not None else self.source(name)}`",
                       did_you_mean(text or "", self.scope.lists) or f"the policy declares: {known}")  # fmt: skip
        signal = self.operand(left)
        declared = self.scope.lists[text or ""]
        if not isinstance(signal, SignalRef) or signal.derived:
            self.wrong(left, f"`{self.source(left)}` is not a signal", "a list is asked about a signal: "
                             f'`email.domain in list("{text}")`')  # fmt: skip
        if type_of(signal) is not _LIST_TYPES[declared.kind]:
            self.wrong(left, f"list `{text}` holds {declared.kind.value} entries, `{self.source(left)}` is "
                             f"{type_of(signal).value}")  # fmt: skip
        assert isinstance(signal, SignalRef)
        return SignalRef(f'{signal.name} in list("{text}")', Type.BOOL, Membership(signal.name, declared.name))

    def text_test(self, call: ast.Call) -> Condition:
        text, part = self.each(self.text, self.arguments(call, 2))
        return TextTest(called(call), text, part)

    def matches(self, call: ast.Call) -> Condition:
        subject, pattern = self.arguments(call, 2)
        text = self.text(subject)
        source = text_of(pattern)
        if source is None:
            self.wrong(pattern, "a pattern is a text constant", 'write `matches(email.local, "^[0-9]+$")`')
        try:
            return Matches(text, read_pattern(source or ""))
        except WrongLiteral as error:
            self.wrong(pattern, error.message, error.help)


def _comparing_help(shown: str, type_: Type) -> str:
    match type_:
        case Type.BOOL:
            return f"write `{shown}` or `not {shown}`"
        case Type.INT | Type.FLOAT:
            return f"compare it with a number: `{shown} >= 1`"
        case Type.STR:
            return f'compare it with a text: `{shown} == "..."`'
        case Type.DURATION:
            return f'compare it with a duration: `{shown} < "24h"`'
        case Type.DATETIME:
            return f'compare it with a time: `{shown} < "2026-01-01T00:00:00Z"`'
        case Type.IP:
            return f'compare it with an address, or a network: `{shown} in "192.0.2.0/24"`'
    return f'ask for a member: `"x" in {shown}`'

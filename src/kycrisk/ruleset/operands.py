"""The values in conditions: constants, signals, functions and arithmetic, with their types."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from kycrisk.problems import did_you_mean
from kycrisk.ruleset.condition import Arithmetic, Literal, Lower, Operand, SignalRef, Velocity, type_of
from kycrisk.ruleset.literals import WrongLiteral, coerce, literal, read_window
from kycrisk.ruleset.model import AnalystList
from kycrisk.ruleset.syntax import ConditionError, Parsed
from kycrisk.signals import Signal, Type

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
NUMBERS = frozenset({Type.INT, Type.FLOAT})
_TIMES: dict[tuple[str, Type, Type], Type] = {
    ("-", Type.DATETIME, Type.DATETIME): Type.DURATION,
    ("+", Type.DATETIME, Type.DURATION): Type.DATETIME,
    ("-", Type.DATETIME, Type.DURATION): Type.DATETIME,
    ("+", Type.DURATION, Type.DURATION): Type.DURATION,
    ("-", Type.DURATION, Type.DURATION): Type.DURATION,
}
TEXT_TESTS = ("starts_with", "ends_with", "contains")
UNKNOWN_SIGNAL = "unknown signal "  # how the problem of a name begins that no signal has
_FUNCTIONS = ("matches", *TEXT_TESTS, "lower", "signups", "distinct", "list")
_KINDS: dict[type[ast.expr], str] = {
    ast.Lambda: "a function",
    ast.IfExp: "`if` … `else`",
    ast.Subscript: "`[...]` behind a name",
    ast.JoinedStr: "an f-string",
    ast.Dict: "a dictionary",
    ast.Set: "a set in braces",
    ast.Await: "`await`",
    ast.NamedExpr: "`:=`",
    ast.Starred: "`*`",
    ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The names a condition may use."""

    signals: Mapping[str, Signal]
    aliases: Mapping[str, str]
    lists: Mapping[str, AnalystList]


Read = TypeVar("Read")


class Wrong(Exception):
    """The subtree is wrong and its error is noted; siblings are still read."""


class OperandReader:
    """Reads operands, and notes what is wrong with them."""

    def __init__(self, parsed: Parsed, scope: Scope) -> None:
        self.parsed, self.scope = parsed, scope
        self.errors: list[ConditionError] = []

    def wrong(self, node: ast.expr, message: str, help_: str = "") -> NoReturn:
        self.errors.append(ConditionError(self.parsed.offset(node), message, help_))
        raise Wrong

    def each(self, read: Callable[[ast.expr], Read], nodes: list[ast.expr]) -> list[Read]:
        """Read all nodes, so that one wrong branch does not hide the errors of the next."""
        found: list[Read] = []
        for node in nodes:
            try:
                found.append(read(node))
            except Wrong:
                continue
        if len(found) < len(nodes):
            raise Wrong
        return found

    def operand(self, node: ast.expr) -> Operand:
        match node:
            case ast.Constant(value):
                return self.literal(node, value)
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
                return self.literal(node, -value)
            case ast.Name() | ast.Attribute():
                return self.named(node)
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                return self.arithmetic(node, left, _ARITHMETIC[type(op)], right)
            case ast.Call() if called(node) == "lower":
                return Lower(self.text(self.arguments(node, 1)[0]))
            case ast.Call() if called(node) in ("signups", "distinct"):
                return self.velocity(node)
            case ast.Call():
                name = self.source(node.func)
                near = did_you_mean(name, _FUNCTIONS)
                self.wrong(node, f"unknown function `{name}`", near or "there are " + ", ".join(_FUNCTIONS))
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(ast.Not(), _):
                self.wrong(node, "a yes or no cannot be an operand here", "join conditions with `and`, `or`, `not`")
            case ast.List() | ast.Tuple():
                self.wrong(node, "a list stands only behind `in`")
            case ast.BinOp(_, (ast.BitAnd() | ast.BitOr()), _):
                self.wrong(node, "`&` and `|` have no meaning here", "write `and` or `or`")
        kind = _KINDS.get(type(node), f"`{self.source(node)}`")
        self.wrong(node, f"{kind} has no meaning in a condition")

    def literal(self, node: ast.expr, value: object) -> Literal:
        try:
            return literal(value)
        except WrongLiteral as error:
            self.wrong(node, error.message, error.help)

    def named(self, node: ast.expr) -> Operand:
        name = self.dotted(node)
        if name in ("true", "false"):
            return Literal(name == "true", Type.BOOL)
        full = self.scope.aliases.get(name, name)
        if full in self.scope.signals:
            return SignalRef(full, self.scope.signals[full].type)
        if name in ("null", "none", "unknown"):
            self.wrong(
                node,
                f"`{name}` is not a value",
                "there is no test for unknown; say `if_unknown:` on the rule",
            )
        near = did_you_mean(name, [*self.scope.signals, *self.scope.aliases])
        self.wrong(node, f"{UNKNOWN_SIGNAL}`{name}`", near or "`kycrisk signals` lists them all")

    def dotted(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=inner, attr=name):
                return f"{self.dotted(inner)}.{name}"
        self.wrong(node, f"`{self.source(node)}` has no parts", "a signal's name is `word.word`")

    def arithmetic(self, node: ast.expr, left: ast.expr, op: str, right: ast.expr) -> Operand:
        first, second = self.each(self.operand, [left, right])
        try:
            first, second = coerce(first, _time_of(type_of(second))), coerce(second, _time_of(type_of(first)))
        except WrongLiteral as error:
            self.wrong(left if isinstance(first, Literal) else right, error.message, error.help)
        a, b = type_of(first), type_of(second)
        if {a, b} <= NUMBERS:
            return Arithmetic(op, first, second, Type.FLOAT)
        result = _TIMES.get((op, a, b))
        if result is None:
            self.wrong(node, f"`{op}` cannot join {a.value} and {b.value}",
                       "numbers take + - * /; times and durations take + and -")  # fmt: skip
        return Arithmetic(op, first, second, result or Type.FLOAT)

    def velocity(self, call: ast.Call) -> SignalRef:
        *keys, window = self.arguments(call, 2 if called(call) == "signups" else 3)
        signals = self.each(self.key, keys)
        text = text_of(window)
        if text is None:
            self.wrong(window, "a window is a duration in quotes", f"{_USAGE[called(call)]}")
        try:
            length, shown = read_window(text or "")
        except WrongLiteral as error:
            self.wrong(window, error.message, error.help)
        names = [signal.name for signal in signals]
        if called(call) == "signups":
            return SignalRef(f'signups({names[0]}, "{shown}")', Type.INT, Velocity(names[0], length))
        name = f'distinct({names[0]}, {names[1]}, "{shown}")'
        return SignalRef(name, Type.INT, Velocity(names[1], length, counted=names[0]))

    def key(self, node: ast.expr) -> SignalRef:
        found = self.operand(node)
        if isinstance(found, SignalRef) and not found.derived and not found.type.is_set:
            return found
        self.wrong(node, f"`{self.source(node)}` cannot be counted by", "name a signal with one value")

    def arguments(self, call: ast.Call, count: int) -> list[ast.expr]:
        if call.keywords:
            self.wrong(call, f"`{called(call)}` takes no named arguments")
        if len(call.args) != count:
            plural = "argument" if count == 1 else "arguments"
            self.wrong(call, f"`{called(call)}` takes {count} {plural}, got {len(call.args)}", _USAGE[called(call)])
        return call.args

    def text(self, node: ast.expr) -> Operand:
        found = self.operand(node)
        if type_of(found) is Type.STR:
            return found
        help_ = f'ask for a member: `"x" in {self.source(node)}`' if type_of(found).is_set else ""
        self.wrong(node, f"`{self.source(node)}` is {type_of(found).value}, expected str", help_)

    def source(self, node: ast.expr) -> str:
        """The text of a node, as the analyst wrote it."""
        raw = self.parsed.text.encode()[node.col_offset : node.end_col_offset].decode()
        marks = {at - len(self.parsed.text.encode()[: node.col_offset].decode()) for at in self.parsed.inserted}
        return "".join(letter for at, letter in enumerate(raw) if at not in marks)[:80]


_USAGE = {
    "matches": 'write `matches(email.local, "^[0-9]+$")`',
    "starts_with": 'write `starts_with(email.local, "test")`',
    "ends_with": 'write `ends_with(email.local, "99")`',
    "contains": 'write `contains(email.local, "admin")`',
    "lower": "write `lower(name.full)`",
    "list": 'write `email.domain in list("partners")`',
    "signups": 'write `signups(ip, "24h")`',
    "distinct": 'write `distinct(email.domain, ip, "7d")`',
}


def called(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _time_of(type_: Type) -> Type:
    """What a text constant beside this type may be: a duration beside times and durations."""
    return Type.DURATION if type_ in (Type.DURATION, Type.DATETIME) else Type.STR

"""How a condition, a reason and the facts of a test read in YAML."""

from __future__ import annotations

from dataclasses import dataclass

from kycrisk.problems import did_you_mean
from kycrisk.ruleset.condition import TRUE, All, AnyOf, Condition, Not, signal_refs
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode
from kycrisk.ruleset.parse import ConditionErrors, parse_condition
from kycrisk.ruleset.reading import Reading, Wrong, described
from kycrisk.ruleset.scalars import Trap, meaning, plain_meaning
from kycrisk.ruleset.shapes import Schema, Text, scalar
from kycrisk.ruleset.syntax import MAX_LENGTH
from kycrisk.ruleset.template import MAX_LENGTH as MAX_REASON
from kycrisk.ruleset.template import Template, TemplateError, read_template
from kycrisk.signals import FactError, Type, Value, fact_value

BRANCHES = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class When:
    """A condition: an expression, or a tree of `all:`, `any:` and `none:` whose leaves are expressions."""

    def read(self, node: Node, reading: Reading) -> Condition:
        condition = _condition(node, reading)
        if signal_refs(condition) or (condition == TRUE and isinstance(node, ScalarNode)):
            return condition
        reading.wrong(node, "the condition reads no signal, so it is the same for every signup",
                      "write `true` for a rule that always hits, `status: retired` for one that cannot")  # fmt: skip

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/condition"}


CONDITION_SCHEMA: Schema = {
    "description": "An expression, or a tree of all/any/none whose leaves are expressions.",
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
        {"const": True},
        {
            "type": "object",
            "properties": {
                branch: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/condition"}} for branch in BRANCHES
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    ],
}


def _condition(node: Node, reading: Reading) -> Condition:
    if isinstance(node, ScalarNode):
        return _expression(node, reading)
    if isinstance(node, MappingNode):
        return _tree(node, reading)
    reading.wrong(node, "expected a condition, got a list", "write `all:` or `any:` above the list")


def _expression(node: ScalarNode, reading: Reading) -> Condition:
    value = meaning(node)
    if isinstance(value, Trap):
        reading.wrong(
            node, value.message, "write a condition such as `ip.tor_exit`, or `true` for a rule that always hits"
        )
    try:
        return parse_condition(node.text, reading.scope)
    except ConditionErrors as wrong:
        for error in wrong.errors:
            reading.note_at(node, error.offset, error.message, error.help)
        raise Wrong from None


def _tree(node: MappingNode, reading: Reading) -> Condition:
    for key, _ in node.entries:
        if key.text not in BRANCHES:
            near = did_you_mean(key.text, BRANCHES)
            reading.wrong(key, f"a condition has no key `{key.text[:80]}`",
                          near or "a branch is `all:`, `any:` or `none:`")  # fmt: skip
    if len(node.entries) != 1:
        place = node.entries[1][0] if node.entries else node
        reading.wrong(place, "a branch of a condition is exactly one of `all:`, `any:` and `none:`",
                      "put the others into its list")  # fmt: skip
    key, below = node.entries[0]
    if not isinstance(below, SequenceNode):
        reading.wrong(below, f"`{key.text}:` needs a list of conditions, got {described(below)}",
                      "write each on a line of its own behind `- `")  # fmt: skip
    if not below.items:
        reading.wrong(below, f"`{key.text}:` has no conditions", "write each on a line of its own behind `- `")
    items = reading.each(lambda item: _condition(item, reading), below.items)
    return _joined(key.text, tuple(items))


def _joined(branch: str, items: tuple[Condition, ...]) -> Condition:
    """A branch with one item is that item, so that the canonical text does not tell them apart."""
    if branch == "all":
        return items[0] if len(items) == 1 else All(items)
    one = items[0] if len(items) == 1 else AnyOf(items)
    return one if branch == "any" else Not(one)


@dataclass(frozen=True, slots=True)
class Reason:
    """A text with holes: `{ip.address} was a Tor exit on {ip.tor_exit.as_of}`."""

    text: Text

    def read(self, node: Node, reading: Reading) -> Template:
        text = self.text.read(node, reading)
        assert isinstance(node, ScalarNode)  # as `Text` has found
        trimmed = len(node.text) - len(node.text.lstrip())
        wrong: list[str] = []

        def name_of(expression: str, offset: int) -> str:
            try:
                return reading.signal(expression, node, trimmed + text.index(expression, offset)).name
            except Wrong:  # the next hole may be wrong too
                wrong.append(expression)
                return expression

        try:
            template = read_template(text, name_of)
        except TemplateError as error:
            reading.note_at(node, trimmed + error.offset, error.message, error.help)
            raise Wrong from None
        if wrong:
            raise Wrong
        return template

    def schema(self) -> Schema:
        return self.text.schema()


REASON = Reason(Text(most=MAX_REASON))


@dataclass(frozen=True, slots=True)
class Given:
    """What a test knows: signals and their values. Everything else is unknown to it."""

    def read(self, node: Node, reading: Reading) -> dict[str, Value]:
        if not isinstance(node, MappingNode):
            reading.wrong(node, f"expected signals and their values, got {described(node)}",
                          "write `{ip.tor_exit: true}`, or `{}` for nothing")  # fmt: skip
        given: dict[str, Value] = {}

        def read_entry(entry: tuple[ScalarNode, Node]) -> None:
            signal = reading.signal(entry[0].text, entry[0])
            if signal.name in given:
                reading.wrong(entry[0], f"`{signal.name}` is given twice", "keep one of them")
            given[signal.name] = _fact(signal.type, entry[1], reading)

        reading.each(read_entry, node.entries)
        return given

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/given"}


def _fact(type_: Type, node: Node, reading: Reading) -> Value:
    """A node as a value of a signal's type."""
    if type_.is_set:
        if not isinstance(node, SequenceNode):
            reading.wrong(node, f"expected a list of {type_.item.value}, got {described(node)}")
        return fact_value(type_, reading.each(lambda item: _fact(type_.item, item, reading), node.items))
    value = scalar(node, reading, type_.value)
    try:
        return fact_value(type_, value)
    except FactError as error:
        if type_ is Type.STR and isinstance(node, ScalarNode):
            reading.wrong(node, str(error), f'write "{node.text[:40]}" in quotes')
        reading.wrong(node, str(error), "leave out the quotes" if isinstance(value, str) and _is_other(value) else "")


def _is_other(value: str) -> bool:
    """Whether a text would be a value of another kind without its quotes."""
    return not isinstance(plain_meaning(value), (str, Trap))

"""How a rule reads in YAML: its keys, and what each may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kycrisk.outcome import AtLeast, AtMost, Contribution, Finding, IfUnknown, Outcome, Score
from kycrisk.problems import did_you_mean
from kycrisk.ruleset.condition import All, AnyOf, Condition, Literal, Not, signal_refs
from kycrisk.ruleset.model import Rule, RuleTest, Status
from kycrisk.ruleset.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode
from kycrisk.ruleset.parse import ConditionErrors, parse_condition
from kycrisk.ruleset.reading import Reading
from kycrisk.ruleset.scalars import Trap, meaning
from kycrisk.ruleset.shapes import Choice, Field, Flag, Items, Record, Schema, Text, Whole, described, scalar
from kycrisk.ruleset.syntax import MAX_LENGTH
from kycrisk.ruleset.template import MAX_LENGTH as MAX_REASON
from kycrisk.ruleset.template import Template, TemplateError, read_template
from kycrisk.ruleset.words import condition_text
from kycrisk.signals import FactError, Type, Value, fact_value

MAX_POINTS = 100_000
_BRANCHES = ("all", "any", "none")
_NEVER = "a rule that can never hit is written `status: retired`"


@dataclass(frozen=True, slots=True)
class When:
    """A condition: an expression, or a tree of `all:`, `any:` and `none:` whose leaves are expressions."""

    def read(self, node: Node, reading: Reading) -> Condition | None:
        condition = self._read(node, reading)
        if condition is None or signal_refs(condition):
            return condition
        if isinstance(condition, Literal) and condition.value is True and isinstance(node, ScalarNode):
            return condition  # a plain `true` is meant
        return reading.wrong(node, "the condition reads no signal, so it is the same for every signup",
                             f"write `true` for a rule that always hits; {_NEVER}")  # fmt: skip

    def _read(self, node: Node, reading: Reading) -> Condition | None:
        match node:
            case ScalarNode():
                return self._expression(node, reading)
            case MappingNode():
                return self._tree(node, reading)
            case SequenceNode():
                return reading.wrong(node, "expected a condition, got a list",
                                     "write `all:` or `any:` above the list")  # fmt: skip
            case BrokenNode():
                return None

    def _expression(self, node: ScalarNode, reading: Reading) -> Condition | None:
        value = meaning(node)
        if isinstance(value, Trap):
            return reading.wrong(node, value.message, value.help)
        try:
            return parse_condition(node.text, reading.scope)
        except ConditionErrors as wrong:
            for error in wrong.errors:
                reading.wrong_at(node, error.offset, error.message, error.help)
            return None

    def _tree(self, node: MappingNode, reading: Reading) -> Condition | None:
        for key, _ in node.entries:
            if key.text not in _BRANCHES:
                help_ = did_you_mean(key.text, _BRANCHES) or "a branch is `all:`, `any:` or `none:`"
                return reading.wrong(key, f"a condition has no key `{key.text[:80]}`", help_)
        if len(node.entries) != 1:
            place = node.entries[1][0] if node.entries else node
            return reading.wrong(place, "a branch of a condition is exactly one of `all:`, `any:` and `none:`",
                                 "put the others into its list")  # fmt: skip
        (key, below), *_ = node.entries
        if not isinstance(below, SequenceNode) or not below.items:
            if not isinstance(below, BrokenNode):
                reading.wrong(below, f"`{key.text}:` needs a list of conditions, got {described(below)}",
                              "write each on a line of its own behind `- `")  # fmt: skip
            return None
        read = [self._read(item, reading) for item in below.items]
        items = tuple(item for item in read if item is not None)
        return _joined(key.text, items) if len(items) == len(read) else None

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/condition"}


def _joined(branch: str, items: tuple[Condition, ...]) -> Condition:
    """A branch with one item is that item, so that the canonical text does not tell them apart."""
    if branch == "all":
        return items[0] if len(items) == 1 else All(items)
    one = items[0] if len(items) == 1 else AnyOf(items)
    return one if branch == "any" else Not(one)


CONDITION_SCHEMA: Schema = {
    "description": "An expression, or a tree of all/any/none whose leaves are expressions.",
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
        {"const": True},
        {
            "type": "object",
            "properties": {
                branch: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/condition"}} for branch in _BRANCHES
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A text with holes: `{ip.address} was a Tor exit on {ip.tor_exit.as_of}`."""

    text: Text = Text(most=MAX_REASON)

    def read(self, node: Node, reading: Reading) -> Template | None:
        text = self.text.read(node, reading)
        if text is None or not isinstance(node, ScalarNode):
            return None
        trimmed = len(node.text) - len(node.text.lstrip())
        wrong: list[str] = []

        def name_of(expression: str, offset: int) -> str:
            at = trimmed + offset + text[offset:].index(expression)
            signal = reading.signal(expression, node, at)
            if signal is None:
                wrong.append(expression)
                return expression
            return signal.name

        try:
            template = read_template(text, name_of)
        except TemplateError as error:
            reading.wrong_at(node, trimmed + error.offset, error.message, error.help)
            return None
        return None if wrong else template

    def schema(self) -> Schema:
        return self.text.schema()


@dataclass(frozen=True, slots=True)
class Given:
    """What a test knows: signals and their values. Everything else is unknown to it."""

    def read(self, node: Node, reading: Reading) -> dict[str, Value] | None:
        if not isinstance(node, MappingNode):
            if not isinstance(node, BrokenNode):
                reading.wrong(node, f"expected signals and their values, got {described(node)}",
                              "write `{ip.tor_exit: true}`, or `{}` for nothing")  # fmt: skip
            return None
        given: dict[str, Value] = {}
        for key, below in node.entries:
            signal = reading.signal(key.text, key)
            if signal is None:
                continue
            if signal.name in given:
                reading.wrong(key, f"`{signal.name}` is given twice", "keep one of them")
            value = _fact(signal.type, below, reading)
            if value is not None:
                given[signal.name] = value
        return given if len(given) == len(node.entries) else None

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/given"}


def _fact(type_: Type, node: Node, reading: Reading) -> Value | None:
    """A node as a value of a signal's type."""
    if type_.is_set:
        if not isinstance(node, SequenceNode):
            return reading.wrong(node, f"expected a list of {type_.item.value}, got {described(node)}")
        members = [_fact(type_.item, item, reading) for item in node.items]
        return None if None in members else fact_value(type_, members)
    value = scalar(node, reading, type_.value)
    if value is None:
        return None
    try:
        return fact_value(type_, value)
    except FactError as error:
        help_ = ""
        if type_ is Type.STR and isinstance(node, ScalarNode):
            help_ = f'write "{node.text[:40]}" in quotes'
        elif isinstance(value, str) and type_ in (Type.BOOL, Type.INT, Type.FLOAT):
            help_ = "leave out the quotes" if isinstance(node, ScalarNode) and node.style else ""
        return reading.wrong(node, str(error), help_)


def _test(values: dict[str, Any], node: MappingNode, reading: Reading) -> RuleTest:
    return RuleTest(
        name=values["name"],
        given=values["given"],
        expect=values["expect"],
        place=reading.source.place(node.start),
    )


TEST = Record(
    what="a test",
    fields=(
        Field("name", Text(most=200), "What the test is about, in a few words; unique within the rule.", True),
        Field("given", Given(), "The facts that are known; everything else is unknown.", True),
        Field("expect", Choice.of(Finding, Finding.EXEMPT), "What the rule must find.", True),
    ),
    build=_test,
)


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests of a rule; no two have the same name."""

    items: Items = Items(item=TEST, most=200)

    def read(self, node: Node, reading: Reading) -> tuple[RuleTest, ...] | None:
        tests = self.items.read(node, reading)
        if tests is None or not isinstance(node, SequenceNode):
            return None
        first: dict[str, RuleTest] = {}
        for test, below in zip(tests, node.items, strict=True):
            if first.setdefault(test.name, test) is not test:
                reading.wrong(below, f"the rule has two tests named `{test.name}`",
                              f"the other one is on line {first[test.name].place.line}; rename one")  # fmt: skip
        return tests

    def schema(self) -> Schema:
        return self.items.schema()


def _contribution(values: dict[str, Any], node: MappingNode, reading: Reading) -> Contribution | None:
    below = {key.text: value for key, value in node.entries}
    if "score" in values:
        return Score(values["score"])
    if "at_most" in values:
        if values["at_most"] is Outcome.DENY:
            return reading.wrong(below["at_most"], "`at_most: deny` lowers nothing", "cap at a lower outcome")
        return AtMost(values["at_most"])
    if values["at_least"] is Outcome.ALLOW:
        return reading.wrong(below["at_least"], "`at_least: allow` raises nothing",
                             "to lower an outcome, write `at_most: allow`")  # fmt: skip
    return AtLeast(values["at_least"], values.get("binding", False))


def _rule(values: dict[str, Any], node: MappingNode, reading: Reading) -> Rule | None:
    contribution = _contribution(values, node, reading)
    if contribution is None:
        return None
    return Rule(
        id=values["id"],
        title=values["title"],
        status=values.get("status", Status.LIVE),
        condition=values["when"],
        when=condition_text(values["when"]),
        contribution=contribution,
        reason=values["reason"],
        if_unknown=values.get("if_unknown", reading.if_unknown),
        description=values.get("description", ""),
        tags=values.get("tags", ()),
        references=values.get("references", ()),
        false_positives=values.get("false_positives", ()),
        tests=values.get("tests", ()),
        place=reading.source.place(node.start),
    )


_OUTCOMES = Choice({outcome.word: outcome for outcome in Outcome})
_ID = Text(most=64, pattern=r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", like="`tor-exit`: small letters, digits and hyphens")
_LINES = Items(item=Text(most=1000), distinct=True)

RULE = Record(
    what="a rule",
    fields=(
        Field("id", _ID, "The rule's name for ever: decisions, exemptions and reports refer to it.", True),
        Field("title", Text(most=200), "What a hit means, in a few words.", True),
        Field("description", Text(most=4000, lines=True), "Why the rule is as it is, for the next analyst."),
        Field("status", Choice.of(Status), "`live` counts (the default), `shadow` is only reported, `draft` and "
              "`retired` are not evaluated."),
        Field("when", When(), "The condition: an expression, or a tree of `all:`, `any:` and `none:`.", True),
        Field("score", Whole(least=-MAX_POINTS, most=MAX_POINTS, zero="a score of 0 changes nothing"),
              "Points that a hit adds; negative points are trust."),
        Field("at_least", _OUTCOMES, "A floor under the outcome."),
        Field("at_most", _OUTCOMES, "A cap over the outcome, for allow-lists and trusted customers."),
        Field("binding", Flag(), "Whether caps leave the floor alone."),
        Field("reason", Reason(), "What the decision says of a hit; `{signal}` is filled in, `{signal.as_of}` is the "
              "date of the fact.", True),
        Field("if_unknown", Choice.of(IfUnknown), "What the rule counts as when it cannot be judged and the outcome "
              "depends on it; the policy has the default."),
        Field("false_positives", _LINES, "Honest people whom the rule hits."),
        Field("references", _LINES, "Where the knowledge comes from."),
        Field("tags", Items(item=Text(most=64, pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*", like="`own-list`: small letters, "
              "digits and hyphens"), distinct=True), "Words to find the rule by."),
        Field("tests", Tests(), "What the rule must find, given what."),
    ),
    one_of=("score", "at_least", "at_most"),
    needs={"binding": "at_least"},
    build=_rule,
)  # fmt: skip

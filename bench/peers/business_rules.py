"""business-rules (Venmo): variables and actions are methods, conditions are JSON trees of `all` and `any`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from business_rules import run_all
from business_rules.actions import BaseActions, rule_action
from business_rules.fields import FIELD_TEXT
from business_rules.variables import (
    BaseVariables,
    boolean_rule_variable,
    numeric_rule_variable,
    string_rule_variable,
)

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import Untranslatable, constant, flat, negations_inward, signal_name
from bench.workload import SIGNALS
from kycrisk.ruleset.condition import All, AnyOf, Compare, Condition, Not, OneOf, SignalRef, TextTest
from kycrisk.ruleset.model import Rule
from kycrisk.signals import Type

_COMPARISONS = {
    "==": "equal_to",
    ">": "greater_than",
    ">=": "greater_than_or_equal_to",
    "<": "less_than",
    "<=": "less_than_or_equal_to",
}
_DECORATORS = {
    Type.BOOL: boolean_rule_variable,
    Type.INT: numeric_rule_variable,
    Type.FLOAT: numeric_rule_variable,
    Type.STR: string_rule_variable,
}


class Variables(BaseVariables):  # type: ignore[misc]
    """One signup's facts; a method a signal is added below, as its users write them by hand."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts


def _variable(name: str, type_: Type) -> Any:
    def method(self: Variables) -> Any:
        return self.facts[name]

    method.__name__ = name
    return _DECORATORS[type_]()(method)


for _signal in SIGNALS.values():
    setattr(Variables, flat(_signal.name), _variable(flat(_signal.name), _signal.type))


class Actions(BaseActions):  # type: ignore[misc]
    """Notes the rules that fired."""

    def __init__(self) -> None:
        self.fired: list[str] = []

    @rule_action(params={"rule": FIELD_TEXT})  # type: ignore[untyped-decorator]
    def note(self, rule: str) -> None:
        self.fired.append(rule)


def conditions(node: Condition) -> dict[str, Any]:
    """The condition, without inner negations, as business-rules writes it; it has no `not` and no `!=`."""
    match node:
        case All(items):
            return {"all": [conditions(item) for item in items]}
        case AnyOf(items):
            return {"any": [conditions(item) for item in items]}
        case SignalRef():
            return _test(signal_name(node), "is_true", True)
        case Not(SignalRef() as signal):
            return _test(signal_name(signal), "is_false", True)
        case Compare("!=", left, right):
            number = constant(right)
            return {"any": [_test(signal_name(left), op, number) for op in ("less_than", "greater_than")]}
        case Compare(op, left, right):
            return _test(signal_name(left), _COMPARISONS[op], constant(right))
        case OneOf(item, values):
            return {"any": [_test(signal_name(item), "equal_to", value) for value in sorted(values, key=str)]}
        case Not(OneOf(item, values)):
            return _test(signal_name(item), "matches_regex", f"^(?!(?:{'|'.join(sorted(map(str, values)))})$)")
        case TextTest(op, text, part):
            return _test(signal_name(text), op, constant(part))
    raise Untranslatable(node)


def _test(name: str, operator: str, value: Any) -> dict[str, Any]:
    return {"name": name, "operator": operator, "value": value}


def load(rules: Sequence[Rule]) -> Loaded:
    """A list of rules for `run_all`, each with an action that notes its id."""
    listed = [
        {
            "conditions": conditions(negations_inward(rule.condition)),
            "actions": [{"name": "note", "params": {"rule": rule.id}}],
        }
        for rule in rules
    ]

    def run(facts: dict[str, Any]) -> list[str]:
        actions = Actions()
        run_all(listed, Variables(facts), actions)
        return actions.fired

    return Loaded(prepare=flattened, run=run, fired=as_list)


PEERS = (Peer(name="business-rules", distribution="business-rules", way="`run_all`, an action a rule", load=load),)

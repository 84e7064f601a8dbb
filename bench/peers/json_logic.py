"""JsonLogic: rules as JSON trees, interpreted (panzi-json-logic, the faster of its two ports that
run on Python 3; json-logic itself is of Python 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from json_logic import jsonLogic

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import Untranslatable, constant, signal_name
from kycrisk.ruleset.condition import All, AnyOf, Compare, Condition, Not, OneOf, SignalRef, TextTest
from kycrisk.ruleset.model import Rule


def logic(node: Condition) -> dict[str, Any]:
    """The condition in JsonLogic."""
    match node:
        case SignalRef():
            return {"var": signal_name(node)}
        case Not(item):
            return {"!": logic(item)}
        case All(items):
            return {"and": [logic(item) for item in items]}
        case AnyOf(items):
            return {"or": [logic(item) for item in items]}
        case Compare(op, left, right):
            return {op: [{"var": signal_name(left)}, constant(right)]}
        case OneOf(item, values):
            return {"in": [{"var": signal_name(item)}, sorted(values, key=str)]}
        case TextTest("contains", text, part):
            return {"in": [constant(part), {"var": signal_name(text)}]}
        case TextTest(op, text, part):
            wanted = str(constant(part))
            cut = [0, len(wanted)] if op == "starts_with" else [-len(wanted)]
            return {"==": [{"substr": [{"var": signal_name(text)}, *cut]}, wanted]}
    raise Untranslatable(node)


def load(rules: Sequence[Rule]) -> Loaded:
    """A JSON tree a rule; JsonLogic has no step of compilation."""
    trees = [(rule.id, logic(rule.condition)) for rule in rules]

    def run(facts: dict[str, Any]) -> list[str]:
        return [rule for rule, tree in trees if jsonLogic(tree, facts)]

    return Loaded(prepare=flattened, run=run, fired=as_list)


PEERS = (Peer(name="json-logic", distribution="panzi-json-logic", way="a JSON tree a rule, interpreted", load=load),)

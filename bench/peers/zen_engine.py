"""GoRules zen-engine (Rust). Its users write decision tables or expression nodes in a JSON decision graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import zen

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import Dialect, expression, flat, quoted
from kycrisk.ruleset.model import Rule

DIALECT = Dialect(
    both=" and ",
    either=" or ",
    negation="not ({item})",
    one_of="{item} in [{values}]",
    text_tests={
        "starts_with": "startsWith({text}, {part})",
        "ends_with": "endsWith({text}, {part})",
        "contains": "contains({text}, {part})",
    },
    name=flat,
    constant=quoted,
)


def _graph(node: dict[str, Any]) -> str:
    """A decision graph: input, the one node, output."""
    return json.dumps(
        {
            "contentType": "application/vnd.gorules.decision",
            "nodes": [
                {"id": "in", "type": "inputNode", "name": "in", "content": {}},
                {"id": "rules", "name": "rules", **node},
                {"id": "out", "type": "outputNode", "name": "out", "content": {}},
            ],
            "edges": [
                {"id": "first", "type": "edge", "sourceId": "in", "targetId": "rules"},
                {"id": "second", "type": "edge", "sourceId": "rules", "targetId": "out"},
            ],
        }
    )


def _decision(node: dict[str, Any]) -> Any:
    return zen.ZenEngine().create_decision(zen.ZenDecisionContent(_graph(node)))


def load_table(rules: Sequence[Rule]) -> Loaded:
    """A decision table with a row a rule that collects every row that is hit."""
    content = {
        "hitPolicy": "collect",
        "inputs": [{"id": "when", "name": "when"}],
        "outputs": [{"id": "rule", "name": "rule", "field": "rule"}],
        "rules": [
            {"_id": rule.id, "when": expression(rule.condition, DIALECT), "rule": quoted(rule.id)} for rule in rules
        ],
    }
    evaluate = _decision({"type": "decisionTableNode", "content": content}).evaluate

    def run(facts: dict[str, Any]) -> list[str]:
        return [row["rule"] for row in evaluate(facts)["result"]]

    return Loaded(prepare=flattened, run=run, fired=as_list)


def load_expressions(rules: Sequence[Rule]) -> Loaded:
    """An expression node with a key a rule, each true or false."""
    expressions = [{"id": rule.id, "key": rule.id, "value": expression(rule.condition, DIALECT)} for rule in rules]
    evaluate = _decision({"type": "expressionNode", "content": {"expressions": expressions}}).evaluate

    def run(facts: dict[str, Any]) -> list[str]:
        return [rule for rule, fired in evaluate(facts)["result"].items() if fired]

    return Loaded(prepare=flattened, run=run, fired=as_list)


def load_one_expression(rules: Sequence[Rule]) -> Loaded:
    """All conditions as the items of one list, compiled as a single expression outside any decision graph."""
    ids = [rule.id for rule in rules]
    listed = ", ".join(expression(rule.condition, DIALECT) for rule in rules)
    evaluate = zen.compile_expression(f"[{listed}]").evaluate

    def run(facts: dict[str, Any]) -> list[str]:
        return [rule for rule, fired in zip(ids, evaluate(facts), strict=True) if fired]

    return Loaded(prepare=flattened, run=run, fired=as_list)


PEERS = (
    Peer(
        name="zen-engine, decision table",
        distribution="zen-engine",
        way="decision graph, one table, hit policy collect, a row a rule",
        load=load_table,
    ),
    Peer(
        name="zen-engine, expression node",
        distribution="zen-engine",
        way="decision graph, one expression node, a key a rule",
        load=load_expressions,
    ),
    Peer(
        name="zen-engine, one list",
        distribution="zen-engine",
        way="no decision graph: all conditions glued into one list literal, one compiled expression",
        load=load_one_expression,
        usual=False,
    ),
)

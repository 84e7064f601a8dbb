"""rule-engine: Python expressions of its own grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rule_engine

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import Dialect, expression, flat, quoted
from kycrisk.ruleset.model import Rule

DIALECT = Dialect(
    both=" and ",
    either=" or ",
    negation="not ({item})",
    one_of="{item} in [{values}]",
    text_tests={
        "starts_with": "{text}.starts_with({part})",
        "ends_with": "{text}.ends_with({part})",
        "contains": "{part} in {text}",
    },
    name=flat,
    constant=quoted,
)


def load(rules: Sequence[Rule]) -> Loaded:
    """A `Rule` each, asked one after the other."""
    tests = [(rule.id, rule_engine.Rule(expression(rule.condition, DIALECT)).matches) for rule in rules]

    def run(facts: dict[str, Any]) -> list[str]:
        return [rule for rule, matches in tests if matches(facts)]

    return Loaded(prepare=flattened, run=run, fired=as_list)


PEERS = (Peer(name="rule-engine", distribution="rule-engine", way="a compiled `Rule` a rule, `matches`", load=load),)

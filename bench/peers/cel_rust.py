"""Common Expression Language through its Rust implementation (common-expression-language)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cel

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import CEL, expression
from kycrisk.ruleset.model import Rule


def load_with_dict(rules: Sequence[Rule]) -> Loaded:
    """A program a rule, each executed with the facts as a dictionary."""
    programs = _programs(rules)

    def run(facts: dict[str, Any]) -> list[str]:
        return [rule for rule, execute in programs if execute(facts)]

    return Loaded(prepare=flattened, run=run, fired=as_list)


def load_with_context(rules: Sequence[Rule]) -> Loaded:
    """A program a rule, all executed with one Context made of the facts."""
    programs = _programs(rules)

    def run(facts: dict[str, Any]) -> list[str]:
        context = cel.Context(facts)
        return [rule for rule, execute in programs if execute(context)]

    return Loaded(prepare=flattened, run=run, fired=as_list)


def load_one_list(rules: Sequence[Rule]) -> Loaded:
    """All conditions as the items of one list, compiled as a single program."""
    ids = [rule.id for rule in rules]
    execute = cel.compile("[" + ", ".join(expression(rule.condition, CEL) for rule in rules) + "]").execute

    def run(facts: dict[str, Any]) -> list[str]:
        return [rule for rule, fired in zip(ids, execute(facts), strict=True) if fired]

    return Loaded(prepare=flattened, run=run, fired=as_list)


def _programs(rules: Sequence[Rule]) -> list[tuple[str, Any]]:
    return [(rule.id, cel.compile(expression(rule.condition, CEL)).execute) for rule in rules]


PEERS = (
    Peer(
        name="CEL (Rust), a dictionary",
        distribution="common-expression-language",
        way="a compiled program a rule, executed with a dictionary, as its front page shows",
        load=load_with_dict,
    ),
    Peer(
        name="CEL (Rust), shared context",
        distribution="common-expression-language",
        way="a compiled program a rule, one Context a fact set",
        load=load_with_context,
    ),
    Peer(
        name="CEL (Rust), one list",
        distribution="common-expression-language",
        way="all conditions glued into one list literal, one compiled program",
        load=load_one_list,
        usual=False,
    ),
)

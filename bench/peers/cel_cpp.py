"""Common Expression Language through Google's own C++ implementation (cel-expr-python)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cel_expr_python import cel

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import CEL, expression, flat
from bench.workload import SIGNALS
from kycrisk.ruleset.model import Rule
from kycrisk.signals import Type

_TYPES = {Type.BOOL: cel.Type.BOOL, Type.INT: cel.Type.INT, Type.FLOAT: cel.Type.DOUBLE, Type.STR: cel.Type.STRING}


def load(rules: Sequence[Rule]) -> Loaded:
    """A type-checked expression a rule, all evaluated with one Activation made of the facts."""
    environment = cel.NewEnv(variables={flat(signal.name): _TYPES[signal.type] for signal in SIGNALS.values()})
    tests = [(rule.id, environment.compile(expression(rule.condition, CEL)).eval) for rule in rules]

    def run(facts: dict[str, Any]) -> list[str]:
        activation = environment.Activation(facts)
        return [rule for rule, test in tests if test(activation).value()]

    return Loaded(prepare=flattened, run=run, fired=as_list)


PEERS = (
    Peer(
        name="CEL (C++), shared activation",
        distribution="cel-expr-python",
        way="a compiled, type-checked expression a rule, one Activation a fact set",
        load=load,
    ),
)

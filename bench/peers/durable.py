"""durable-rules 2.0.28 (C): facts are asserted into a working memory, rules run actions.

It needs a C compiler to install and imports on Python 3.11 and 3.12 only. What it takes to survive it:
every ruleset has a rule that always fires, because `delete_state` after a fact that matched no rule crashes; that
rule must not ask for `sid`, which the engine's own state fact has too (it would fire for ever); and the engine's
timer threads are left out, because they touch the same memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from durable import engine

from bench.peers.peer import Loaded, Peer, as_list, flattened
from bench.translate import Untranslatable, constant, negations_inward, signal_name
from bench.workload import Facts
from kycrisk.ruleset.condition import All, AnyOf, Compare, Condition, Not, OneOf, SignalRef, TextTest
from kycrisk.ruleset.model import Rule

# More than 64 rules that fire for one fact are error 303, and more than 511 sibling conditions never finish loading.
RULES_A_SET = 40

_COMPARISONS = {"!=": "$neq", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_PATTERNS = {"starts_with": "{}.*", "ends_with": ".*{}", "contains": ".*{}.*"}


class QuietHost(engine.Host):  # type: ignore[misc]
    """A host without timer threads: this benchmark has no timers and no queued messages."""

    def _run(self) -> None:
        return


def conditions(node: Condition) -> dict[str, Any]:
    """The condition, without inner negations, as durable-rules writes it."""
    match node:
        case All(items):
            return {"$and": [conditions(item) for item in items]}
        case AnyOf(items):
            return {"$or": [conditions(item) for item in items]}
        case SignalRef():
            return {signal_name(node): True}
        case Not(SignalRef() as signal):
            return {signal_name(signal): False}
        case Compare("==", left, right):
            return {signal_name(left): constant(right)}
        case Compare(op, left, right):
            return {_COMPARISONS[op]: {signal_name(left): constant(right)}}
        case OneOf(item, values):
            return {"$or": [{signal_name(item): value} for value in sorted(values, key=str)]}
        case Not(OneOf(item, values)):
            return {"$and": [{"$neq": {signal_name(item): value}} for value in sorted(values, key=str)]}
        case TextTest(op, text, part):
            return {"$mt": {signal_name(text): _PATTERNS[op].format(constant(part))}}
    raise Untranslatable(node)


def _asserted(facts: Facts) -> dict[str, Any]:
    return {**flattened(facts), "signup": 1}


def load(rules: Sequence[Rule]) -> Loaded:
    """Rulesets of 40 rules each; a signup is asserted into every one of them, under a state id of its own."""
    fired: list[str] = []

    def note(rule: str) -> Callable[[Any], None]:
        return lambda _: fired.append(rule)

    host = QuietHost()
    names = []
    for start in range(0, len(rules), RULES_A_SET):
        names.append(f"rules{start}")
        definition: dict[str, Any] = {
            rule.id: {"all": [{"m": conditions(negations_inward(rule.condition))}], "run": note(rule.id)}
            for rule in rules[start : start + RULES_A_SET]
        }
        definition["always"] = {"all": [{"m": {"signup": 1}}], "run": lambda _: None}
        host.set_rulesets({names[-1]: definition})
    numbers = count()

    def run(facts: dict[str, Any]) -> list[str]:
        fired.clear()
        number = next(numbers)
        fact = {**facts, "sid": f"s{number}", "id": f"f{number}"}
        for name in names:
            host.assert_fact(name, fact)
            host.delete_state(name, fact["sid"])
        return list(dict.fromkeys(fired))  # a rule whose `or` holds twice fires twice

    return Loaded(prepare=_asserted, run=run, fired=as_list)


PEERS = (
    Peer(
        name="durable-rules",
        distribution="durable-rules",
        way=f"`assert_fact` and `delete_state`, rulesets of at most {RULES_A_SET} rules",
        load=load,
        isolated=True,
    ),
)

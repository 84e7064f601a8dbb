"""The benchmark compares like with like: every engine that is installed fires the same rules."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from bench.bare import bare_function
from bench.handwritten import handwritten
from bench.isolation import Isolated
from bench.peers import installed, module_of
from bench.peers.peer import Peer
from bench.translate import CEL, expression, negations_inward
from bench.workload import SIGNALS, make_facts, make_rules, make_ruleset, without_a_third
from kycrisk.outcome import Finding
from kycrisk.ruleset.columns.judge import ColumnRuleset
from kycrisk.ruleset.columns.values import column
from kycrisk.ruleset.condition import All, AnyOf, Compare, Condition, Literal, Not, OneOf, SignalRef
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.reference import finding, truth, verdict
from kycrisk.signals import Type

RULES, FACTS = 80, 200
PEERS = installed()[0]


def expected() -> list[list[str]]:
    rules = make_rules(RULES)
    return [[rule.id for rule in rules if finding(rule, facts) is Finding.HIT] for facts in make_facts(FACTS)]


def fired_by(peer: Peer) -> Sequence[Sequence[str]]:
    if peer.isolated:
        engine = Isolated.start(module_of(peer), 0, RULES, FACTS)
        try:
            return engine.fired(0, FACTS)
        finally:
            engine.stop()
    loaded = peer.load(make_rules(RULES))
    return [loaded.fired(loaded.run(loaded.prepare(facts))) for facts in make_facts(FACTS)]


def test_ours_fires_what_the_reference_says() -> None:
    compiled = compile_ruleset(make_ruleset(RULES))
    assert [list(compiled.verdict(facts).hits) for facts in make_facts(FACTS)] == expected()


def test_the_bare_function_fires_what_the_reference_says() -> None:
    bare = bare_function(make_rules(RULES))
    assert [bare(facts)[1] for facts in make_facts(FACTS)] == expected()


@pytest.mark.parametrize("peer", PEERS, ids=[peer.name for peer in PEERS])
def test_a_peer_fires_what_the_reference_says(peer: Peer) -> None:
    assert [sorted(fired) for fired in fired_by(peer)] == expected()


def test_the_workload_is_the_same_in_every_run() -> None:
    assert make_rules(3) == make_rules(1000)[:3]
    assert make_facts(2) == make_facts(3)[:2]
    assert make_facts(1)[0].keys() == SIGNALS.keys()


def test_the_workload_neither_always_nor_never_fires() -> None:
    fired = [len(each) for each in expected()]
    assert min(fired) < 2
    assert 2 < sum(fired) / len(fired) < 10


def test_a_third_of_the_facts_is_unknown() -> None:
    facts = make_facts(100)
    known = sum(map(len, without_a_third(facts))) / sum(map(len, facts))
    assert 0.63 < known < 0.70


FREE, TOR = SignalRef("email.free", Type.BOOL), SignalRef("ip.tor_exit", Type.BOOL)
MANY = Compare(">=", SignalRef("ip.blocklists", Type.INT), Literal(3, Type.INT))
FAR = OneOf(SignalRef("ip.country", Type.STR), frozenset({"BR", "ID"}))

NEGATIONS = {
    "a signal": (Not(FREE), Not(FREE)),
    "twice": (Not(Not(FREE)), FREE),
    "a comparison": (Not(MANY), Compare("<", MANY.left, MANY.right)),
    "a list": (Not(FAR), Not(FAR)),
    "and": (Not(All((FREE, MANY))), AnyOf((Not(FREE), Compare("<", MANY.left, MANY.right)))),
    "or with a not inside": (Not(AnyOf((Not(FREE), TOR))), All((FREE, Not(TOR)))),
}


@pytest.mark.parametrize(("condition", "inward"), NEGATIONS.values(), ids=NEGATIONS.keys())
def test_negations_move_inward(condition: Condition, inward: Condition) -> None:
    assert negations_inward(condition) == inward
    for facts in make_facts(50):
        assert truth(condition, facts) == truth(inward, facts)


def test_an_expression_in_another_language() -> None:
    condition = AnyOf((All((FREE, Not(TOR))), FAR))
    assert expression(condition, CEL) == '((email_free && !(ip_tor_exit)) || (ip_country in ["BR", "ID"]))'


def test_the_columns_and_the_handwritten_ones_say_what_the_reference_says() -> None:
    ruleset, facts = make_ruleset(RULES), make_facts(FACTS)
    table = pl.DataFrame([column(name, each.type, [known[name] for known in facts]) for name, each in SIGNALS.items()])
    verdicts = [verdict(ruleset, known) for known in facts]
    told = [(int(each.outcome), each.score) for each in verdicts]
    ours = ColumnRuleset(compile_ruleset(ruleset)).verdicts(table)
    assert list(zip(ours["outcome"].to_physical(), ours["score"], strict=True)) == told
    assert table.select(handwritten(ruleset)).select("outcome", "score").rows() == told

"""Every case of tests/conformance on every engine."""

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kycrisk.durable_engine.engine import DurableEngine
from kycrisk.ruleset import reference
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import AnalystList, ListKind, Ruleset
from kycrisk.ruleset.parse import ConditionErrors, Scope, parse_condition, parse_signal
from kycrisk.ruleset.verdict import Verdict
from kycrisk.ruleset.words import condition_text, explain
from kycrisk.signals import Signal, Subject, Type, Value, fact_value
from tests.durable_engine.library import needs_durable_rules
from tests.ruleset.tables import judged

Judge = Callable[[Mapping[str, Value], Collection[str]], Verdict]


def durable_rules(ruleset: Ruleset) -> Judge:
    """The library's own answer, without the default engine behind it."""
    engine = DurableEngine(compile_ruleset(ruleset), deadline=60)

    def judge(known: Mapping[str, Value], exempt: Collection[str]) -> Verdict:
        try:
            return engine.judge_alone(known, exempt).verdict
        finally:
            engine.close()

    return judge


ENGINES = (
    pytest.param(lambda ruleset: partial(reference.verdict, ruleset), id="reference"),
    pytest.param(lambda ruleset: compile_ruleset(ruleset).verdict, id="generated"),
    pytest.param(lambda ruleset: lambda known, exempt: judged(ruleset, [known], [exempt])[0], id="columns"),
    pytest.param(durable_rules, id="durable", marks=needs_durable_rules),
)

FOLDER = Path(__file__).resolve().parents[1] / "conformance"
FILE_KEYS = {"signals", "lists", "policy", "given", "cases"}
CONDITION_KEYS = {"name", "condition", "given", "truth"}
DECISION_KEYS = {"name", "rules", "policy", "given", "exempt", "expect"}
TRUTHS = {"true": True, "false": False, "unknown": None}
POLICY = {"bands": {"verify": 1}}


class Case:
    """A case with what its file declares."""

    def __init__(self, file: Mapping[str, Any], case: Mapping[str, Any]) -> None:
        assert set(file) <= FILE_KEYS
        assert set(case) <= (CONDITION_KEYS if "condition" in case else DECISION_KEYS)
        self.case = case
        self.lists = file.get("lists", {})
        self.policy = {**file.get("policy", POLICY), **case.get("policy", {})}
        signals = {
            name: Signal(name=name, type=Type(type_), question="Which?", subject=Subject.SIGNUP)
            for name, type_ in file["signals"].items()
        }
        lists = {
            name: AnalystList(name=name, kind=ListKind(kind), question="Which?") for name, kind in self.lists.items()
        }
        self.scope = Scope(signals, {}, lists)
        self.given = {**file.get("given", {}), **case.get("given", {})}

    def known(self) -> dict[str, Value]:
        refs = {text: parse_signal(text, self.scope) for text in self.given}
        return {refs[text].name: fact_value(refs[text].type, value) for text, value in self.given.items()}

    def ruleset(self, folder: Path, rules: list[dict[str, Any]]) -> Ruleset:
        """The rules as a rule file; JSON is YAML."""
        document = {
            "policy": self.policy,
            "lists": {name: {"kind": kind, "question": "Which?"} for name, kind in self.lists.items()},
            "rules": [{"title": rule["id"], "reason": rule["id"], **rule} for rule in rules],
        }
        path = folder / "rules.yaml"
        path.write_text(json.dumps(document))
        return load_ruleset([path], signals=self.scope.signals, aliases={})


def cases(kind: str) -> dict[str, Case]:
    """The cases of a kind, by file and name."""
    found: dict[str, Case] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        file = yaml.safe_load(path.read_text())
        for case in file["cases"]:
            name = f"{path.stem}: {case['name']}"
            assert name not in found, f"two cases are named {name}"
            found |= {name: Case(file, case)} if kind in case else {}
    return found


CONDITIONS = cases("condition")
DECISIONS = cases("rules")
JUDGED = {name: case for name, case in CONDITIONS.items() if case.case["truth"] != "refused"}
REFUSED = {name: case for name, case in CONDITIONS.items() if case.case["truth"] == "refused"}


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.mark.parametrize("case", JUDGED.values(), ids=JUDGED)
def test_condition(case, engine, tmp_path):
    rules = [
        {"id": "plain", "when": case.case["condition"], "score": 1},
        {"id": "negated", "when": f"not ({case.case['condition']})", "score": 1},
    ]
    if case.case["condition"] == "true":  # its negation is no rule
        rules = rules[:1]
    verdict = engine(case.ruleset(tmp_path, rules))(case.known(), ())
    expected = TRUTHS[case.case["truth"]]
    assert ("plain" in verdict.hits, "plain" in verdict.unknown) == (expected is True, expected is None)
    if len(rules) == 2:
        assert ("negated" in verdict.hits, "negated" in verdict.unknown) == (expected is False, expected is None)


@pytest.mark.parametrize("case", JUDGED.values(), ids=JUDGED)
def test_condition_in_words(case):
    """The third evaluator explains; it must not explain something else."""
    condition = parse_condition(case.case["condition"], case.scope)
    assert explain(condition, case.known()).truth is TRUTHS[case.case["truth"]]


@pytest.mark.parametrize("case", JUDGED.values(), ids=JUDGED)
def test_condition_as_canonical_text(case):
    condition = parse_condition(case.case["condition"], case.scope)
    assert parse_condition(condition_text(condition), case.scope) == condition


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_refused_condition(case):
    with pytest.raises(ConditionErrors):
        parse_condition(case.case["condition"], case.scope)


@pytest.mark.parametrize("case", DECISIONS.values(), ids=DECISIONS)
def test_decision(case, engine, tmp_path):
    verdict = engine(case.ruleset(tmp_path, case.case["rules"]))(case.known(), case.case.get("exempt", ()))
    found = {
        "outcome": str(verdict.outcome),
        "score": verdict.score,
        "settled": verdict.settled,
        "outcome_bounds": [str(verdict.lowest), str(verdict.highest)],
        "score_bounds": [verdict.lowest_score, verdict.highest_score],
        "hits": list(verdict.hits),
        "unknown": list(verdict.unknown),
        "exempt": list(verdict.exempt),
    }
    expected = case.case["expect"]
    assert {key: found[key] for key in expected} == expected


def test_there_are_cases_of_every_kind():
    assert min(len(JUDGED), len(REFUSED), len(DECISIONS)) > 20

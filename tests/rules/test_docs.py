"""The examples in docs/rules.md are rules and policies that load and pass their tests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kycrisk.checks.catalogue import ALIASES
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.ruleset.reference import finding
from kycrisk.shipped import shipped
from kycrisk.sources.catalogue import shipped_signals

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def load(folder: Path) -> Ruleset:
    return load_ruleset(folder, signals=shipped_signals(), aliases=ALIASES)


def block(start: str) -> str:
    return next(text for text in BLOCKS if re.search(rf"^{start}:", text, re.M))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(shipped("rules/policy.yaml"), tmp_path)
    return tmp_path


def test_the_rule_loads_and_passes_its_tests(folder: Path) -> None:
    (folder / "example.yaml").write_text(block("rules"), encoding="utf-8")
    (rule,) = load(folder).rules
    assert [finding(rule, test.given) for test in rule.tests] == [test.expect for test in rule.tests]


def test_the_tree_is_a_condition(folder: Path) -> None:
    tree = "".join(f"    {line}\n" for line in block("when").splitlines())
    rule = f"rules:\n  - id: tree\n    title: Tree\n    score: 1\n    reason: a reason\n{tree}"
    (folder / "example.yaml").write_text(rule, encoding="utf-8")
    assert load(folder).rules[0].signal_names == ("email.local_random", "email.forwarder", "email.domain")


def test_the_policy_loads(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(block("policy"), encoding="utf-8")
    policy = load(tmp_path).policy
    assert set(policy.lists) == {"partners"}
    assert set(policy.attributes) == {"signup.plan"}

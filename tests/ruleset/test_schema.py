"""The JSON Schema says what the loader says, as far as a schema can."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from kycrisk.checks.catalogue import ALIASES as REAL_ALIASES
from kycrisk.ruleset.load import check_ruleset
from kycrisk.ruleset.schema import rule_file_schema
from kycrisk.sources.catalogue import shipped_signals
from tests.ruleset.catalogue import ALIASES, SIGNALS

BAD = Path(__file__).parent / "bad"
RULES = Path(__file__).resolve().parents[2] / "rules"
EXAMPLE = Path(__file__).resolve().parents[2] / "../shared/design/example"
VALIDATOR = Draft202012Validator(rule_file_schema(SIGNALS, ALIASES))

#: Defects that a schema can see. The others need the meaning of a text, or a look at another place.
SEEN = (BAD / "seen-by-the-schema.txt").read_text().split()


def test_the_schema_is_one():
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("name", SEEN)
def test_bad_file_is_refused(name):
    document = yaml.safe_load((BAD / f"{name}.yaml").read_text())
    assert not VALIDATOR.is_valid(document)


def test_what_the_loader_takes_the_schema_takes():
    """The bad files whose one defect no schema can see are fine for the schema."""
    unseen = sorted(
        path for path in BAD.glob("*.yaml") if path.stem not in SEEN and not path.stem.startswith(("yaml-", "text-"))
    )
    refused = {
        path.stem: [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))]
        for path in unseen
        # YAML 1.1 reads these otherwise than the loader
        if path.stem not in ("file-empty", "flag-is-a-word", "test-unquoted-time", "when-off", "list-named-no")
    }
    assert {name: errors for name, errors in refused.items() if errors} == {}


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_rules_are_valid(path):
    validator = Draft202012Validator(rule_file_schema(shipped_signals(), REAL_ALIASES))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.skipif(not EXAMPLE.is_dir(), reason="the design's examples are not beside the repository")
@pytest.mark.parametrize("name", ["policy.yaml", "network.yaml"])
def test_examples_are_valid(name):
    validator = Draft202012Validator(rule_file_schema(shipped_signals(), REAL_ALIASES))
    assert [error.message for error in validator.iter_errors(yaml.safe_load((EXAMPLE / name).read_text()))] == []


@pytest.mark.skipif(not EXAMPLE.is_dir(), reason="the design's examples are not beside the repository")
def test_examples_load():
    files = [EXAMPLE / "policy.yaml", EXAMPLE / "network.yaml"]
    assert check_ruleset(files, signals=shipped_signals(), aliases=REAL_ALIASES) == []


def test_signals_complete_with_their_question_and_type():
    given = rule_file_schema(SIGNALS, ALIASES)["$defs"]["given"]["properties"]
    assert given["ip.tor_exit"] == {"type": "boolean", "description": "Which?"}
    assert given["ip.feeds"] == {"type": "array", "items": {"type": "string"}, "description": "Which?"}
    assert given["ip"] == {"type": "string", "description": "Which?"}


def test_every_key_says_what_it_is_for():
    def undescribed(schema: dict, path: str) -> list[str]:
        found = []
        for name, below in schema.get("properties", {}).items():
            found += [] if below.get("description") else [f"{path}.{name}"]
            found += undescribed(below, f"{path}.{name}")
        return found + (undescribed(schema["items"], f"{path}[]") if isinstance(schema.get("items"), dict) else [])

    assert undescribed(VALIDATOR.schema, "") == []


GIVEN = {
    "a count": ({'signups(ip, "1h")': 4}, True),
    "a count that is a text": ({'signups(ip, "1h")': "4"}, False),
    "a member of a list": ({'email.domain in list("partners")': True}, True),
    "an attribute": ({"signup.plan": "vps-1"}, True),
    "an unknown signal": ({"signups": 4}, False),
}


@pytest.mark.parametrize(("given", "valid"), GIVEN.values(), ids=GIVEN)
def test_given(given, valid):
    test = {"name": "x", "given": given, "expect": "hit"}
    rule = {"id": "a", "title": "t", "when": "ip.vpn", "score": 1, "reason": "r", "tests": [test]}
    assert VALIDATOR.is_valid({"rules": [rule]}) is valid

"""Decisions as JSON: the format, and the way back to the same bytes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.decision import Decision, Exemption, Lookup, MadeBy
from kycrisk.decision_json import DecisionFormatError, decision_from_json, decision_to_json
from kycrisk.outcome import Outcome
from kycrisk.ruleset.decide import decide, replay
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.signals import Evidence, Origin, Unknown, Why
from tests.ruleset.strategies import known_facts, rulesets

NOW = datetime(2026, 11, 23, 10, 0, 0, 250_000, tzinfo=UTC)
TOR = Origin("tor-bulk", datetime(2026, 11, 23, tzinfo=UTC), ("tor-bulk@sha256:ab12",))

DECISION = Decision(
    id="dec_1",
    account_id="a-1",
    outcome=Outcome.REVIEW,
    score=45,
    settled=False,
    lowest=Outcome.REVIEW,
    highest=Outcome.VERIFY,
    lowest_score=45,
    highest_score=80,
    reasons=(),
    undetermined=(),
    exempt=(Exemption("role-mailbox", "account a-1", datetime(2027, 1, 1, tzinfo=UTC), "Kim", "known"),),
    shadow=(),
    evidence=Evidence(
        known={
            "ip.tor_exit": True,
            "ip.address": ip_address("192.0.2.7"),
            "domain.age": timedelta(hours=36),
            "signup.submitted_at": NOW,
            "email.domain": 'ex"ä\n.example',
            "email.tags": frozenset({"b", "a"}),
            "score.float": 3.0,
            "score.int": 3,
        },
        unknown={"ip.country": Unknown(Why.NOT_CONFIGURED, "no country database")},
        origins={"ip.tor_exit": TOR},
    ),
    ruleset="sha256:00",
    decided_at=NOW,
    lookups=(Lookup("geo", asked=False, why="not_configured"),),
    took_ms=0.125,
)


def test_the_format_is_what_is_documented():
    raw = json.loads(decision_to_json(DECISION))
    assert list(raw) == [
        "format", "id", "account_id", "outcome", "score", "settled", "bounds", "reasons", "undetermined", "exempt",
        "shadow", "evidence", "lookups", "ruleset", "decided_at", "took_ms",
    ]  # fmt: skip
    assert raw["format"] == "kycrisk.decision/1"
    assert raw["bounds"] == {"outcome": ["review", "verify"], "score": [45, 80]}
    assert raw["decided_at"] == "2026-11-23T10:00:00.250000Z"
    assert raw["evidence"]["ip.tor_exit"] == {
        "value": True,
        "source": "tor-bulk",
        "as_of": "2026-11-23T00:00:00Z",
        "snapshot": ["tor-bulk@sha256:ab12"],
    }
    assert raw["evidence"]["ip.address"] == {"value": "192.0.2.7", "type": "ip", "source": "given"}
    assert raw["evidence"]["email.tags"] == {"value": ["a", "b"], "type": "set of str", "source": "given"}
    assert raw["evidence"]["ip.country"] == {
        "unknown": "not_configured",
        "detail": "no country database",
        "source": "given",
    }
    assert raw["lookups"] == [{"check": "geo", "asked": False, "why": "not_configured", "ms": 0.0, "cost": ""}]


def test_it_comes_back_to_the_same_bytes_and_values():
    text = decision_to_json(DECISION)
    again = decision_from_json(text)
    assert decision_to_json(again) == text
    assert again.evidence.known == DECISION.evidence.known
    assert type(again.evidence.known["score.float"]) is float
    assert type(again.evidence.known["score.int"]) is int
    assert again.exempt == DECISION.exempt


MADE_BY = {
    "the default engine": (None, {}),
    "another one": (MadeBy("durable"), {"engine": "durable"}),
    "the default one after another": (
        MadeBy("generated", "durable crashed"),
        {"engine": "generated", "after": "durable crashed"},
    ),
}


@pytest.mark.parametrize(("made_by", "told"), MADE_BY.values(), ids=MADE_BY)
def test_the_engine_is_told_where_one_was_chosen(made_by, told):
    text = decision_to_json(replace(DECISION, made_by=made_by))
    assert {key: value for key, value in json.loads(text).items() if key in ("engine", "after")} == told
    assert decision_from_json(text).made_by == made_by
    assert decision_to_json(decision_from_json(text)) == text


@given(rulesets(), known_facts, st.sets(st.sampled_from(["rule-0", "rule-1"])))
def test_replay_of_a_stored_decision_gives_the_same_bytes(ruleset, known, silenced):
    compiled = compile_ruleset(ruleset)
    exemptions = tuple(Exemption(rule, "account a-1", NOW, "Kim") for rule in sorted(silenced))
    unknown = {"bool.a": Unknown(Why.TIMEOUT)} if "bool.a" not in known else {}
    evidence = Evidence(known, unknown, {"bool.b": TOR})
    decision = decide(
        compiled, evidence, id="dec_2", account_id="a-1", decided_at=NOW, exemptions=exemptions, took_ms=1.5
    )
    text = decision_to_json(decision)
    stored = decision_from_json(text)
    assert decision_to_json(stored) == text
    assert decision_to_json(replay(compiled, stored)) == text


BAD = {
    "not JSON": ("{", "not JSON: "),
    "another format": ('{"format":"kycrisk.decision/9"}', "expected a decision with format `kycrisk.decision/1`"),
    "a list": ("[]", "expected a decision with format"),
    "a field is gone": (decision_to_json(DECISION).replace('"ruleset"', '"rules"'), "the decision has no 'ruleset'"),
    "an outcome that does not exist": (
        decision_to_json(DECISION).replace('"outcome":"review"', '"outcome":"maybe"'),
        "a word that is not known",
    ),
    "a value of the wrong type": (
        decision_to_json(DECISION).replace('"value":"192.0.2.7"', '"value":"x"'),
        "the decision is malformed: `'x'` is not an IP address",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_decision_is_refused(text, message):
    with pytest.raises(DecisionFormatError) as raised:
        decision_from_json(text)
    assert message in str(raised.value)

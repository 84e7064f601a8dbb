"""What stays of a decision whose personal data was erased, and how it is made again.

Kept are the facts that name nobody (yes-or-no answers, numbers, times, countries, kinds), for every other fact a
pseudonym, and each rule's finding. Replayed, rules that read kept facts only are judged anew; the others keep the
finding they had. So the outcome, the score and the interval are proved again from what is left.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from kycrisk.decision import Decision
from kycrisk.decision_json import moment_text, value_json
from kycrisk.outcome import Finding, Outcome
from kycrisk.ruleset.condition import Condition, Literal, SignalRef
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Rule, Ruleset, Status
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Type, Value, Why, fact_value
from kycrisk.store.failure import StoreError
from kycrisk.store.sealing import SiteKey
from kycrisk.store.velocity import digest

FORMAT = "kycrisk.erased_decision/1"

#: Texts that sort signups into a few large groups. Every other text, every address and every set is a person's own.
GROUPS = frozenset(
    {
        "address.country",
        "email.domain_kind",
        "email.lookalike",
        "ip.as_org",
        "ip.country",
        "ip.kind",
        "phone.country",
        "phone.kind",
    }
)
_KEPT_TYPES = (bool, int, float, timedelta, datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedDecision:
    """A decision without its person. `known` are the facts that stayed, `pseudonyms` stand for those that did not."""

    id: str
    ruleset: str
    decided_at: datetime
    outcome: Outcome
    score: int
    lowest: Outcome
    highest: Outcome
    lowest_score: int
    highest_score: int
    known: Mapping[str, Value]
    pseudonyms: Mapping[str, str]
    unknown: Mapping[str, Why]
    findings: Mapping[str, Finding]  # by rule; a rule that is not named missed


def erased_json(decision: Decision, site: SiteKey) -> str:
    """The decision without its person, as one line of JSON (docs/store.md)."""
    evidence: dict[str, dict[str, Any]] = {}
    for name, value in decision.evidence.known.items():
        if _stays(name, value):
            type_ = {timedelta: "duration", datetime: "datetime"}.get(type(value))
            evidence[name] = {"value": json.loads(value_json(value))} | ({"type": type_} if type_ else {})
        else:
            evidence[name] = {"pseudonym": digest(site, name, value).hex()}
    evidence |= {name: {"unknown": why.why.value} for name, why in decision.evidence.unknown.items()}
    told = {
        "format": FORMAT,
        "id": decision.id,
        "outcome": decision.outcome.word,
        "score": decision.score,
        "bounds": {
            "outcome": [decision.lowest.word, decision.highest.word],
            "score": [decision.lowest_score, decision.highest_score],
        },
        "findings": {rule: finding.value for rule, finding in _findings(decision).items()},
        "evidence": evidence,
        "ruleset": decision.ruleset,
        "decided_at": moment_text(decision.decided_at),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _stays(name: str, value: Value) -> bool:
    return isinstance(value, _KEPT_TYPES) or value == "" or name in GROUPS


def _findings(decision: Decision) -> dict[str, Finding]:
    return {
        **{each.rule: each.finding for each in decision.shadow},
        **{each.rule: Finding.HIT for each in decision.reasons},
        **{each.rule: Finding.UNKNOWN for each in decision.undetermined},
        **{each.rule: Finding.EXEMPT for each in decision.exempt},
    }


def read_erased(text: str) -> ErasedDecision:
    """What `erased_json` wrote. Raises `StoreError` for anything else."""
    try:
        raw = json.loads(text)
        if raw["format"] != FORMAT:
            raise StoreError(f"expected `{FORMAT}`, got `{raw['format']}`")
        facts: dict[str, dict[str, Any]] = raw["evidence"]
        (lowest, highest), (lowest_score, highest_score) = raw["bounds"]["outcome"], raw["bounds"]["score"]
        return ErasedDecision(
            id=raw["id"],
            ruleset=raw["ruleset"],
            decided_at=datetime.fromisoformat(raw["decided_at"]),
            outcome=Outcome.from_word(raw["outcome"]),
            score=raw["score"],
            lowest=Outcome.from_word(lowest),
            highest=Outcome.from_word(highest),
            lowest_score=lowest_score,
            highest_score=highest_score,
            known={name: _value(fact) for name, fact in facts.items() if "value" in fact},
            pseudonyms={name: fact["pseudonym"] for name, fact in facts.items() if "pseudonym" in fact},
            unknown={name: Why(fact["unknown"]) for name, fact in facts.items() if "unknown" in fact},
            findings={rule: Finding(word) for rule, word in raw["findings"].items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the erased decision is malformed: {error}") from None


def _value(fact: dict[str, Any]) -> Value:
    return fact_value(Type(fact["type"]), fact["value"]) if "type" in fact else fact["value"]


def replay_erased(ruleset: Ruleset, erased: ErasedDecision) -> Verdict:
    """The verdict made again. It is that of the decision when the ruleset is the one that the decision names."""
    exempt = {rule for rule, finding in erased.findings.items() if finding is Finding.EXEMPT}
    rules = tuple(_as_found(rule, erased) for rule in ruleset.rules if rule.status is Status.LIVE)
    compiled = compile_ruleset(replace(ruleset, rules=rules))
    return compiled.verdict(erased.known, exempt, erased.unknown)


def _as_found(rule: Rule, erased: ErasedDecision) -> Rule:
    """The rule itself where all that it reads has stayed, else one that finds what it found."""
    if not _reads(rule, erased.pseudonyms):
        return rule
    finding = erased.findings.get(rule.id, Finding.MISS)
    return replace(rule, condition=_FOUND[finding])


def _reads(rule: Rule, signals: Collection[str]) -> bool:
    return any(name in signals for name in rule.signal_names)


_FOUND: Mapping[Finding, Condition] = MappingProxyType(
    {
        Finding.HIT: Literal(True, Type.BOOL),
        Finding.MISS: Literal(False, Type.BOOL),
        Finding.EXEMPT: Literal(False, Type.BOOL),
        Finding.UNKNOWN: SignalRef("erased", Type.BOOL),
    }
)

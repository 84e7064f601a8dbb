"""An explanation: what each rule found and why, the facts with their sources, what would lower the outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kycrisk.decision import Decision
from kycrisk.decision_json import decision_to_json
from kycrisk.outcome import Finding
from kycrisk.ruleset.counterfactual import Counterfactuals, advice, smallest_changes
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import Rule, Status
from kycrisk.ruleset.reference import finding
from kycrisk.ruleset.template import show_value
from kycrisk.ruleset.words import Explained, explain

#: How people are told whether a condition holds.
TRUTHS = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule over the evidence."""

    rule: Rule
    finding: Finding
    why: Explained


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision with everything that led to it."""

    decision: Decision
    rules: tuple[Judged, ...]
    changes: Counterfactuals
    advice: tuple[str, ...]


def explanation_of(compiled: CompiledRuleset, decision: Decision, only: str | None = None) -> Explanation:
    """The explanation of a decision by these rules; `only` one rule's part of it."""
    known = decision.evidence.known
    exempt = {each.rule for each in decision.exempt}
    judged = tuple(
        Judged(rule=rule, finding=finding(rule, known, exempt), why=explain(rule.condition, known))
        for rule in compiled.ruleset.rules
        if only in (None, rule.id)
    )
    changes = smallest_changes(compiled, known, exempt)
    return Explanation(
        decision=decision,
        rules=tuple(sorted(judged, key=_order)),
        changes=changes,
        advice=advice(changes, compiled.ruleset.signals),
    )


def _order(judged: Judged) -> tuple[int, int]:
    """Live rules before others, and among them hits first, then what could not be judged."""
    findings = (Finding.HIT, Finding.UNKNOWN, Finding.EXEMPT, Finding.MISS)
    return [Status.LIVE, Status.SHADOW, Status.DRAFT, Status.RETIRED].index(judged.rule.status), findings.index(
        judged.finding
    )


def explanation_dict(explained: Explanation) -> dict[str, Any]:
    """The explanation as JSON has it."""
    return {
        "decision": json.loads(decision_to_json(explained.decision)),
        "rules": [
            {
                "rule": judged.rule.id,
                "title": judged.rule.title,
                "status": judged.rule.status.value,
                "contribution": judged.rule.contribution_text,
                "if_unknown": judged.rule.if_unknown.value,
                "when": judged.rule.when,
                "finding": judged.finding.value,
                "why": _why_dict(judged.why),
            }
            for judged in explained.rules
        ],
        "changes": [
            {
                "outcome": each.outcome.word,
                "facts": [
                    {"signal": change.signal, "now": show_value(change.now), "text": str(change)}
                    for change in each.changes
                ],
            }
            for each in explained.changes.found
        ],
        "changes_complete": explained.changes.complete,
        "advice": list(explained.advice),
    }


def _why_dict(why: Explained) -> dict[str, Any]:
    return {
        "text": why.text,
        "truth": TRUTHS[why.truth],
        "because": why.because,
        "branches": [_why_dict(branch) for branch in why.branches],
    }

"""A backtest as JSON, for programs (docs/backtest.md)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from kycrisk.backtest.quality import Quality, Range, Share
from kycrisk.backtest.report import Backtest, Flip, Labelled, RuleEffect
from kycrisk.decision_json import moment_text
from kycrisk.outcome import Outcome

FORMAT = "kycrisk.backtest/1"


def backtest_to_json(found: Backtest) -> str:
    """The backtest as one object."""
    told = {
        "format": FORMAT,
        "source": found.source,
        "ruleset": found.ruleset,
        "since": _moment(found.since),
        "until": _moment(found.until),
        "first": _moment(found.first),
        "last": _moment(found.last),
        "decisions": found.decisions,
        "erased": found.erased,
        "rulesets": dict(found.rulesets),
        "same": found.same,
        "flipped": _range(found.flipped),
        "flag_from": found.flag_from.word,
        "flagged_before": found.flagged_before(found.flag_from),
        "flagged": _range(found.flagged(found.flag_from)),
        "outcomes": _outcomes(found),
        "flips": [_flip(each) for each in found.flips],
        "rules": [_rule(each) for each in found.rules],
        "rules_gone": [{"rule": each.rule, "hits_before": each.hits_before} for each in found.lost_rules],
        "never_gathered": dict(found.never_gathered),
        "counted_from_signups": dict(found.counted),
        "labels": None if found.labelled is None else _labelled(found.labelled),
        "notes": list(found.notes),
        "took_s": round(found.took_s, 3),
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else moment_text(at)


def _range(found: Range) -> list[int]:
    return [found.least, found.most]


def _outcomes(found: Backtest) -> dict[str, dict[str, Any]]:
    """How many decisions have each outcome, before and now."""
    told = {}
    for outcome in Outcome:
        sure = sum(each.decisions for each in found.flips if each.certain and each.lowest == outcome)
        most = sum(each.decisions for each in found.flips if each.lowest <= outcome <= each.highest)
        before = sum(each.decisions for each in found.flips if each.before == outcome)
        told[outcome.word] = {"before": before, "now": [sure, most]}
    return told


def _flip(each: Flip) -> dict[str, Any]:
    return {
        "before": each.before.word,
        "now": [each.lowest.word, each.highest.word],
        "decisions": each.decisions,
        "example": each.example,
    }


def _rule(each: RuleEffect) -> dict[str, Any]:
    return {
        "rule": each.rule,
        "title": each.title,
        "contribution": each.contribution,
        "shadow": each.shadow,
        "hits_before": each.hits_before,
        "hits": _range(each.hits),
        "gaps": each.gaps,
        "decides": _range(each.decides),
        "hits_fraud": _range(each.hits_fraud),
        "hits_legitimate": _range(each.hits_legitimate),
        "live" if each.shadow else "without": None if each.instead is None else _quality(each.instead),
    }


def _labelled(labels: Labelled) -> dict[str, Any]:
    return {
        "source": labels.source,
        "until": moment_text(labels.until),
        "accounts": labels.labels,
        "judged": labels.judged,
        "later": labels.later,
        "unknown_accounts": labels.unknown_accounts,
        "fraud": labels.after.fraud,
        "legitimate": labels.after.legitimate,
        "before": _quality(labels.before),
        "now": _quality(labels.after),
    }


def _quality(quality: Quality) -> dict[str, Any]:
    return {
        "fraud_flagged": _range(quality.caught),
        "legitimate_flagged": _range(quality.bothered),
        "precision": _share(quality.precision),
        "recall": _share(quality.recall),
        "legitimate_share": _share(quality.bother),
    }


def _share(share: Share | None) -> dict[str, list[float]] | None:
    if share is None:
        return None
    return {
        "value": [round(share.least, 6), round(share.most, 6)],
        "confidence_95": [round(share.low, 6), round(share.high, 6)],
    }

"""Evidence to decision: the verdict put into words. Pure: the same input gives the same decision, years later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kycrisk.decision import (
    Decision,
    Exemption,
    Lookup,
    MadeBy,
    Reason,
    Undetermined,
    new_decision,
    new_reason,
    new_undetermined,
)
from kycrisk.outcome import Finding
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import Rule
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Evidence, Unknown, Value, Why

_NOT_ASKED = Unknown(Why.SKIPPED, "was not asked")

_MOST_WORDED = 256


def decide(
    compiled: CompiledRuleset,
    evidence: Evidence,
    *,
    id: str,
    account_id: str,
    decided_at: datetime,
    exemptions: tuple[Exemption, ...] = (),
    lookups: tuple[Lookup, ...] = (),
    took_ms: float = 0.0,
    verdict: Verdict | None = None,
    made_by: MadeBy | None = None,
) -> Decision:
    """The decision that a ruleset makes of the evidence. `exemptions` are those in force for this signup.

    `verdict` is the ruleset's over this evidence, from whoever had to work it out already; `made_by` is which engine
    that was, where the decision shall say so.
    """
    known, gaps = evidence.known, tuple(evidence.unknown)
    silenced = {exemption.rule for exemption in exemptions} if exemptions else ()
    if verdict is None:
        verdict = compiled.verdict(known, silenced, gaps)
    shadow = compiled.shadow_findings(known, gaps)
    rules = compiled.by_id
    return new_decision(
        id,
        account_id,
        verdict.outcome,
        verdict.score,
        verdict.settled,
        verdict.lowest,
        verdict.highest,
        verdict.lowest_score,
        verdict.highest_score,
        tuple([_reason(rules[hit], evidence) for hit in verdict.hits]) if verdict.hits else (),
        _all_undetermined(compiled, verdict.unknown, evidence) if verdict.unknown else (),
        exemptions,
        tuple(each for each in shadow if each.rule not in silenced) if silenced else shadow,
        evidence,
        compiled.ruleset.version,
        decided_at,
        lookups,
        took_ms,
        made_by,
    )


def replay(compiled: CompiledRuleset, decision: Decision) -> Decision:
    """The same decision made again from its stored evidence; equal to it when the ruleset is the one it names.

    The default engine makes it, whichever it was at first: they agree. What is told of that is kept.
    """
    return decide(
        compiled,
        decision.evidence,
        id=decision.id,
        account_id=decision.account_id,
        decided_at=decision.decided_at,
        exemptions=decision.exempt,
        lookups=decision.lookups,
        took_ms=decision.took_ms,
        made_by=decision.made_by,
    )


def _reason(rule: Rule, evidence: Evidence) -> Reason:
    return new_reason(
        rule.id,
        rule.title,
        Finding.HIT,
        rule.contribution_text,
        rule.reason.fill(evidence),
        _facts(rule.signal_names, evidence),
    )


def _facts(signals: Iterable[str], evidence: Evidence) -> Mapping[str, Value | Unknown]:
    known, unknown = evidence.known, evidence.unknown
    return {name: known[name] if name in known else unknown.get(name, _NOT_ASKED) for name in signals}


def _all_undetermined(
    compiled: CompiledRuleset, unknown: tuple[str, ...], evidence: Evidence
) -> tuple[Undetermined, ...]:
    """The rules that could not be judged. The gaps of a site are few and most of its signups share them, so what they
    come to is worded once, and found again by the identity of the gaps."""
    missing = evidence.unknown
    key = (unknown, id(missing))
    kept = compiled.worded.get(key)
    if kept is None or kept[0] is not missing:
        worded = tuple(_undetermined(compiled.by_id[each], missing) for each in unknown)
        if len(compiled.worded) >= _MOST_WORDED:
            compiled.worded.clear()
        kept = compiled.worded[key] = (missing, worded)  # the gaps are kept, so their identity stays theirs
    return kept[1]


def _undetermined(rule: Rule, missing: Mapping[str, Unknown]) -> Undetermined:
    """A rule that could not be judged, with the facts that are known to be missing, or else what was not asked."""
    why = {name: missing[name] for name in rule.signal_names if name in missing}
    return new_undetermined(rule.id, rule.title, rule.contribution_text, why)

"""Rules to a verdict, fast: the generated functions, and the arithmetic of scores, floors, caps and intervals.

Agrees with `reference.verdict` on every input; tests/ruleset/test_differential.py holds the two together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kycrisk.decision import Shadow, Undetermined
from kycrisk.outcome import AtLeast, AtMost, Finding, IfUnknown, Outcome, Score
from kycrisk.ruleset.generate import (
    KnownFunction,
    MixedFunction,
    PartialFunction,
    generate_known,
    generate_mixed,
    generate_partial,
)
from kycrisk.ruleset.model import Rule, Ruleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Unknown, Value

_DENY, _ALLOW = int(Outcome.DENY), int(Outcome.ALLOW)
_OUTCOMES = tuple(Outcome)

#: Unjudged rules, and the identity of the gaps in the evidence.
Gaps = tuple[tuple[str, ...], int]


class _Judge:
    """The findings of some rules, by the generated functions. The three-valued ones are built when first needed."""

    __slots__ = ("_conditions", "_known", "_mixed", "_partial", "_seen")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._conditions = [rule.condition for rule in rules]
        self._known: KnownFunction = generate_known(self._conditions)
        self._partial: PartialFunction | None = None
        self._mixed: dict[tuple[str, ...], MixedFunction] = {}
        self._seen: dict[tuple[str, ...], int] = {}

    def findings(self, known: Mapping[str, Value], gaps: Collection[str]) -> tuple[list[int], Sequence[int]]:
        """The indexes of the rules that hit, and of those that cannot be judged."""
        try:
            if gaps:
                pattern = tuple(gaps)
                mixed = self._mixed.get(pattern)
                if mixed is not None:
                    return mixed(known)
                self._notice(pattern)
            return self._known(known), ()
        except KeyError:  # a fact that matters is unknown
            partial = self._partial
            if partial is None:
                partial = self._partial = generate_partial(self._conditions)
            return partial(known.get)

    def _notice(self, pattern: tuple[str, ...]) -> None:
        """Most signups of a site have the same gaps, its missing lists: such a pattern gets a function of its own."""
        if len(self._seen) >= _MOST_PATTERNS:
            self._seen.clear()
        seen = self._seen[pattern] = self._seen.get(pattern, 0) + 1
        if seen >= _OFTEN and len(self._mixed) < _MOST_PATTERNS:
            self._mixed[pattern] = generate_mixed(self._conditions, frozenset(pattern))


_OFTEN = 50  # signups after which building a function pays
_MOST_PATTERNS = 32


class _Sum(NamedTuple):
    """What some rules contribute together, as plain numbers: points, the highest floors, the lowest cap."""

    points: int
    floor: int
    binding: int
    cap: int


_MOST_KEPT = 8192  # verdicts that are kept by their findings: a site meets few combinations, often
_FEW = 8  # hits whose combinations recur; a settled verdict on more is made anew


class CompiledRuleset:
    """A ruleset that is ready to judge. Safe to share between threads."""

    __slots__ = (
        "_bands",
        "_ids",
        "_judge",
        "_kept",
        "_levels",
        "_shadow_judge",
        "_shadow_kept",
        "_sums",
        "_unsettled_floor",
        "by_id",
        "live",
        "ruleset",
        "shadow",
        "worded",
    )

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.live, self.shadow = ruleset.live, ruleset.shadow
        self.by_id = {rule.id: rule for rule in ruleset.rules}
        self._ids = tuple(rule.id for rule in self.live)
        self._judge, self._shadow_judge = _Judge(self.live), _Judge(self.shadow)
        self._sums = tuple(_contributed(rule) for rule in self.live)
        self._kept: dict[tuple[int, ...], Verdict] = {}
        self._shadow_kept: dict[tuple[int, ...], tuple[Shadow, ...]] = {}
        self.worded: dict[Gaps, tuple[Mapping[str, Unknown], tuple[Undetermined, ...]]] = {}  # see `decide`
        self._bands = tuple(threshold for threshold, _ in ruleset.policy.bands)
        self._levels = (_ALLOW, *(int(outcome) for _, outcome in ruleset.policy.bands))
        self._unsettled_floor = int(ruleset.policy.unsettled_floor)

    def verdict(self, known: Mapping[str, Value], exempt: Collection[str] = (), gaps: Collection[str] = ()) -> Verdict:
        """Outcome, score and interval of the live rules over what is known; `exempt` names silenced rules.

        `gaps` may name signals that are not known; it only saves time.
        """
        hits, unknown = self._judge.findings(known, gaps)
        if exempt:
            return self.verdict_of(tuple(hits), tuple(unknown), exempt)
        if not unknown and len(hits) > _FEW:
            return self._settled(hits)
        found = (*hits, -1, *unknown) if unknown else tuple(hits)
        verdict = self._kept.get(found)
        if verdict is None:
            verdict = self.verdict_of(tuple(hits), tuple(unknown), exempt) if unknown else self._settled(hits)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[found] = verdict
        return verdict

    def _settled(self, hits: Sequence[int]) -> Verdict:
        """What follows when nothing is open: both ends of the interval are the outcome."""
        ids, sums = self._ids, self._sums
        told = _total([sums[index] for index in hits])
        outcome, score = _OUTCOMES[self._outcome(told)], told.points
        named = tuple([ids[index] for index in hits])
        return Verdict(outcome, score, True, outcome, outcome, score, score, named, ())

    def verdict_of(self, hits: tuple[int, ...], unknown: tuple[int, ...], exempt: Collection[str]) -> Verdict:
        """What follows from findings alone, given by the places of the live rules, ascending."""
        ids, sums = self._ids, self._sums
        silenced = tuple(id_ for id_ in ids if id_ in exempt)
        hits = tuple(index for index in hits if ids[index] not in exempt)
        unknown = tuple(index for index in unknown if ids[index] not in exempt)
        told, possible = _total([sums[index] for index in hits]), self._possible(unknown)
        low, high, resolved = (_total([told, part]) for part in possible)
        lowest, highest = self._outcome(low), self._outcome(high)
        outcome = lowest if lowest == highest else max(self._outcome(resolved), self._unsettled_floor)
        return Verdict(
            _OUTCOMES[outcome],
            resolved.points,
            lowest == highest,
            _OUTCOMES[lowest],
            _OUTCOMES[highest],
            low.points,
            high.points,
            tuple(ids[index] for index in hits),
            tuple(ids[index] for index in unknown),
            silenced,
        )

    def _outcome(self, told: _Sum) -> int:
        """max(binding floors, min(caps, max(band(score), floors)))."""
        points, floor, binding, cap = told
        wanted = self._levels[bisect_right(self._bands, points)]
        if floor > wanted:
            wanted = floor
        if wanted > cap:
            wanted = cap
        return wanted if wanted > binding else binding

    def _possible(self, unknown: tuple[int, ...]) -> tuple[_Sum, _Sum, _Sum]:
        """What unjudged rules could contribute: at the lowest end, at the highest, and as `if_unknown` says.

        Every part of the outcome is monotone, so each end is reached by all rules that push towards it at once.
        """
        rules, sums = self.live, self._sums
        resolved = [sums[index] for index in unknown if rules[index].if_unknown is IfUnknown.HIT]
        if any(rules[index].if_unknown is IfUnknown.REVIEW for index in unknown):
            resolved.append(_Sum(0, int(Outcome.REVIEW), _ALLOW, _DENY))  # a floor; the score stays as it is
        lowering = _total([sums[index] for index in unknown if _lowers(sums[index])])
        raising = _total([sums[index] for index in unknown if not _lowers(sums[index])])
        return lowering, raising, _total(resolved)

    def shadow_findings(self, known: Mapping[str, Value], gaps: Collection[str] = ()) -> tuple[Shadow, ...]:
        """The shadow rules that hit or cannot be judged, in the order of the rules; they never count."""
        if not self.shadow:
            return ()
        return self.shadow_of(*self._shadow_judge.findings(known, gaps))

    def shadow_of(self, hits: Sequence[int], unknown: Sequence[int]) -> tuple[Shadow, ...]:
        """The same from findings alone, given by the places of the shadow rules."""
        found = (*hits, -1, *unknown)
        told = self._shadow_kept.get(found)
        if told is None:
            findings = {**dict.fromkeys(hits, Finding.HIT), **dict.fromkeys(unknown, Finding.UNKNOWN)}
            told = tuple(
                Shadow(self.shadow[index].id, findings[index], self.shadow[index].contribution_text)
                for index in sorted(findings)
            )
            if len(self._shadow_kept) >= _MOST_KEPT:
                self._shadow_kept.clear()
            self._shadow_kept[found] = told
        return told


def _lowers(told: _Sum) -> bool:
    return told.points < 0 or told.cap < _DENY


def _contributed(rule: Rule) -> _Sum:
    match rule.contribution:
        case Score(points):
            return _Sum(points, _ALLOW, _ALLOW, _DENY)
        case AtLeast(outcome, binding):
            return _Sum(0, int(outcome), int(outcome) if binding else _ALLOW, _DENY)
        case AtMost(outcome):
            return _Sum(0, _ALLOW, _ALLOW, int(outcome))


def _total(parts: Sequence[_Sum]) -> _Sum:
    points, floor, binding, cap = 0, _ALLOW, _ALLOW, _DENY
    for part in parts:
        points += part[0]
        if part[1] > floor:
            floor = part[1]
        if part[2] > binding:
            binding = part[2]
        if part[3] < cap:
            cap = part[3]
    return _Sum(points, floor, binding, cap)


def compile_ruleset(ruleset: Ruleset) -> CompiledRuleset:
    """A ruleset made ready to judge: its conditions as one generated function."""
    return CompiledRuleset(ruleset)

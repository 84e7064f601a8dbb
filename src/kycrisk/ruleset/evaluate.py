"""Rules to a verdict, fast: the generated functions, and the arithmetic of scores, floors, caps and intervals.

Agrees with `reference.verdict` on every input; tests/ruleset/test_differential.py holds the two together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kycrisk.outcome import AtLeast, AtMost, Finding, IfUnknown, Outcome, Score
from kycrisk.ruleset.generate import KnownFunction, PartialFunction, generate_known, generate_partial
from kycrisk.ruleset.model import Rule, Ruleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Value

_DENY, _ALLOW = int(Outcome.DENY), int(Outcome.ALLOW)
_OUTCOMES = tuple(Outcome)


class _Judge:
    """The findings of some rules, by the generated functions. The three-valued one is built when first needed."""

    __slots__ = ("_known", "_partial", "_rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._known: KnownFunction = generate_known([rule.condition for rule in rules])
        self._partial: PartialFunction | None = None

    def findings(self, known: Mapping[str, Value]) -> tuple[list[int], Sequence[int]]:
        """The indexes of the rules that hit, and of those that cannot be judged."""
        try:
            return self._known(known), ()
        except KeyError:  # a fact that matters is unknown
            partial = self._partial
            if partial is None:
                partial = self._partial = generate_partial([rule.condition for rule in self._rules])
            return partial(known.get)


@dataclass(frozen=True, slots=True)
class _Weights:
    """What each live rule contributes, by its index, as plain numbers."""

    points: tuple[int, ...]
    floors: tuple[int, ...]
    binding: tuple[int, ...]
    caps: tuple[int, ...]


class CompiledRuleset:
    """A ruleset that is ready to judge. Safe to share between threads."""

    __slots__ = (
        "_bands",
        "_ids",
        "_judge",
        "_levels",
        "_shadow",
        "_unsettled_floor",
        "_weights",
        "by_id",
        "live",
        "ruleset",
    )

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.live = ruleset.live
        self.by_id = {rule.id: rule for rule in ruleset.rules}
        self._ids = tuple(rule.id for rule in self.live)
        self._judge = _Judge(self.live)
        self._shadow = _Judge(ruleset.shadow)
        self._weights = _weights(self.live)
        self._bands = tuple(threshold for threshold, _ in ruleset.policy.bands)
        self._levels = (_ALLOW, *(int(outcome) for _, outcome in ruleset.policy.bands))
        self._unsettled_floor = int(ruleset.policy.unsettled_floor)

    def verdict(self, known: Mapping[str, Value], exempt: Collection[str] = ()) -> Verdict:
        """Outcome, score and interval of the live rules over what is known; `exempt` names silenced rules."""
        hits, unknown = self._judge.findings(known)
        silenced: tuple[str, ...] = ()
        if exempt:
            ids = self._ids
            silenced = tuple(id_ for id_ in ids if id_ in exempt)
            hits = [index for index in hits if ids[index] not in exempt]
            unknown = [index for index in unknown if ids[index] not in exempt]
        if unknown:
            return self._interval(hits, unknown, silenced)
        ids, points = self._ids, self._weights.points
        score = 0
        for index in hits:
            score += points[index]
        outcome = _OUTCOMES[self._outcome(score, hits)]
        named = tuple([ids[index] for index in hits]) if hits else ()
        return Verdict(outcome, score, True, outcome, outcome, score, score, named, (), silenced)

    def _outcome(self, score: int, counted: Sequence[int], least: int = _ALLOW) -> int:
        """max(binding floors, min(caps, max(band(score), floors))); `least` is one more floor."""
        wanted = self._levels[bisect_right(self._bands, score)]
        if least > wanted:
            wanted = least
        cap, binding = _DENY, _ALLOW
        weights = self._weights
        for index in counted:
            if weights.floors[index] > wanted:
                wanted = weights.floors[index]
            if weights.caps[index] < cap:
                cap = weights.caps[index]
            if weights.binding[index] > binding:
                binding = weights.binding[index]
        if wanted > cap:
            wanted = cap
        return wanted if wanted > binding else binding

    def _interval(self, hits: list[int], unknown: Sequence[int], silenced: tuple[str, ...]) -> Verdict:
        """The verdict when some rules cannot be judged: every part is monotone, so both ends follow directly."""
        points, caps, rules = self._weights.points, self._weights.caps, self.live
        score = sum([points[index] for index in hits])
        low = high = resolved_score = score
        raising, lowering, resolved = list(hits), list(hits), list(hits)
        review = False
        for index in unknown:
            if points[index] < 0 or caps[index] < _DENY:
                lowering.append(index)
                low += points[index]
            else:
                raising.append(index)
                high += points[index]
            if rules[index].if_unknown is IfUnknown.HIT:
                resolved.append(index)
                resolved_score += points[index]
            elif rules[index].if_unknown is IfUnknown.REVIEW:
                review = True
        lowest, highest = self._outcome(low, lowering), self._outcome(high, raising)
        if lowest == highest:
            outcome = lowest
        else:
            least = int(Outcome.REVIEW) if review else _ALLOW
            outcome = max(self._outcome(resolved_score, resolved, least), self._unsettled_floor)
        ids = self._ids
        return Verdict(
            _OUTCOMES[outcome],
            resolved_score,
            lowest == highest,
            _OUTCOMES[lowest],
            _OUTCOMES[highest],
            low,
            high,
            tuple([ids[index] for index in hits]),
            tuple([ids[index] for index in unknown]),
            silenced,
        )

    def shadow_findings(self, known: Mapping[str, Value]) -> tuple[tuple[Rule, Finding], ...]:
        """The shadow rules that hit or cannot be judged; they never count."""
        rules = self.ruleset.shadow
        if not rules:
            return ()
        hits, unknown = self._shadow.findings(known)
        found = {**dict.fromkeys(hits, Finding.HIT), **dict.fromkeys(unknown, Finding.UNKNOWN)}
        return tuple((rules[index], found[index]) for index in sorted(found))


def _weights(rules: Sequence[Rule]) -> _Weights:
    parts = [rule.contribution for rule in rules]
    return _Weights(
        points=tuple(part.points if isinstance(part, Score) else 0 for part in parts),
        floors=tuple(int(part.outcome) if isinstance(part, AtLeast) else _ALLOW for part in parts),
        binding=tuple(int(part.outcome) if isinstance(part, AtLeast) and part.binding else _ALLOW for part in parts),
        caps=tuple(int(part.outcome) if isinstance(part, AtMost) else _DENY for part in parts),
    )


def compile_ruleset(ruleset: Ruleset) -> CompiledRuleset:
    """A ruleset made ready to judge: its conditions as one generated function."""
    return CompiledRuleset(ruleset)

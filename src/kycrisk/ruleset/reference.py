"""The reference interpreter: conditions and decisions as docs/semantics.md states them, read one line at a time.

Nothing here is fast, and nothing here may be clever: every other engine is compared with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kycrisk.outcome import AtLeast, AtMost, Finding, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Arithmetic,
    Compare,
    Condition,
    InNetworks,
    InSet,
    Literal,
    Lower,
    Matches,
    Not,
    OneOf,
    Operand,
    SignalRef,
    TextTest,
)
from kycrisk.ruleset.model import Policy, Rule, Ruleset
from kycrisk.ruleset.operators import COMPARISONS, TEXT_TESTS, arithmetic, found
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Value

Truth = bool | None  # None is unknown
Known = Mapping[str, Value]


def value_of(operand: Operand, known: Known) -> Value | None:
    """The value of an operand, None when it is unknown."""
    match operand:
        case Literal(value):
            return value
        case SignalRef(name):
            return known.get(name)
        case Lower(text):
            inner = value_of(text, known)
            return inner.lower() if isinstance(inner, str) else None
        case Arithmetic(op, left, right):
            a, b = value_of(left, known), value_of(right, known)
            if a is None or b is None or isinstance(a, frozenset) or isinstance(b, frozenset):
                return None
            return arithmetic(op, a, b)


def truth(condition: Condition, known: Known) -> Truth:
    """Kleene's three-valued truth of a condition over what is known."""
    match condition:
        case Literal(value):
            return bool(value)
        case SignalRef(name):
            fact = known.get(name)
            return None if fact is None else bool(fact)
        case Not(item):
            inner = truth(item, known)
            return None if inner is None else not inner
        case All(items):
            truths = [truth(item, known) for item in items]
            return False if False in truths else None if None in truths else True
        case AnyOf(items):
            truths = [truth(item, known) for item in items]
            return True if True in truths else None if None in truths else False
    values = [value_of(operand, known) for operand in operands(condition)]
    return None if None in values else _leaf(condition, values)


def operands(leaf: Condition) -> tuple[Operand, ...]:
    """The operands of a leaf."""
    match leaf:
        case Compare(_, left, right) | TextTest(_, left, right) | InSet(left, right):
            return (left, right)
        case OneOf(item, _) | InNetworks(item, _) | Matches(item, _):
            return (item,)
    raise AssertionError(leaf)


def _leaf(leaf: Condition, operands: list[Value | None]) -> bool:
    """The truth of a leaf whose operands are all known."""
    match leaf, operands:
        case Compare(op), [left, right]:
            return COMPARISONS[op].test(left, right)
        case TextTest(op), [text, part]:
            return TEXT_TESTS[op].test(text, part)
        case OneOf(_, values), [item]:
            return item in values
        case InNetworks(_, networks), [item]:
            return any(item in network for network in networks)
        case InSet(), [item, members]:
            return item in members  # type: ignore[operator]
        case Matches(_, pattern), [text]:
            return found(pattern, str(text))
    raise AssertionError(leaf)


def finding(rule: Rule, known: Known, exempt: Collection[str] = ()) -> Finding:
    """What a rule says of the evidence."""
    if rule.id in exempt:
        return Finding.EXEMPT
    match truth(rule.condition, known):
        case True:
            return Finding.HIT
        case False:
            return Finding.MISS
        case None:
            return Finding.UNKNOWN


def band(policy: Policy, score: int) -> Outcome:
    """The outcome that a score alone means."""
    return max((outcome for threshold, outcome in policy.bands if score >= threshold), default=Outcome.ALLOW)


def outcome(policy: Policy, counted: list[Rule], review: bool = False) -> Outcome:
    """max(binding floors, min(caps, max(band(score), floors))) over the rules that count as hit."""
    contributions = [rule.contribution for rule in counted]
    score = sum(each.points for each in contributions if isinstance(each, Score))
    floors = [each.outcome for each in contributions if isinstance(each, AtLeast)]
    binding = [each.outcome for each in contributions if isinstance(each, AtLeast) and each.binding]
    caps = [each.outcome for each in contributions if isinstance(each, AtMost)]
    if review:
        floors.append(Outcome.REVIEW)
    wanted = max([band(policy, score), *floors])
    return max([min([wanted, *caps]), *binding])


def verdict(ruleset: Ruleset, known: Known, exempt: Collection[str] = ()) -> Verdict:
    """Outcome, score and interval of the live rules over what is known."""
    policy = ruleset.policy
    findings = {rule.id: finding(rule, known, exempt) for rule in ruleset.live}
    hits = [rule for rule in ruleset.live if findings[rule.id] is Finding.HIT]
    unknown = [rule for rule in ruleset.live if findings[rule.id] is Finding.UNKNOWN]

    raising = [rule for rule in unknown if _raises(rule)]
    lowering = [rule for rule in unknown if not _raises(rule)]
    lowest, highest = outcome(policy, hits + lowering), outcome(policy, hits + raising)

    resolved = hits + [rule for rule in unknown if rule.if_unknown is IfUnknown.HIT]
    review = any(rule.if_unknown is IfUnknown.REVIEW for rule in unknown)
    settled = lowest == highest
    return Verdict(
        outcome=lowest if settled else max(outcome(policy, resolved, review), policy.unsettled_floor),
        score=_score(resolved),
        settled=settled,
        lowest=lowest,
        highest=highest,
        lowest_score=_score(hits + [rule for rule in unknown if _points(rule) < 0]),
        highest_score=_score(hits + [rule for rule in unknown if _points(rule) > 0]),
        hits=tuple(rule.id for rule in hits),
        unknown=tuple(rule.id for rule in unknown),
        exempt=tuple(rule.id for rule in ruleset.live if findings[rule.id] is Finding.EXEMPT),
    )


def _raises(rule: Rule) -> bool:
    """Whether a hit of the rule can only raise the outcome; the others can only lower it."""
    return isinstance(rule.contribution, AtLeast) or _points(rule) > 0


def _points(rule: Rule) -> int:
    return rule.contribution.points if isinstance(rule.contribution, Score) else 0


def _score(counted: list[Rule]) -> int:
    return sum(_points(rule) for rule in counted)

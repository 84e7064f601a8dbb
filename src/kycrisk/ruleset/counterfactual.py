"""Counterfactuals: the smallest sets of facts whose change would lower the outcome."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from kycrisk.outcome import AtMost, Outcome, Score
from kycrisk.ruleset.condition import (
    Arithmetic,
    Compare,
    InNetworks,
    InSet,
    Literal,
    Lower,
    Matches,
    Node,
    OneOf,
    Operand,
    SignalRef,
    TextTest,
    walk,
)
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import Rule
from kycrisk.ruleset.template import show_value
from kycrisk.signals import Scalar, Signal, Type, Value

MOST_TRIALS = 50_000  # evaluations for one question; beyond it the answer says that it is not complete
OTHER = "\u2026"  # a text that no rule names: "anything else"
_OTHER_IP = ip_address("198.18.0.1")  # RFC 2544 benchmarking space: in nobody's list


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that would have to be different."""

    signal: str
    now: Value
    instead: Value

    def __str__(self) -> str:
        instead = "anything else" if self.instead in (OTHER, _OTHER_IP) else show_value(self.instead) or "empty"
        return f"{self.signal}: {instead} instead of {show_value(self.now) or 'empty'}"


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Changes that together, and no fewer of them, lower the outcome."""

    changes: tuple[Change, ...]
    outcome: Outcome

    def __str__(self) -> str:
        return f"{' and '.join(map(str, self.changes))} → {self.outcome}"


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """All minimal sets up to a size; `complete` is false when the search was cut short."""

    found: tuple[Counterfactual, ...]
    complete: bool


def smallest_changes(
    compiled: CompiledRuleset, known: Mapping[str, Value], exempt: Collection[str] = (), most: int = 3
) -> Counterfactuals:
    """The minimal sets of at most `most` known facts whose change lowers the outcome, smallest and lowest first."""
    current = compiled.verdict(known, exempt)
    if current.outcome is Outcome.ALLOW:
        return Counterfactuals((), True)
    candidates = _candidates(compiled, known, frozenset(current.hits), exempt)
    found: list[Counterfactual] = []
    trials = 0
    for size in range(1, min(most, len(candidates)) + 1):
        for signals in itertools.combinations(candidates, size):
            if any({change.signal for change in each.changes} <= set(signals) for each in found):
                continue
            best: Counterfactual | None = None
            for values in itertools.product(*(candidates[signal] for signal in signals)):
                trials += 1
                if trials > MOST_TRIALS:
                    return Counterfactuals(_ordered(found), False)
                changed = dict(zip(signals, values, strict=True))
                outcome = compiled.verdict({**known, **changed}, exempt).outcome
                if outcome < (best.outcome if best else current.outcome):
                    changes = tuple(Change(signal, known[signal], value) for signal, value in changed.items())
                    best = Counterfactual(changes, outcome)
            found += [best] if best else []
    return Counterfactuals(_ordered(found), True)


def advice(counterfactuals: Counterfactuals, signals: Mapping[str, Signal]) -> tuple[str, ...]:
    """The redacted version, for the customer: only changes that a customer can make, without names of signals."""
    sentences = []
    for each in counterfactuals.found:
        if all(change.signal in signals and _advises(signals[change.signal], change) for change in each.changes):
            sentences.append(" and ".join(dict.fromkeys(signals[change.signal].advice for change in each.changes)))
    return tuple(dict.fromkeys(sentences))


def _advises(signal: Signal, change: Change) -> bool:
    return signal.advises(change.now, change.instead)


def _ordered(found: list[Counterfactual]) -> tuple[Counterfactual, ...]:
    return tuple(sorted(found, key=lambda each: (len(each.changes), each.outcome)))


def _candidates(
    compiled: CompiledRuleset, known: Mapping[str, Value], hits: Collection[str], exempt: Collection[str]
) -> dict[str, tuple[Value, ...]]:
    """Known signals whose change could matter, with the values worth trying.

    Only two kinds of rule can lower an outcome by turning over: a hit that raises, and a miss that would lower.
    """
    candidates: dict[str, dict[Value, None]] = {}
    for rule in compiled.live:
        if rule.id in exempt or (rule.id in hits) is _lowers(rule):
            continue
        for signal in rule.signals:
            if signal.name in known:
                tried = candidates.setdefault(signal.name, {})
                tried.update(dict.fromkeys(_alternatives(signal, known[signal.name], compiled.live)))
    return {name: tuple(values) for name, values in candidates.items() if values}


def _lowers(rule: Rule) -> bool:
    part = rule.contribution
    return isinstance(part, AtMost) or (isinstance(part, Score) and part.points < 0)


def _alternatives(signal: SignalRef, now: Value, rules: Sequence[Rule]) -> Iterator[Value]:
    """Other values of a signal, at least one on each side of every constant that a rule compares it with."""
    if signal.type is Type.BOOL:
        yield not now
        return
    if signal.type is Type.STR:
        yield from (value for value in (OTHER, "") if value != now)
    elif signal.type is Type.IP and now != _OTHER_IP:
        yield _OTHER_IP
    for rule in rules:
        if signal.name not in rule.signal_names:
            continue
        for node in walk(rule.condition):
            for constant in _constants_beside(signal.name, node):
                yield from (value for value in _around(signal.type, constant, now) if value != now)


def _reads(operand: Operand, name: str) -> bool:
    match operand:
        case SignalRef(found):
            return found == name
        case Lower(text):
            return _reads(text, name)
        case Arithmetic(_, left, right):
            return _reads(left, name) or _reads(right, name)
    return False


def _constants_beside(name: str, node: Node) -> Iterator[Scalar]:
    match node:
        case Compare(_, left, Literal(value)) | TextTest(_, left, Literal(value)) if _reads(left, name):
            yield value
        case Compare(_, Literal(value), right) if _reads(right, name):
            yield value
        case OneOf(item, values) if _reads(item, name):
            yield from sorted(values, key=str)[:3]
        case InNetworks(item, networks) if _reads(item, name):
            yield from (network.network_address for network in networks[:3])
        case InSet(Literal(value), SignalRef(found)) if found == name:
            yield value
        case Matches(text, _) if _reads(text, name):
            return


def _around(type_: Type, constant: Scalar, now: Value) -> Iterator[Value]:
    """The constant and its neighbours, as values of the signal's type."""
    match type_, constant:
        case ((Type.INT | Type.FLOAT), (int() | float())):
            number = int if type_ is Type.INT else float
            yield from (number(constant), number(constant - 1), number(constant + 1))
        case Type.DURATION, timedelta():
            second = timedelta(seconds=1)
            yield from (constant, constant - second, constant + second)
        case (Type.STR, str()) | (Type.IP, _):
            yield constant
        case _ if type_ is Type.DATETIME:
            yield from (constant, constant - timedelta(seconds=1), constant + timedelta(seconds=1))  # type: ignore[operator]
        case _ if isinstance(now, frozenset):
            yield now - {constant} if constant in now else now | {constant}

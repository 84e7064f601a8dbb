"""Signup to evidence: every local check asked about its key, then the signals derived from their facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kycrisk.checks.check import Answer, AnyCheck
from kycrisk.checks.world import World
from kycrisk.decision import Lookup
from kycrisk.screening.derived import DerivedSignals
from kycrisk.signals import Evidence, Origin, Signal, Subject, Unknown, Value, Why
from kycrisk.signup import Signup

_SIGNUP = Origin("signup")
_MOST_WORDED = 1000


KeyOf = Callable[[Signup, Answer], Any]
Ask = Callable[[Any], Answer]
_MOST_DOMAINS = 20_000


@dataclass(frozen=True, slots=True)
class Gatherer:
    """The checks made ready for one world. Serves many signups; safe to share between threads."""

    steps: tuple[tuple[AnyCheck, KeyOf, Ask], ...]
    derived: DerivedSignals
    attributes: Mapping[str, Unknown]  # the declared attributes, each with what it is when a signup leaves it out
    origins: Mapping[str, Origin]
    worded: dict[int, tuple[Mapping[str, Unknown], Lookup]] = field(default_factory=dict)

    def gather(self, signup: Signup) -> tuple[Evidence, tuple[Lookup, ...]]:
        """The evidence about a signup, and the checks that could not answer."""
        known: dict[str, Value] = {}
        unknown: dict[str, Unknown] = {}
        said = Answer(known, unknown)
        lookups: list[Lookup] = []
        for check, key_of, ask in self.steps:
            found, missing = ask(key_of(signup, said))
            known |= found
            if missing:
                unknown |= missing
                lookups.append(self._unanswered(check, missing))
        if self.attributes:
            unknown.update(self.attributes)
            for name, value in signup.attributes.items():
                known[name] = value
                unknown.pop(name, None)
        self.derived.answer(known, unknown, signup.submitted_at)
        return Evidence(known, unknown, self.origins), tuple(lookups)

    def _unanswered(self, check: AnyCheck, unknown: Mapping[str, Unknown]) -> Lookup:
        """What a check's silence looks like in the decision. A world's gaps are few, so they are worded once."""
        cached = self.worded.get(id(unknown))
        if cached is None or cached[0] is not unknown:
            whys = dict.fromkeys(str(each) for each in unknown.values())
            cached = (unknown, Lookup(check.name, asked=False, why="; ".join(whys)))
            if len(self.worded) < _MOST_WORDED:
                self.worded[id(unknown)] = cached
        return cached[1]


def _ready(check: AnyCheck, world: World) -> Ask:
    """A check ready to be asked. Most signups share a few mail domains, so what is said of a domain is kept."""
    ask: Ask = check.prepare(world)
    if check.subject is not Subject.DOMAIN:
        return ask
    kept: dict[Any, Answer] = {}

    def ask_once(key: Any) -> Answer:
        answer = kept.get(key)
        if answer is None:
            if len(kept) >= _MOST_DOMAINS:
                kept.clear()
            answer = kept[key] = ask(key)
        return answer

    return ask_once


def prepare_gatherer(
    checks: Sequence[AnyCheck], world: World, derived: DerivedSignals, attributes: Mapping[str, Signal]
) -> Gatherer:
    """The checks made ready for a world."""
    origins: dict[str, Origin] = {signal.name: _SIGNUP for check in checks for signal in check.signals}
    origins.update(dict.fromkeys(attributes, _SIGNUP))
    for check in checks:
        origins.update(check.origins(world))
    origins.update(derived.origins)
    missing = Unknown(Why.NOT_PUBLISHED, "the signup does not carry it")
    return Gatherer(
        steps=tuple((check, check.key, _ready(check, world)) for check in checks),
        derived=derived,
        attributes=MappingProxyType(dict.fromkeys(attributes, missing)),
        origins=MappingProxyType(origins),
    )

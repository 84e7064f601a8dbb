"""Rules, policy and ruleset: what an analyst wrote, once it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from types import MappingProxyType

from kycrisk.money import Money
from kycrisk.outcome import Contribution, Finding, IfUnknown, Outcome
from kycrisk.problems import Place
from kycrisk.ruleset.condition import Condition, SignalRef, signal_refs
from kycrisk.ruleset.template import Template
from kycrisk.signals import Signal, Value


class Status(Enum):
    """How far a rule has come: only `live` counts, `shadow` is evaluated and reported, the rest is not evaluated."""

    DRAFT = "draft"
    SHADOW = "shadow"
    LIVE = "live"
    RETIRED = "retired"


class ListKind(Enum):
    """What the entries of an analyst's list are, and so how they match."""

    DOMAIN = "domain"  # the domain and everything below it
    NETWORK = "network"  # addresses and networks
    EMAIL = "email"  # whole addresses, in canonical form
    TEXT = "text"  # exactly this text


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """A test inside a rule file: what is given, and what the rule must find. What is not given is unknown."""

    name: str
    given: Mapping[str, Value]
    expect: Finding
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `if_unknown` is already the policy's default where the rule says nothing."""

    id: str
    title: str
    status: Status
    condition: Condition
    when: str  # the condition in canonical text
    contribution: Contribution
    reason: Template
    if_unknown: IfUnknown
    description: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    tests: tuple[RuleTest, ...] = ()
    place: Place | None = None
    signals: tuple[SignalRef, ...] = field(init=False)
    signal_names: tuple[str, ...] = field(init=False)
    contribution_text: str = field(init=False)

    def __post_init__(self) -> None:
        signals = signal_refs(self.condition)
        object.__setattr__(self, "signals", signals)
        object.__setattr__(self, "signal_names", tuple(signal.name for signal in signals))
        object.__setattr__(self, "contribution_text", str(self.contribution))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystList:
    """A list that the operator keeps: its entries stand in `lists/NAME.txt` beside the policy file."""

    name: str
    kind: ListKind
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What turns scores into outcomes, and what a screening may take and spend."""

    bands: tuple[tuple[int, Outcome], ...]  # ascending scores: (40, REVIEW), (70, VERIFY), ...; below: ALLOW
    if_unknown: IfUnknown = IfUnknown.MISS
    unsettled_floor: Outcome = Outcome.ALLOW  # `unsettled: {at_least: ...}`; ALLOW raises nothing
    deadline: timedelta = timedelta(milliseconds=800)
    money: Money | None = None
    personal_data: tuple[str, ...] | None = None
    attributes: Mapping[str, Signal] = field(default_factory=lambda: MappingProxyType({}))
    lists: Mapping[str, AnalystList] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """Policy and rules in the order of their files, and the version: a hash of their canonical text."""

    policy: Policy
    rules: tuple[Rule, ...]
    version: str
    signals: Mapping[str, Signal]  # the catalogue with the policy's attributes

    @property
    def live(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.status is Status.LIVE)

    @property
    def shadow(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.status is Status.SHADOW)

    def rule(self, id_: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == id_), None)

"""A verification procedure: what is asked in which order, by when, and what follows. Written in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from kycrisk.verification.state import State, Trigger


class StepKind(StrEnum):
    """What a step asks of the customer."""

    CONSENT = "consent"
    COUNTRY = "country"
    PERSONAL_DATA = "personal_data"
    DOCUMENT = "document"
    SELFIE = "selfie"
    PHONE = "phone"
    EMAIL = "email"
    ATTESTATION = "attestation"
    CONFIRM = "confirm"


class Subject(StrEnum):
    """Whom a case is about."""

    PERSON = "person"
    COMPANY = "company"


class Mode(StrEnum):
    """How much a case asks: everything, or that known data is confirmed."""

    FULL = "full"
    CONFIRM_ONLY = "confirm_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `any_of` are types of documents, `countries` narrows them down; `fields` are asked of a person."""

    kind: StepKind
    subjects: frozenset[Subject] = frozenset(Subject)
    category: str = ""
    any_of: tuple[str, ...] = ()
    countries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    company_fields: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()  # countries of residence; empty: all
    work_email: str = "any"  # any, warn or required
    mobile: bool = False
    poses: int = 1

    @property
    def name(self) -> str:
        """As it is shown: `document identity`."""
        return f"{self.kind} {self.category}" if self.category else str(self.kind)

    def types_in(self, country: str) -> tuple[str, ...]:
        """The types of documents that are taken from residents of a country."""
        return self.countries.get(country, self.any_of)

    def fields_of(self, subject: Subject) -> tuple[str, ...]:
        return self.company_fields or self.fields if subject is Subject.COMPANY else self.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is reached by some steps, and the features that it unlocks. Levels of a policy are ordered."""

    name: str
    steps: tuple[Step, ...]
    unlocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """By when a customer has to be through, and what is held back afterwards (`orders`, `services`, `feature:x`)."""

    within: timedelta
    from_registration: bool = False
    reminders: tuple[timedelta, ...] = ()
    hold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How people decide."""

    within: timedelta = timedelta(hours=24)
    four_eyes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """When a verified account is asked again: after so many months, and before its document expires."""

    months: int | None = None
    before_expiry: timedelta | None = None
    mode: Mode = Mode.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """How a state is called to the customer, and how loudly."""

    text: str
    severity: str  # info, warning, danger, success


@dataclass(frozen=True, slots=True, kw_only=True)
class Abuse:
    """What an abuse report does to an account below a level."""

    below: str
    hold: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnVerified:
    """What a verification is good for elsewhere: rules that are exempt for a while."""

    exempt: tuple[str, ...] = ()
    for_: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A procedure. `gates` says which level an action needs (`refund`, `order`, `feature:withdrawals`)."""

    id: str
    title: str
    version: str  # sha256 of its text
    opens_on: frozenset[Trigger]
    subjects: tuple[Subject, ...]
    provider: str
    levels: tuple[Level, ...]
    required_level: str
    ticket_subject: str
    deadline: Deadline
    deadlines: Mapping[Trigger, Deadline]
    attempts: int
    review: Review
    refresh: Refresh | None
    abuse: Abuse | None
    gates: Mapping[str, str]
    labels: Mapping[State, Label]
    unverified: Label
    on_verified: OnVerified
    keep_images: timedelta
    hand_off: tuple[str, ...]
    texts: Mapping[str, str]
    step_up: bool = False  # who comes from the operator's application has proved themselves a second time there

    def deadline_of(self, trigger: Trigger) -> Deadline:
        return self.deadlines.get(trigger, self.deadline)

    def rank(self, level: str) -> int:
        """The place of a level in their order, from 1; 0 for none that this policy has."""
        return next((place for place, each in enumerate(self.levels, 1) if each.name == level), 0)

    def steps(self, level: str, subject: Subject, mode: Mode = Mode.FULL) -> tuple[Step, ...]:
        """What is asked to reach a level, the steps of lower ones first.

        Where known data is only confirmed it is consent, personal data, attestation and confirmation.
        """
        asked = [step for each in self.levels[: self.rank(level)] for step in each.steps if subject in step.subjects]
        last = [step for step in asked if step.kind is StepKind.CONFIRM]
        if mode is Mode.CONFIRM_ONLY:
            asked = [step for step in asked if step.kind in _KNOWN]
            last = last or [Step(kind=StepKind.CONFIRM)]
        return (*(step for step in asked if step.kind is not StepKind.CONFIRM), *last[:1])

    def unlocked(self, level: str) -> frozenset[str]:
        """The features that an account at a level may use."""
        return frozenset(name for each in self.levels[: self.rank(level)] for name in each.unlocks)


_KNOWN = (StepKind.CONSENT, StepKind.PERSONAL_DATA, StepKind.ATTESTATION)  # what can be confirmed without papers

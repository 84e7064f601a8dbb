"""What makes a procedure one that can be walked: the order of its steps, its levels, and clocks that agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from kycrisk.durations import format_duration
from kycrisk.problems import Place, Problem, did_you_mean
from kycrisk.verification.policy import Deadline, Policy, Step, StepKind, Subject
from kycrisk.verification.state import Trigger


class Places(Protocol):
    """Where a value of the procedure stands."""

    def __call__(self, *at: str | int) -> Place | str: ...


def flaws(policy: Policy, place: Places) -> Iterator[Problem]:
    """Everything that is wrong with a procedure whose parts are right by themselves."""
    yield from _levels(policy, place)
    for subject in policy.subjects:
        yield from _steps(policy, subject, place)
    yield from _documents(policy, place)
    yield from _clocks(policy.deadline, place, ("deadline",))
    for trigger, deadline in policy.deadlines.items():
        yield from _clocks(deadline, place, ("deadlines", trigger.value))
    refresh = policy.refresh
    if refresh is not None and refresh.months is None and refresh.before_expiry is None:
        yield Problem(place("refresh"), "nothing says when to refresh", "write `months: 12` or `before_expiry: 30d`")
    if Trigger.ABUSE_EVENT in policy.opens_on and policy.abuse is None:
        message = "`abuse_event` opens a case, and nothing says what it holds back"
        yield Problem(place("opens_on"), message, "write `abuse: {below: …, hold: [services]}`")


def _levels(policy: Policy, place: Places) -> Iterator[Problem]:
    names = [each.name for each in policy.levels]
    named: list[tuple[tuple[str, ...], str]] = [(("required_level",), policy.required_level)]
    named += [(_gate_at(gate), level) for gate, level in policy.gates.items()]
    if policy.abuse is not None:
        named.append((("abuse", "below"), policy.abuse.below))
    for at, level in named:
        if level not in names:
            help_ = did_you_mean(level, names) or "the levels are " + ", ".join(names)
            yield Problem(place(*at), f"there is no level `{level}`", help_)
    unlocks = Counter(feature for each in policy.levels for feature in each.unlocks)
    for feature, times in unlocks.items():
        if times > 1:
            yield Problem(place("levels"), f"`{feature}` is unlocked by {times} levels", "the lowest of them is enough")


def _gate_at(gate: str) -> tuple[str, ...]:
    kind, _, feature = gate.partition(":")
    return ("gates", "features", feature) if feature else ("gates", kind)


def _steps(policy: Policy, subject: Subject, place: Places) -> Iterator[Problem]:
    at = place("steps") if len(policy.levels) == 1 else place("levels")
    steps = [step for level in policy.levels for step in level.steps if subject in step.subjects]
    if not steps:
        yield Problem(at, f"a {subject} is asked for nothing", "give it steps, or take it out of `subjects`")
        return
    if steps[0].kind is not StepKind.CONSENT:
        yield Problem(at, f"the first step of a {subject} is `{steps[0].kind}`", "nothing is asked before `consent`")
    for name, times in Counter(step.name for step in steps).items():
        if times > 1 and name != StepKind.CONFIRM:
            yield Problem(at, f"a {subject} is asked for `{name}` {times} times", "name a category for each document")
    order = [step.kind for step in steps]
    if StepKind.CONFIRM in order and order[-1] is not StepKind.CONFIRM and len(policy.levels) == 1:
        yield Problem(at, "a step follows `confirm`", "what comes after it would not be confirmed")


def _documents(policy: Policy, place: Places) -> Iterator[Problem]:
    for level in policy.levels:
        for index, step in enumerate(level.steps):
            at = ("steps", index) if len(policy.levels) == 1 else ("levels", level.name, "steps", index)
            if step.kind is StepKind.DOCUMENT:
                yield from _document(step, place, (*at, "document"))
            asks_companies = Subject.COMPANY in step.subjects & frozenset(policy.subjects)
            named = "company" in step.fields_of(Subject.COMPANY)
            if step.kind is StepKind.PERSONAL_DATA and asks_companies and not named:
                message = "a company is not asked for its name"
                yield Problem(place(*at), message, "write `company_fields: [company, …]`")


def _document(step: Step, place: Places, at: tuple[str | int, ...]) -> Iterator[Problem]:
    for country, types in step.countries.items():
        for other in sorted(set(types) - set(step.any_of)):
            message = f"`{other}` is taken in {country}, and does not stand in `any_of`"
            yield Problem(place(*at, "countries", country), message, "write it there, too")
    for type_ in step.sides:
        if not step.sides[type_]:
            yield Problem(place(*at, "sides", type_), f"`{type_}` has no side to show", "write `[front]`")


def _clocks(deadline: Deadline, place: Places, at: tuple[str | int, ...]) -> Iterator[Problem]:
    before = None
    for index, reminder in enumerate(deadline.reminders):
        told, where = format_duration(reminder), place(*at, "reminders", index)
        if reminder >= deadline.within:
            yield Problem(where, f"the reminder after {told} comes when the deadline is over", "make it earlier")
        elif before is not None and reminder <= before:
            yield Problem(where, f"the reminder after {told} does not come after the one before", "put them in order")
        before = reminder

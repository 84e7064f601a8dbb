"""From the text of a procedure to its policy: every problem of the file with its place, in one run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from kycrisk.documents import At, Document, open_document
from kycrisk.durations import format_duration
from kycrisk.problems import Place, Problem, Problems, did_you_mean
from kycrisk.verification.paper import TYPES
from kycrisk.verification.policy import (
    Abuse,
    Deadline,
    Label,
    Level,
    Mode,
    OnVerified,
    Policy,
    Refresh,
    Review,
    Step,
    StepKind,
    Subject,
)
from kycrisk.verification.policy_form import (
    STEP_FORMS,
    AbuseForm,
    DeadlineForm,
    Form,
    LabelForm,
    LevelForm,
    PolicyForm,
    RefreshForm,
)
from kycrisk.verification.procedure import flaws
from kycrisk.verification.state import State, Trigger

SECTION = "verification"
ONE_LEVEL = "verified"  # the level of a policy that names steps and no levels
Read = TypeVar("Read")

_UNVERIFIED = Label(text="Not verified", severity="info")
_LABELS: Mapping[State, Label] = {
    State.OPEN: Label(text="Verification required", severity="warning"),
    State.COLLECTING: Label(text="Verification in progress", severity="warning"),
    State.SUBMITTED: Label(text="Under review", severity="info"),
    State.IN_REVIEW: Label(text="Under review", severity="info"),
    State.NEEDS_RESUBMISSION: Label(text="Action required", severity="warning"),
    State.OVERDUE: Label(text="Verification overdue", severity="danger"),
    State.VERIFIED: Label(text="Verified", severity="success"),
    State.REJECTED: Label(text="Verification failed", severity="danger"),
    State.CLOSED: _UNVERIFIED,
}


def read_policy(path: Path) -> Policy:
    """The procedure in a file. Raises `Problems` with everything that is wrong with it."""
    return _Reading(open_document(path), path).policy()


class _Reading:
    """One file while it is read: what can be read is read, so that all problems are told together."""

    def __init__(self, document: Document, path: Path) -> None:
        self._document, self._path = document, path
        self._problems: list[Problem] = []

    def policy(self) -> Policy:
        document = self._document
        data = document.data
        others = [name for name in data if name != SECTION] if isinstance(data, dict) else []
        for name in others:
            help_ = did_you_mean(name, [SECTION]) or f"a procedure stands under `{SECTION}`"
            self._problems.append(Problem(document.key_place(name), f"unknown key `{name}`", help_))
        if not isinstance(document.at(SECTION), dict):
            place = document.place(SECTION)
            missing = Problem(place, f"there is no `{SECTION}` with keys below it", "docs/verification.md has examples")
            raise Problems([*self._problems, missing])
        form = self._tried(lambda: document.read(PolicyForm, (SECTION,), but=[self._at("steps"), self._at("levels")]))
        levels = self._levels()
        if form is not None and levels and not self._problems:
            made = self._made(form, levels)
            self._problems += flaws(made, self._place)
            if not self._problems:
                return made
        raise Problems(sorted(self._problems, key=_order))

    def _at(self, *at: str | int) -> At:
        return (SECTION, *at)

    def _place(self, *at: str | int) -> Place | str:
        return self._document.place(SECTION, *at)

    def _tried(self, read: Callable[[], Read]) -> Read | None:
        try:
            return read()
        except Problems as wrong:
            self._problems += wrong.problems
            return None

    def _note(self, at: At, message: str, help_: str = "") -> None:
        self._problems.append(Problem(self._document.place(*at), message, help_))

    def _levels(self) -> list[Level]:
        section = self._document.at(SECTION)
        given = section.get("levels")
        if "steps" in section and given is not None:
            self._note(self._at("levels"), "there are `steps` and `levels`", "steps stand inside the levels, then")
        if given is None:
            steps = self._steps(self._at("steps"))
            return [Level(name=ONE_LEVEL, steps=tuple(steps))] if steps else []
        if not isinstance(given, dict) or not given:
            self._note(self._at("levels"), "`levels` is not a mapping of `name: {steps: […]}`")
            return []
        found = []
        for name in given:
            at = self._at("levels", name)
            form = self._tried(lambda at=at: self._document.read(LevelForm, at, but=[(*at, "steps")]))  # type: ignore[misc]
            steps = self._steps((*at, "steps"))
            if form is not None:
                found.append(Level(name=str(name), steps=tuple(steps), unlocks=tuple(form.unlocks)))
        return found

    def _steps(self, at: At) -> list[Step]:
        given = self._document.at(*at)
        if not isinstance(given, list) or not given:
            self._note(at, "there is no `steps`" if given is None else "`steps` is not a list of steps", _STEP_HELP)
            return []
        return [step for index in range(len(given)) for step in self._step((*at, index), given[index])]

    def _step(self, at: At, given: object) -> Iterator[Step]:
        kind = given if isinstance(given, str) else next(iter(given), "") if isinstance(given, dict) else ""
        if isinstance(given, dict) and len(given) != 1:
            self._note(at, "a step has one name", "write `- document: {any_of: [passport]}`, each step with a dash")
            return
        if kind not in STEP_FORMS:
            self._note(at, f"`{str(kind)[:60]}` is no step", did_you_mean(str(kind), STEP_FORMS) or _STEP_HELP)
            return
        model = STEP_FORMS[str(kind)]
        inner = (*at, str(kind))
        form = self._tried(
            lambda: self._document.read(model, inner) if isinstance(given, dict) else self._bare(model, at)
        )
        if form is not None:
            yield _step(StepKind(str(kind)), form.model_dump())

    def _bare(self, model: type[Form], at: At) -> Form:
        needed = [name for name, each in model.model_fields.items() if each.is_required()]
        if needed:
            problem = Problem(
                self._document.place(*at), f"there is no `{needed[0]}`", f"write it as `{{{needed[0]}: […]}}`"
            )
            raise Problems([problem])
        return model()

    def _made(self, form: PolicyForm, levels: list[Level]) -> Policy:
        labels = {State(state): _label(each) for state, each in form.labels.items() if state != "unverified"}
        gates = {"refund": form.gates.refund, "order": form.gates.order}
        return Policy(
            id=form.id,
            title=form.title,
            version=_version(self._path),
            opens_on=frozenset(map(Trigger, form.opens_on)),
            subjects=tuple(map(Subject, form.subjects)),
            provider=form.provider,
            levels=tuple(levels),
            required_level=form.required_level or levels[-1].name,
            ticket_subject=form.ticket.subject,
            deadline=_deadline(form.deadline),
            deadlines={Trigger(name): _deadline(each) for name, each in form.deadlines.items()},
            attempts=form.attempts,
            review=Review(within=form.review.within, four_eyes=form.review.four_eyes),
            refresh=_refresh(form.refresh),
            abuse=_abuse(form.abuse),
            gates={
                **{name: level for name, level in gates.items() if level},
                **{f"feature:{name}": level for name, level in form.gates.features.items()},
            },
            labels={**_LABELS, **labels},
            unverified=_label(form.labels["unverified"]) if "unverified" in form.labels else _UNVERIFIED,
            on_verified=OnVerified(exempt=tuple(form.on_verified.exempt), for_=form.on_verified.for_),
            keep_images=form.keep_images,
            hand_off=tuple(form.hand_off),
            texts=dict(form.texts),
            step_up=form.portal.step_up,
        )


_STEP_HELP = "the steps are " + ", ".join(STEP_FORMS)


def _order(problem: Problem) -> tuple[int, int]:
    place = problem.place
    return (place.line, place.column) if isinstance(place, Place) else (0, 0)


def _version(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _step(kind: StepKind, given: dict[str, Any]) -> Step:
    document = kind is StepKind.DOCUMENT
    return Step(
        kind=kind,
        subjects=frozenset(map(Subject, given["of"])),
        category=given["category"] if document else "",
        any_of=tuple(given.get("any_of", ())),
        countries={name: tuple(types) for name, types in given.get("countries", {}).items()},
        sides={**TYPES, **{name: tuple(sides) for name, sides in given.get("sides", {}).items()}} if document else {},
        fields=tuple(given.get("fields", ())),
        company_fields=tuple(given.get("company_fields", ())),
        allowed=tuple(given.get("allowed", ())),
        work_email=given.get("work_email", "any"),
        mobile=given.get("mobile", False),
        poses=given.get("poses", 1),
    )


def _deadline(form: DeadlineForm) -> Deadline:
    return Deadline(
        within=form.within,
        from_registration=form.from_ == "registered",
        reminders=tuple(form.reminders),
        hold=tuple(form.then.hold),
    )


def _refresh(form: RefreshForm | None) -> Refresh | None:
    if form is None:
        return None
    return Refresh(months=form.months, before_expiry=form.before_expiry, mode=Mode(form.mode))


def _abuse(form: AbuseForm | None) -> Abuse | None:
    return None if form is None else Abuse(below=form.below, hold=tuple(form.hold))


def _label(form: LabelForm) -> Label:
    return Label(text=form.text, severity=form.severity)


def shown(durations: Iterable[timedelta]) -> str:
    """Durations in words, for messages."""
    return ", ".join(map(format_duration, durations))

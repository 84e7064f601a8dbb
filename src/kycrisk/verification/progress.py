"""How far a case is: its steps in order, what was entered and uploaded, and what is still missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kycrisk.problems import Problem
from kycrisk.store.case_schema import CASE_ATTEMPTS, CASE_CONSENTS, CASE_DATA, CASE_DOCUMENTS, CASE_STEPS
from kycrisk.store.moments import moment, optional_moment
from kycrisk.store.sealing import SiteKey
from kycrisk.verification.account import opened
from kycrisk.verification.case import Case
from kycrisk.verification.policy import Policy, Step, StepKind
from kycrisk.verification.refusal import ConsentMissing, NotNow, NotPossible

SELFIE = "selfie"
_BY_PROVIDER = (StepKind.DOCUMENT, StepKind.SELFIE)
STANDING = ("uploaded", "accepted", "rejected")  # documents that count; others were replaced or purged


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """A step of a case, and when it was done."""

    position: int
    step: Step
    done_at: datetime | None

    @property
    def done(self) -> bool:
        return self.done_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A side of a document that was uploaded; `file` is its name in the vault."""

    id: str
    category: str
    type: str
    side: str
    country: str
    source: str
    file: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A case with its steps and documents."""

    case: Case
    steps: tuple[StepState, ...]
    papers: tuple[Paper, ...]
    consented: bool
    attempted: bool  # there was an attempt with a provider

    @property
    def next(self) -> StepState | None:
        """The first step that is not done."""
        return next((each for each in self.steps if not each.done), None)

    def find(self, kind: StepKind, category: str = "") -> StepState:
        """A step that can be done now, as all before it are. Raises `ConsentMissing`, `NotNow`, `NotPossible`."""
        wanted = [each for each in self.steps if each.step.kind is kind and each.step.category in (category, "")]
        if not wanted:
            told = f"`{kind}`" + (f" of category `{category[:40]}`" if category else "")
            names = ", ".join(each.step.name for each in self.steps)
            raise NotPossible(f"this case has no step {told}", f"its steps are {names}")
        if not self.consented and kind is not StepKind.CONSENT:
            raise ConsentMissing("the customer has not agreed yet", "nothing is asked or kept before")
        before = [each.step.name for each in self.steps if each.position < wanted[0].position and not each.done]
        if before:
            raise NotNow(f"`{before[0]}` comes before `{wanted[0].step.name}`", "steps are done in their order")
        return wanted[0]


def progress_of(connection: Connection, case: Case, policy: Policy) -> Progress:
    """How far a case is."""
    done = {
        row.kind: optional_moment(row.done_at)
        for row in connection.execute(select(CASE_STEPS).where(CASE_STEPS.c.case == case.id))
    }
    steps = policy.steps(case.level, case.subject, case.mode)
    attempts = select(CASE_ATTEMPTS.c.id).where(CASE_ATTEMPTS.c.case == case.id)
    return Progress(
        case=case,
        steps=tuple(
            StepState(position=place, step=step, done_at=done.get(step.name)) for place, step in enumerate(steps)
        ),
        papers=papers_of(connection, case),
        consented=has_consented(connection, case),
        attempted=connection.execute(attempts.limit(1)).first() is not None,
    )


def has_consented(connection: Connection, case: Case) -> bool:
    table = CASE_CONSENTS.c
    wanted = select(table.id).where(table.case == case.id, table.kind == "consent", table.withdrawn_at.is_(None))
    return connection.execute(wanted.limit(1)).first() is not None


def papers_of(connection: Connection, case: Case) -> tuple[Paper, ...]:
    """What was uploaded and not replaced, the oldest first."""
    wanted = select(CASE_DOCUMENTS).where(CASE_DOCUMENTS.c.case == case.id, CASE_DOCUMENTS.c.state.in_(STANDING))
    return tuple(
        Paper(
            id=row.id,
            category=row.category,
            type=row.type,
            side=row.side,
            country=row.country,
            source=row.source,
            file=row.file,
            state=row.state,
            at=moment(row.at),
        )
        for row in connection.execute(wanted.order_by(CASE_DOCUMENTS.c.at, CASE_DOCUMENTS.c.id))
    )


def entries_of(connection: Connection, site: SiteKey, case: Case) -> dict[str, dict[str, Any]]:
    """What was entered, by kind. Raises `Erased`."""
    rows = connection.execute(select(CASE_DATA).where(CASE_DATA.c.case == case.id).order_by(CASE_DATA.c.kind))
    return {row.kind: json.loads(opened(connection, site, case, row.kind, row.sealed)) for row in rows}


def snapshot_of(connection: Connection, site: SiteKey, case: Case) -> bytes:
    """The hash of all that was entered and uploaded, which the customer confirms."""
    told = {
        "entries": entries_of(connection, site, case),
        "documents": [[each.id, each.category, each.type, each.side] for each in papers_of(connection, case)],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()


def gaps(progress: Progress, policy: Policy, snapshot: bytes) -> list[Problem]:
    """Everything that is missing before the case can be submitted."""
    by_provider = policy.provider != "manual"
    found: list[Problem] = []
    if by_provider and not progress.attempted and any(each.step.kind in _BY_PROVIDER for each in progress.steps):
        found.append(Problem("provider", f"nothing has been shown to {policy.provider} yet"))
    for each in progress.steps:
        step = each.step
        if step.kind is StepKind.DOCUMENT and not by_provider:
            found += _missing(progress, step)
        elif step.kind is StepKind.SELFIE and not by_provider:
            shown = sum(1 for paper in progress.papers if paper.category == SELFIE and paper.state != "rejected")
            if shown < step.poses:
                found.append(Problem("selfie", f"there are {shown} of {step.poses} pictures"))
        elif step.kind is StepKind.CONFIRM:
            if progress.case.snapshot is None:
                found.append(Problem("confirm", "the data has not been confirmed"))
            elif progress.case.snapshot != snapshot:
                found.append(Problem("confirm", "the data was changed after it had been confirmed"))
        elif not each.done and not (by_provider and step.kind is StepKind.SELFIE):
            found.append(Problem(step.name.replace(" ", "."), "is missing"))
    return found


def _missing(progress: Progress, step: Step) -> Iterator[Problem]:
    """The category, or the sides of its document."""
    papers = [each for each in progress.papers if each.category == step.category]
    place = f"document.{step.category}"
    if not papers:
        yield Problem(place, f"there is no document of category `{step.category}`", f"one of: {', '.join(step.any_of)}")
        return
    type_ = papers[-1].type
    for side in step.sides.get(type_, ()):
        shown = [each for each in papers if each.side == side and each.type == type_]
        if not shown:
            yield Problem(f"{place}.{side}", f"the {side} of the {type_.replace('_', ' ')} is missing")
        elif shown[-1].state == "rejected":
            yield Problem(f"{place}.{side}", f"the {side} of the {type_.replace('_', ' ')} was not accepted")

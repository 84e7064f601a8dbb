"""Cases as the API tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kycrisk.decision_json import moment_text
from kycrisk.problems import Problem, Problems
from kycrisk.verification.attempt import Attempt
from kycrisk.verification.case import Case
from kycrisk.verification.cases import CaseFile, Standing
from kycrisk.verification.gate import Gate
from kycrisk.verification.hold import Hold
from kycrisk.verification.progress import Paper, Progress
from kycrisk.verification.queue import Waiting
from kycrisk.verification.review import Review


def optional(at: datetime | None) -> str | None:
    return None if at is None else moment_text(at)


def case_told(case: Case) -> dict[str, Any]:
    """A case in short."""
    return {
        "id": case.id,
        "policy": case.policy,
        "policy_version": case.policy_version,
        "state": case.state.value,
        "level": case.level,
        "subject": case.subject.value,
        "mode": case.mode.value,
        "trigger": case.opened_for.value,
        "version": case.version,
        "opened_at": moment_text(case.opened_at),
        "deadline_at": optional(case.deadline_at),
        "paused_at": optional(case.paused_at),
        "submitted_at": optional(case.submitted_at),
        "decided_at": optional(case.decided_at),
        "verified_until": optional(case.verified_until),
        "attempts": case.attempts,
        "reasons": list(case.reasons),
    }


def file_told(file: CaseFile) -> dict[str, Any]:
    """A case with its steps, documents, attempts and holds; nothing that the customer entered."""
    return {
        **case_told(file.case),
        "label": {"text": file.label.text, "severity": file.label.severity},
        "triggers": [
            {"trigger": each.trigger.value, "reference": each.reference, "at": moment_text(each.at)}
            for each in file.triggers
        ],
        "consented": file.progress.consented,
        "steps": steps_told(file.progress),
        "documents": [paper_told(each) for each in file.progress.papers],
        "attempts_made": [attempt_told(each) for each in file.attempts],
        "holds": [hold_told(each) for each in file.holds],
    }


def steps_told(progress: Progress) -> list[dict[str, Any]]:
    return [
        {
            "step": each.step.kind.value,
            "category": each.step.category,
            "any_of": list(each.step.any_of),
            "fields": list(each.step.fields_of(progress.case.subject)),
            "done_at": optional(each.done_at),
        }
        for each in progress.steps
    ]


def paper_told(paper: Paper) -> dict[str, Any]:
    return {
        "id": paper.id,
        "category": paper.category,
        "type": paper.type,
        "side": paper.side,
        "country": paper.country,
        "source": paper.source,
        "state": paper.state,
        "at": moment_text(paper.at),
    }


def attempt_told(attempt: Attempt) -> dict[str, Any]:
    return {
        "provider": attempt.provider,
        "reference": attempt.reference,
        "state": attempt.state,
        "final": attempt.final,
        "reasons": list(attempt.reasons),
        "begun_at": moment_text(attempt.begun_at),
        "ended_at": optional(attempt.ended_at),
    }


def hold_told(hold: Hold) -> dict[str, Any]:
    return {"kind": hold.kind, "cause": hold.cause, "since": moment_text(hold.since)}


def standing_told(standing: Standing) -> dict[str, Any]:
    """How an account stands, and what the customer is shown."""
    return {
        "level": standing.level,
        "required_level": standing.required,
        "label": {"text": standing.label.text, "severity": standing.label.severity},
        "banner": {
            "show": standing.banner,
            "text": standing.label.text if standing.banner else "",
            "severity": standing.label.severity,
        },
        "case": None if standing.current is None else case_told(standing.current),
        "holds": [hold_told(each) for each in standing.holds],
    }


def gate_told(gate: Gate, account_id: str) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "gate": gate.name,
        "passage": gate.passage.value,
        "level": gate.level,
        "needs": gate.needs,
        "reasons": list(gate.reasons),
    }


def waiting_told(waiting: Waiting) -> dict[str, Any]:
    return {
        **case_told(waiting.case),
        "age_seconds": int(waiting.age.total_seconds()),
        "review_by": optional(waiting.case.review_by),
        "overdue": waiting.overdue,
        "disputed": waiting.disputed,
    }


def review_told(review: Review) -> dict[str, Any]:
    """With the internal note: for reviewers only."""
    return {**public_review_told(review), "note": review.note, "by": review.by, "round": review.round}


def public_review_told(review: Review) -> dict[str, Any]:
    """What the customer may read."""
    return {
        "document": review.document,
        "verdict": review.verdict.value,
        "reasons": list(review.reasons),
        "comment": review.comment,
        "at": moment_text(review.at),
    }


def prefixed(problems: Problems, place: str) -> list[Problem]:
    """Problems of something inside of a body, with their places in it."""
    return [Problem(f"{place}.{each.place}", each.message, each.help) for each in problems.problems]

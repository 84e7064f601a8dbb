"""Exemptions: rules silenced for one subject until a date."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Response

from kycrisk.api.asked import invalid
from kycrisk.api.decisions import answer
from kycrisk.api.lists import by
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.shapes import Items, NewExemption
from kycrisk.decision_json import moment_text
from kycrisk.problems import Problem, did_you_mean
from kycrisk.screening.exemptions import subject_key
from kycrisk.store.exemptions import NewExemption as Made
from kycrisk.store.exemptions import StoredExemption

routes = router("/v1/exemptions", "exemptions")


@routes.get(
    "", summary="Exemptions, the newest first", openapi_extra=needs("read"), responses=refusals(), response_model=Items
)
async def list_exemptions(service: Served, limit: Limit = 100, cursor: Cursor = "") -> Response:
    """Every exemption that was ever made here, ended ones too; those of the file are not among them."""
    page = await service.store.exemptions.page(after=cursor, limit=limit)
    return answer({"items": [_told(each) for each in page.items], "next": page.next})


@routes.post(
    "", status_code=201, summary="Exempt a subject", openapi_extra=needs("lists"), responses=refusals(Kind.CONFLICT)
)
async def add_exemption(service: Served, caller: Caller, exemption: NewExemption) -> Response:
    """Silence a rule for one subject, visibly: every decision that it touches says so."""
    rules = {rule.id for rule in service.standing.ruleset.rules}
    problems = []
    if exemption.rule not in rules:
        message = f"there is no rule `{exemption.rule[:100]}`"
        problems.append(Problem("rule", message, did_you_mean(exemption.rule, rules)))
    if exemption.until <= service.clock():
        problems.append(Problem("until", "is over already"))
    try:
        subject = str(subject_key(exemption.subject, exemption.value))
    except ValueError as error:
        subject = ""
        problems.append(Problem("value", str(error)))
    if problems:
        raise invalid(*problems)
    made = await service.store.exemptions.add(
        Made(
            rule=exemption.rule,
            kind=exemption.subject,
            subject=subject,
            until=exemption.until,
            by=by(caller, exemption.who),
            why=exemption.why,
        )
    )
    await service.standings.reload()
    return answer(_told(made), 201)


@routes.delete(
    "/{id}", summary="End an exemption", openapi_extra=needs("lists"), responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT)
)
async def end_exemption(service: Served, caller: Caller, id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Response:
    """Let the rule count again. The exemption stays on record."""
    ended = await service.store.exemptions.end(id, caller.name)
    await service.standings.reload()
    return answer(_told(ended))


def _told(made: StoredExemption) -> dict[str, Any]:
    return {
        "id": made.id,
        "rule": made.rule,
        "subject": made.kind,
        "value": made.subject,
        "until": moment_text(made.until),
        "who": made.by,
        "why": made.why,
        "added_at": moment_text(made.added_at),
        "ended_at": None if made.ended_at is None else moment_text(made.ended_at),
        "ended_by": made.ended_by,
    }

"""Screenings that were made: read, listed, replayed and explained."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import AwareDatetime

from kycrisk.api.problem import Kind
from kycrisk.api.routing import Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.shapes import Items
from kycrisk.decision import Decision
from kycrisk.decision_json import decision_to_json, moment_text
from kycrisk.explanation import explanation_dict, explanation_of
from kycrisk.outcome import Outcome
from kycrisk.ruleset.decide import replay
from kycrisk.store.decisions import DecisionFilter, StoredDecision
from kycrisk.store.failure import Erased

routes = router("/v1/screenings", "screenings")
Id = Annotated[str, Path(max_length=100, description="a decision's id")]
OUTCOMES = tuple(outcome.word for outcome in Outcome)


@routes.get(
    "",
    summary="List decisions, the newest first",
    openapi_extra=needs("read"),
    responses=refusals(),
    response_model=Items,
)
async def list_decisions(
    service: Served,
    account_id: Annotated[str | None, Query(max_length=200)] = None,
    outcome: Annotated[str | None, Query(pattern=f"^({'|'.join(OUTCOMES)})$")] = None,
    settled: Annotated[bool | None, Query()] = None,
    since: Annotated[AwareDatetime | None, Query(description="decided then or later")] = None,
    until: Annotated[AwareDatetime | None, Query(description="decided before")] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Response:
    """Decisions in short; each stands in full under its own address."""
    wanted = DecisionFilter(
        account_id=account_id,
        outcome=None if outcome is None else Outcome.from_word(outcome),
        settled=settled,
        since=since,
        until=until,
    )
    page = await service.store.decisions.page(wanted, after=cursor, limit=limit)
    return answer({"items": [_short(each) for each in page.items], "next": page.next})


@routes.get("/{id}", summary="A decision", openapi_extra=needs("read"), responses=refusals(Kind.NOT_FOUND, Kind.ERASED))
async def get_decision(service: Served, id: Id) -> Response:
    """The decision as it was answered, to the byte."""
    return Response(_body(await service.store.decisions.get(id)), media_type="application/json")


@routes.post(
    "/{id}/replay", summary="Make a decision again", openapi_extra=needs("screen"),
    responses=refusals(Kind.NOT_FOUND, Kind.ERASED, Kind.CONFLICT),
)  # fmt: skip
async def replay_decision(
    service: Served,
    id: Id,
    rules: Annotated[str, Query(pattern="^(same|active)$", description="`same`: the rules it was made by")] = "same",
) -> Response:
    """The decision made again from its stored evidence. By the same rules it is the same, to the byte."""
    stored = await service.store.decisions.get(id)
    body = _body(stored)
    version = stored.ruleset if rules == "same" else service.standing.ruleset.version
    compiled = await service.compiled(version)
    again = await asyncio.to_thread(lambda: decision_to_json(replay(compiled, stored.decision())).encode())
    same = b"true" if again == body else b"false"
    return Response(b'{"same":%b,"decision":%b}' % (same, again), media_type="application/json")


@routes.get(
    "/{id}/explanation", summary="Explain a decision", openapi_extra=needs("screen"),
    responses=refusals(Kind.NOT_FOUND, Kind.ERASED, Kind.CONFLICT),
)  # fmt: skip
async def explain_decision(service: Served, id: Id) -> Response:
    """Every rule with what it found and why, and the smallest changes that would lower the outcome."""
    stored = await service.store.decisions.get(id)
    decision = _decision(stored)
    compiled = await service.compiled(stored.ruleset)
    return answer(await asyncio.to_thread(lambda: explanation_dict(explanation_of(compiled, decision))))


def _decision(stored: StoredDecision) -> Decision:
    return stored.decision()


def _body(stored: StoredDecision) -> bytes:
    if stored.body is None:
        raise Erased(f"the personal data of decision `{stored.id}` was erased")
    return stored.body


def _short(stored: StoredDecision) -> dict[str, Any]:
    return {
        "id": stored.id,
        "account_id": stored.account_id,
        "outcome": stored.outcome.word,
        "score": stored.score,
        "settled": stored.settled,
        "ruleset": stored.ruleset,
        "decided_at": moment_text(stored.decided_at),
        "erased": stored.body is None,
    }


def answer(told: object, status: int = 200) -> Response:
    """JSON, as everything here is answered."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return Response(text, status_code=status, media_type="application/json")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment_text(value)
    raise TypeError(f"{type(value).__name__} is not for JSON")

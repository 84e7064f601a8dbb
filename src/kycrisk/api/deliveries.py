"""Deliveries: what waits, what was given up, and sending that again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.service import Service
from kycrisk.api.shapes import Items
from kycrisk.decision_json import moment_text
from kycrisk.outcome import Outcome
from kycrisk.store.deliveries import Delivery, State
from kycrisk.store.failure import NotFound

routes = router("/v1/deliveries", "deliveries")
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="a delivery's id")]
EndpointId = Annotated[str, Path(max_length=40, description="an endpoint's id")]
STATES = tuple(state.word for state in State)


@routes.get(
    "", summary="List deliveries, the newest first", openapi_extra=needs("read"), responses=refusals(),
    response_model=Items,
)  # fmt: skip
async def list_deliveries(
    service: Served,
    state: Annotated[str | None, Query(pattern=f"^({'|'.join(STATES)})$")] = None,
    endpoint: Annotated[str | None, Query(max_length=40)] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Response:
    """What is to be sent, was sent, and was given up (`dead`)."""
    wanted = None if state is None else State[state.upper()]
    page = await service.store.deliveries.page(state=wanted, endpoint=endpoint, after=cursor, limit=limit)
    return answer({"items": [delivery_dict(service, each) for each in page.items], "next": page.next})


@routes.get("/endpoints", summary="The endpoints of webhooks", openapi_extra=needs("read"), responses=refusals())
async def list_endpoints(service: Served) -> Response:
    """Those of the settings, and others for which something waits; with what waits and what was given up."""
    disabled = {each.endpoint: each for each in await service.store.deliveries.disabled()}
    depths = {(each.endpoint, each.state): each for each in await service.store.deliveries.depths()}
    known = {each.id: each.webhook for each in service.endpoints}
    items = []
    for id_ in dict.fromkeys((*known, *disabled, *(endpoint for endpoint, _ in depths))):
        waiting, dead = depths.get((id_, State.WAITING)), depths.get((id_, State.DEAD))
        items.append(
            {
                "id": id_,
                "host": known[id_].host if id_ in known else None,
                "events": sorted(known[id_].events) if id_ in known else [],
                "disabled_at": moment_text(disabled[id_].disabled_at) if id_ in disabled else None,
                "waiting": waiting.count if waiting else 0,
                "oldest": moment_text(waiting.oldest) if waiting else None,
                "dead": dead.count if dead else 0,
            }
        )
    return answer({"items": items})


@routes.post(
    "/endpoints/{endpoint}/enable", summary="Send to an endpoint again", openapi_extra=needs("admin"),
    responses=refusals(Kind.NOT_FOUND),
)  # fmt: skip
async def enable_endpoint(service: Served, caller: Caller, endpoint: EndpointId) -> Response:
    """What waits for an endpoint that answered 410 is sent to it again."""
    if not await service.store.deliveries.enable(endpoint, f"api_key {caller.id}"):
        raise NotFound(f"there is no disabled endpoint `{endpoint}`")
    return answer({"enabled": endpoint})


@routes.post("/replay", summary="Send all dead letters again", openapi_extra=needs("admin"), responses=refusals())
async def replay_dead(
    service: Served, caller: Caller, endpoint: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    """All that was given up, or what was given up for one endpoint, is sent again under the webhook-ids it had."""
    return answer({"replayed": await service.store.deliveries.replay_dead(f"api_key {caller.id}", endpoint)})


@routes.get("/{id}", summary="A delivery", openapi_extra=needs("read"), responses=refusals(Kind.NOT_FOUND))
async def get_delivery(service: Served, id: Id) -> Response:
    """Where it goes, how often it was tried, and what came of it."""
    return answer(delivery_dict(service, await service.store.deliveries.get(id)))


@routes.post(
    "/{id}/replay", summary="Send a dead letter again", openapi_extra=needs("admin"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT),
)  # fmt: skip
async def replay_delivery(service: Served, caller: Caller, id: Id) -> Response:
    """It is sent under the webhook-id it had, so a receiver that has it after all can tell."""
    return answer(delivery_dict(service, await service.store.deliveries.replay(id, f"api_key {caller.id}")))


def delivery_dict(service: Service, each: Delivery) -> dict[str, Any]:
    hosts = {endpoint.id: endpoint.webhook.host for endpoint in service.endpoints}
    before = each.before
    return {
        "id": each.id,
        "webhook_id": each.message,
        "endpoint": each.endpoint,
        "host": hosts.get(each.endpoint),
        "event": each.event.value,
        "decision": each.decision,
        "before": {"id": before.decision, "outcome": Outcome(before.outcome).word} if before else None,
        "state": each.state.word,
        "attempts": each.attempts,
        "due_at": moment_text(each.due_at) if each.state is State.WAITING else None,
        "created_at": moment_text(each.created_at),
        "first_at": moment_text(each.first_at) if each.first_at else None,
        "ended_at": moment_text(each.ended_at) if each.ended_at else None,
        "status": each.status,
        "error": each.error,
    }

"""The recheck list: accounts whose decision waits for a source."""

from __future__ import annotations

from fastapi import Response

from kycrisk.api.decisions import answer
from kycrisk.api.routing import Limit, Served, needs, refusals, router
from kycrisk.decision_json import moment_text

routes = router("/v1/rechecks", "rechecks")


@routes.get("", summary="Who waits for a source", openapi_extra=needs("read"), responses=refusals())
async def list_rechecks(service: Served, limit: Limit = 100) -> Response:
    """Accounts that may be screened again now, those waiting longest first, and how many wait for each signal."""
    due = await service.store.rechecks.due(service.clock(), limit=limit)
    items = [
        {
            "decision": each.decision_id,
            "since": moment_text(each.since),
            "tries": each.tries,
            "not_before": moment_text(each.not_before),
            "missing": dict(each.missing),
        }
        for each in due
    ]
    return answer({"items": items, "waiting_for": dict(await service.store.rechecks.missing())})

"""Whether the service lives, whether it is ready, and what it has counted. No key is needed, but where that is set."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Request, Response

from kycrisk.api.callers import let_in
from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.routing import Served, asked_of, refusals
from kycrisk.problems import Problem
from kycrisk.store.failure import StoreUnavailable

_log = logging.getLogger(__name__)

routes = APIRouter(tags=["health"])
_PATIENCE = 2.0  # seconds
TEXT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text form


@routes.get("/livez", summary="Does it live?")
async def livez() -> Response:
    """200 as long as the process answers at all."""
    return answer({"status": "alive"})


@routes.get("/readyz", summary="Is it ready?", responses={503: refusals(Kind.NOT_READY)[503]})
async def readyz(service: Served) -> Response:
    """200 when signups can be screened and stored; 503 with the reason, also while it stops."""
    if service.stopping:
        raise Refused(Kind.NOT_READY, "it is stopping", headers={"Retry-After": "5"})
    try:
        async with asyncio.timeout(_PATIENCE):
            await service.store.ready()
    except TimeoutError:
        raise _not_ready(f"the database did not answer within {_PATIENCE:g} s", "timeout") from None
    except StoreUnavailable as gone:
        _log.warning("not ready: %s", gone.reason)
        raise _not_ready("the database cannot be used", gone.reason.value) from None
    standing = service.standing
    refused = service.standings.failed is not None
    return answer({"status": "ready", "ruleset": standing.ruleset.version, "newer_refused": refused})


@routes.get("/metrics", summary="Measures for Prometheus", responses=refusals(), response_class=Response)
async def metrics(request: Request, service: Served) -> Response:
    """Latency by stage, outcomes, the share that was settled, sources, ages of lists, what waits."""
    if service.settings.service.metrics_need_key:
        await let_in(service, asked_of(request), "read", request.client.host if request.client else "")
    text = await (service.siblings.text() if service.siblings else asyncio.to_thread(service.measures.text))
    return Response(text, headers={"content-type": TEXT})


def _not_ready(detail: str, reason: str) -> Refused:
    problem = Problem("store", detail)
    return Refused(Kind.NOT_READY, detail, [problem], headers={"Retry-After": "1"}, reason=reason)

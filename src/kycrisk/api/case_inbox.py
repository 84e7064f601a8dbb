"""Where identity providers tell of their results. Not behind API keys: what comes is believed for its signature."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.routing import Served, refusals
from kycrisk.verification.providers.provider import WebhookRefused

_log = logging.getLogger(__name__)
routes = APIRouter(prefix="/v1/providers", tags=["cases"])
_REFUSED = {400: Kind.BAD_REQUEST, 401: Kind.UNAUTHENTICATED, 413: Kind.TOO_LARGE}


@routes.post(
    "/{name}/webhook", summary="A provider's webhook",
    responses=refusals(Kind.NOT_FOUND, Kind.TOO_LARGE),
)  # fmt: skip
async def receive(
    service: Served, request: Request, name: Annotated[str, Path(max_length=40, description="the provider")]
) -> Response:
    """Answered as soon as it is on the disk. What comes twice, late or about a case that is gone is answered 200 as
    well, and changes nothing. No body is ever logged."""
    service.bureau.sessions.hears(name)
    raw = await request.body()
    try:
        heard = await service.bureau.sessions.receive(name, raw, request.headers)
    except WebhookRefused as refused:
        if refused.status == 200:
            return answer({"effect": "ignored"})
        _log.warning("a webhook was refused: %s", refused.detail)
        raise Refused(_REFUSED[refused.status], f"the webhook is not believed ({refused.why.value})") from None
    return answer({"effect": heard.effect})

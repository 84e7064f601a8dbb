"""Routes that know which scope they need: the key is checked before anything else of the request is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute

from kycrisk.api.asked import Asked
from kycrisk.api.bodies import refuse_foreign
from kycrisk.api.callers import let_in
from kycrisk.api.door import ASKED
from kycrisk.api.problem import Kind
from kycrisk.api.service import Service
from kycrisk.store.api_keys import ApiKey

SCOPE = "x-kycrisk-scope"
NDJSON, JSON = "application/x-ndjson", "application/json"
SERVICE = "kycrisk.service"


class GuardedRoute(APIRoute):
    """A route that lets in only keys with the scope it names in `openapi_extra`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        extra = self.openapi_extra or {}
        scope, kind = extra[SCOPE], JSON if self.body_field else ""

        async def guarded(request: Request) -> Response:
            client = request.client.host if request.client else ""
            await let_in(service_of(request), asked_of(request), scope, client)
            if kind:
                refuse_foreign(asked_of(request), kind)
            response: Response = await handle(request)
            return response

        return guarded


def needs(scope: str) -> dict[str, Any]:
    """What a route says about the scope that it needs."""
    return {SCOPE: scope, "security": [{"apiKey": []}]}


def router(prefix: str, tag: str) -> APIRouter:
    """A router of guarded routes."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=GuardedRoute)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def asked_of(request: Request) -> Asked:
    asked: Asked = request.scope[ASKED]
    return asked


def _caller(request: Request) -> ApiKey:
    caller = asked_of(request).caller
    assert caller is not None, "a guarded route has let in nobody"
    return caller


Served = Annotated[Service, Depends(service_of)]
Caller = Annotated[ApiKey, Depends(_caller)]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many items at most")]
Cursor = Annotated[str, Query(max_length=100, description="`next` of the page before")]


def refusals(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, beside those that any may, for OpenAPI."""
    every = (
        Kind.BAD_REQUEST, Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.INVALID_REQUEST, Kind.RATE_LIMITED,
        Kind.INTERNAL_ERROR, Kind.STORE_UNAVAILABLE,
    )  # fmt: skip
    found: dict[int | str, list[Kind]] = {}
    for kind in (*every, *kinds):
        found.setdefault(kind.status, []).append(kind)
    return {
        status: {
            "description": "; ".join(f"{kind.title} (`{kind.slug}`)" for kind in told),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, told in found.items()
    }

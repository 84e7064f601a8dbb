"""The application: the resources behind the door."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from kycrisk.api import (
    accounts,
    batch,
    case_inbox,
    case_reviews,
    case_steps,
    cases,
    contract,
    decisions,
    deliveries,
    exemptions,
    feeds,
    health,
    held,
    labels,
    lists,
    rechecks,
    rulesets,
)
from kycrisk.api.door import Door
from kycrisk.api.problem import MEDIA_TYPE, Kind, Refused, problem_document, refusal_of
from kycrisk.api.routing import asked_of, service_of
from kycrisk.api.service import Service
from kycrisk.api.tracing import NO_TRACING, Tracing
from kycrisk.problems import Problem
from kycrisk.store.failure import StoreError

_RESOURCES = (
    batch, decisions, accounts, labels, lists, exemptions, rulesets, feeds, held, rechecks, deliveries, health,
    cases, case_steps, case_reviews, case_inbox,
)  # fmt: skip
_BY_STATUS = {
    400: Kind.BAD_REQUEST,
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
    413: Kind.TOO_LARGE,
    415: Kind.UNSUPPORTED_MEDIA_TYPE,
}


def make_app(service: Service, tracing: Tracing = NO_TRACING, pages: Sequence[APIRouter] = ()) -> Door:
    """The application of an open service, with pages beside its API. It closes nothing."""
    app = FastAPI(
        title="kycrisk",
        version=version("kycrisk"),
        openapi_url=None,  # contract.py answers it
        docs_url=None,  # its page would be loaded from somebody else's server
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: _refused,
            RequestValidationError: _invalid,
            StoreError: _store,
            Exception: _internal,
        },
    )
    app.state.service = service
    for resource in _RESOURCES:
        app.include_router(resource.routes)
    app.include_router(contract.routes)
    for each in pages:
        app.include_router(each)
    return Door(app, service, tracing)


def _respond(request: Request, refused: Refused) -> Response:
    asked = asked_of(request)
    service_of(request).measures.problems[refused.kind.slug] += 1
    document = problem_document(refused, instance=asked.path, request_id=asked.request_id)
    return Response(document, refused.status_code, dict(refused.headers or {}), MEDIA_TYPE)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refused):
        return _respond(request, error)
    kind = _BY_STATUS.get(error.status_code, Kind.BAD_REQUEST)
    words = {
        Kind.NOT_FOUND: "there is nothing at this path",
        Kind.METHOD_NOT_ALLOWED: f"`{request.method[:20]}` is not answered here",
    }
    detail = words.get(kind, "the body cannot be read")
    return _respond(request, Refused(kind, detail, headers=error.headers))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [_problem(each) for each in error.errors()]
    broken = [each for each in error.errors() if each["type"] == "json_invalid"]
    if broken:
        return _respond(request, Refused(Kind.MALFORMED_JSON, "the body is not JSON"))
    missing = [each for each in error.errors() if tuple(each["loc"]) == ("body",) and each["type"] == "missing"]
    if missing:
        return _respond(request, Refused(Kind.MALFORMED_JSON, "there is no body"))
    return _respond(request, Refused(Kind.INVALID_REQUEST, "one of its parameters cannot be used", problems))


def _problem(error: dict[str, object]) -> Problem:
    """pydantic's problem in our form: the place without the part of the request that FastAPI puts before it."""
    location = error["loc"]
    assert isinstance(location, tuple)
    place = ".".join(str(part) for part in (location[1:] if location[0] == "body" else location))
    message = str(error["msg"]).removesuffix(".")
    return Problem(place[:100], message[:1].lower() + message[1:300])


async def _store(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    return _respond(request, refusal_of(error))


async def _internal(request: Request, error: Exception) -> Response:
    """The door logs it: it is raised again behind this answer."""
    return _respond(request, Refused(Kind.INTERNAL_ERROR, "it was logged under the request's id"))

"""OpenAPI: what FastAPI knows of the routes, with the one route that it does not serve, and examples."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from kycrisk.api.asked import LEAST_DEADLINE_MS, MOST_DEADLINE_MS, SCOPES
from kycrisk.api.decisions import answer
from kycrisk.api.problem import TYPES, Kind
from kycrisk.api.routing import Served, needs, refusals
from kycrisk.api.screening import PATH
from kycrisk.intake import signup_fields
from kycrisk.signals import Signal

SIGNUP = {
    "account_id": "a-1042",
    "email": "jane.doe@example.com",
    "ip": "192.0.2.7",
    "first_name": "Jane",
    "last_name": "Doe",
    "address": {"lines": "1 Main Street", "city": "Bern", "postal_code": "3000", "country": "CH"},
    "submitted_at": "2026-11-23T10:00:00Z",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "enum": [f"{TYPES}{kind.slug}" for kind in Kind]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "reason": {"type": "string", "description": "why the database cannot be used"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["place", "message", "help"],
                "properties": {name: {"type": "string"} for name in ("place", "message", "help")},
            },
        },
    },
}


routes = APIRouter()


@routes.get("/v1/openapi.json", include_in_schema=False)
async def openapi(request: Request, service: Served) -> Response:
    """The whole contract, with the attributes of the rules in force."""
    attributes = service.standing.ruleset.policy.attributes
    return answer(await asyncio.to_thread(_whole, request.app, attributes))


def _whole(app: FastAPI, attributes: Mapping[str, Signal]) -> dict[str, Any]:
    told = get_openapi(
        title="kycrisk",
        version=app.version,
        summary="Decides, while a customer signs up, whether the account must verify its identity",
        description="Errors are problem documents (RFC 9457). Scopes of keys: "
        + "; ".join(f"`{name}`: {opens}" for name, opens in SCOPES.items()),
        routes=app.routes,
    )
    parts = told.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = _PROBLEM
    signup = signup_fields(attributes)
    parts["schemas"] |= signup.pop("$defs", {})
    parts["schemas"]["Signup"] = {**_moved(signup), "examples": [SIGNUP]}
    parts["schemas"] = {name: _moved(each) for name, each in parts["schemas"].items()}
    parts["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer", "description": "`kyc_…`, an API key"}}
    told["paths"].setdefault(PATH, {})["post"] = _screening()
    portable: dict[str, Any] = _portable(told)
    return portable


#: Control characters (Unicode's Cc), as every reader of regular expressions knows them; ours says `\P{Cc}`.
_PATTERNS = {
    r"^\P{Cc}*$": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    r"^[\P{Cc}\r\n\t]*$": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
    r"^[\P{Cc}\t]*$": r"^[^\u0000-\u0008\u000a-\u001f\u007f-\u009f]*$",
}


def _portable(told: Any) -> Any:
    """The same with patterns that readers in other languages know, too."""
    if isinstance(told, dict):
        return {
            name: _PATTERNS.get(value, value) if name == "pattern" and isinstance(value, str) else _portable(value)
            for name, value in told.items()
        }
    return [_portable(each) for each in told] if isinstance(told, list) else told


def _moved(schema: Any) -> Any:
    """A schema whose own definitions stand among the contract's."""
    if isinstance(schema, dict):
        return {
            name: value.replace("#/$defs/", "#/components/schemas/") if name == "$ref" else _moved(value)
            for name, value in schema.items()
        }
    return [_moved(each) for each in schema] if isinstance(schema, list) else schema


def _screening() -> dict[str, Any]:
    headers = {
        "Location": {"description": "where the decision stands", "schema": {"type": "string"}},
        "Idempotency-Replayed": {"description": "`true`: answered before", "schema": {"type": "string"}},
    }
    responses: dict[str, Any] = {
        str(status): told
        for status, told in refusals(
            Kind.MALFORMED_JSON, Kind.BODY_TOO_SLOW, Kind.IDEMPOTENCY_CONFLICT, Kind.ERASED,
            Kind.TOO_LARGE, Kind.UNSUPPORTED_MEDIA_TYPE,
            Kind.INVALID_SIGNUP, Kind.NOT_IN_TIME, Kind.BUSY,
        ).items()
    }  # fmt: skip
    responses["201"] = {
        "description": "The decision, on disk (docs/decision.md)",
        "headers": headers,
        "content": {"application/json": {"schema": {"type": "object", "required": ["format", "id", "outcome"]}}},
    }
    return {
        "tags": ["screenings"],
        "summary": "Screen a signup",
        "description": "The decision is on disk when it is answered.",
        "operationId": "screen",
        **needs("screen"),
        "parameters": [
            {
                "name": "complete",
                "in": "query",
                "description": "ask every source, whether it can change the outcome or not",
                "schema": {"type": "boolean", "default": False},
            },
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "the same key and body get the same answer",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            },
            {
                "name": "Kycrisk-Deadline-Ms",
                "in": "header",
                "description": "the answer comes within so many milliseconds",
                "schema": {"type": "integer", "minimum": LEAST_DEADLINE_MS, "maximum": MOST_DEADLINE_MS},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Signup"}}},
        },
        "responses": dict(sorted(responses.items())),
    }

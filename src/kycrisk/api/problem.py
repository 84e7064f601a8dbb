"""Problem documents (RFC 9457): what went wrong with a request, in one form for everything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum

from starlette.exceptions import HTTPException

from kycrisk.problems import Problem
from kycrisk.store.failure import (
    Conflict,
    Erased,
    IdempotencyConflict,
    NotFound,
    StoreError,
    StoreUnavailable,
)
from kycrisk.store.pages import BadCursor
from kycrisk.store.rulesets import SecondPersonNeeded
from kycrisk.verification.refusal import ConsentMissing, Incomplete

MEDIA_TYPE = "application/problem+json"
TYPES = "https://kycrisk.invalid/problems/"
MOST_ERRORS = 100


class Kind(Enum):
    """The kinds of problems: status and title. The name, with dashes, is the end of the type's URL."""

    MALFORMED_JSON = 400, "The body is not JSON"
    BAD_REQUEST = 400, "The request cannot be read"
    UNAUTHENTICATED = 401, "No valid API key"
    FORBIDDEN = 403, "The API key is not for this"
    CONSENT_MISSING = 403, "The customer has not agreed yet"
    NOT_FOUND = 404, "There is no such thing"
    METHOD_NOT_ALLOWED = 405, "This method is not for this path"
    BODY_TOO_SLOW = 408, "The body did not come in time"
    CONFLICT = 409, "It contradicts what is there"
    IDEMPOTENCY_CONFLICT = 409, "The idempotency key came with another body"
    SECOND_PERSON_NEEDED = 409, "A second person has to approve"
    INCOMPLETE = 409, "Something is still missing"
    ERASED = 410, "The personal data was erased"
    TOO_LARGE = 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = 415, "The body is of another kind than expected"
    INVALID_SIGNUP = 422, "The signup cannot be screened"
    INVALID_REQUEST = 422, "The request is not valid"
    INVALID_RULESET = 422, "The rules cannot be loaded"
    RATE_LIMITED = 429, "Too many requests"
    INTERNAL_ERROR = 500, "A mistake of ours"
    STORE_UNAVAILABLE = 503, "Nothing can be stored"
    NOT_IN_TIME = 503, "Not ready in time"
    BUSY = 503, "Too much at once"
    NOT_READY = 503, "Not ready"

    @property
    def status(self) -> int:
        return int(self.value[0])

    @property
    def title(self) -> str:
        return str(self.value[1])

    @property
    def slug(self) -> str:
        return self.name.lower().replace("_", "-")


class Refused(HTTPException):
    """A request that is answered with a problem. `detail` is for people, and holds nothing secret."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        errors: Iterable[Problem] = (),
        *,
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(kind.status, detail, dict(headers or {}))
        self.kind, self.errors, self.reason = kind, tuple(errors), reason


def problem_document(refused: Refused, *, instance: str, request_id: str) -> bytes:
    """The document as it is sent."""
    kind = refused.kind
    told = {
        "type": f"{TYPES}{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": refused.detail,
        "instance": instance,
        "request_id": request_id,
        "errors": [
            {"place": str(each.place), "message": each.message, "help": each.help}
            for each in refused.errors[:MOST_ERRORS]
        ],
    }
    if refused.reason:
        told["reason"] = refused.reason
    # A lone surrogate may come from the request itself; UTF-8 has no place for it.
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


_BY_ERROR: tuple[tuple[type[StoreError], Kind], ...] = (
    (IdempotencyConflict, Kind.IDEMPOTENCY_CONFLICT),
    (SecondPersonNeeded, Kind.SECOND_PERSON_NEEDED),
    (ConsentMissing, Kind.CONSENT_MISSING),
    (Incomplete, Kind.INCOMPLETE),
    (NotFound, Kind.NOT_FOUND),
    (Erased, Kind.ERASED),
    (Conflict, Kind.CONFLICT),
    (BadCursor, Kind.INVALID_REQUEST),
)


def refusal_of(error: StoreError) -> Refused:
    """What the store refuses, as a problem."""
    if isinstance(error, StoreUnavailable):
        # The database's own words may name files and hosts: they are for the log.
        detail = f"the database cannot be used ({error.reason.value}); nothing was acknowledged"
        return Refused(Kind.STORE_UNAVAILABLE, detail, headers={"Retry-After": "1"}, reason=error.reason.value)
    kind = next((kind for type_, kind in _BY_ERROR if isinstance(error, type_)), Kind.INVALID_REQUEST)
    place = "cursor" if isinstance(error, BadCursor) else ""
    if isinstance(error, Incomplete):
        return Refused(kind, error.message, error.problems)
    told = [Problem(place, error.message, error.help)] if error.help or place else []
    return Refused(kind, error.message, told)

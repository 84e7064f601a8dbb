"""The server's answers: a decision, or a problem document (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kycrisk.client.failure import Failure, ScreeningFailed
from kycrisk.client.screening import Reason, Screening
from kycrisk.outcome import Outcome
from kycrisk.problems import Problem

FORMAT = "kycrisk.decision/1"
MOST_PROBLEMS = 100

# Status → what it means. What is not here is the server's fault from 500 on, and an answer that cannot be, below.
_STATUS: dict[int, tuple[Failure, str]] = {
    400: (Failure.SIGNUP, "the server cannot read the signup"),
    401: (Failure.REFUSED, "the server does not accept the key"),
    403: (Failure.REFUSED, "the key may not screen"),
    404: (Failure.REFUSED, "there is no screening at this address"),
    405: (Failure.REFUSED, "there is no screening at this address"),
    408: (Failure.BUSY, "the server waited too long for the signup"),
    409: (Failure.CONFLICT, "another signup came under this idempotency key"),
    413: (Failure.SIGNUP, "the signup is too large"),
    422: (Failure.SIGNUP, "the server cannot use the signup"),
    429: (Failure.BUSY, "the key has asked too often"),
    503: (Failure.BUSY, "the server cannot take the signup now"),
}


def screening(body: bytes, account_id: str) -> Screening:
    """The decision in an answer. Raises `ScreeningFailed` when there is none, or it is about another account."""
    raw = _object(body)
    try:
        if raw["format"] != FORMAT:
            raise ScreeningFailed(Failure.BROKEN, "the answer is not in the format of a decision")
        if raw["account_id"] != account_id:
            raise ScreeningFailed(Failure.BROKEN, "the answer is about another account")
        return Screening(
            id=_typed(raw["id"], str),
            outcome=Outcome.from_word(raw["outcome"]),
            score=_typed(raw["score"], int),
            settled=_typed(raw["settled"], bool),
            reasons=tuple(_reason(each) for each in raw["reasons"]),
            raw=MappingProxyType(raw),
        )
    except (KeyError, TypeError):
        raise ScreeningFailed(Failure.BROKEN, "the answer is not a decision") from None


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ScreeningFailed:
    """What an answer that is no decision means."""
    failure, why = _STATUS.get(status, (Failure.BROKEN, f"the server answers {status}"))
    try:
        document = _object(body)
    except ScreeningFailed:
        document = {}
    problems = _problems(document.get("errors"))
    count = "" if not problems else " (1 problem)" if len(problems) == 1 else f" ({len(problems)} problems)"
    seconds = headers.get("retry-after", "")
    return ScreeningFailed(
        failure,
        why + count,
        status=status,
        problems=problems,
        retry_after=float(seconds[:9]) if seconds.isascii() and seconds.isdigit() else None,
        request_id=headers.get("x-request-id", ""),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ScreeningFailed(Failure.BROKEN, "the answer is not a JSON object")
    return found


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:  # not isinstance: True is no score
        raise TypeError(kind.__name__)
    return value


def _reason(raw: Any) -> Reason:
    texts = {name: _typed(raw[name], str) for name in ("rule", "title", "contribution", "text")}
    return Reason(**texts)


def _problems(raw: object) -> tuple[Problem, ...]:
    """The problems of a document; what is not one of them is left out, as there is a failure anyway."""
    if not isinstance(raw, list):
        return ()
    found = [each for each in raw[:MOST_PROBLEMS] if isinstance(each, dict)]
    return tuple(
        Problem(str(each.get("place", "")), str(each.get("message", "")), str(each.get("help") or "")) for each in found
    )

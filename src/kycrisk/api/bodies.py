"""Bodies: within their limits of size and time, or refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from kycrisk.api.asked import Asked
from kycrisk.api.problem import Kind, Refused
from kycrisk.problems import Problem, Problems
from kycrisk.screening.inputs.json_text import read_json

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Gone(Exception):
    """The caller went away before the request was whole."""


async def read_body(receive: Receive, asked: Asked, most: int) -> bytes:
    """The whole body. Raises `Refused` for one that is too large, and `Gone`."""
    refuse_large(asked, most)
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body if len(body) <= most else _refuse(most)
    parts, size = [body], len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            _refuse(most)
    return b"".join(parts)


def refuse_large(asked: Asked, most: int) -> None:
    """Refuse a body whose head says already that it is too large."""
    length = asked.length()
    if length is not None and length > most:
        _refuse(most)


def refuse_foreign(asked: Asked, wanted: str) -> None:
    """Refuse a body that does not say that it is of the kind that is wanted."""
    if asked.media_type != wanted:
        raise Refused(Kind.UNSUPPORTED_MEDIA_TYPE, f"the body has to be `{wanted}`, as `Content-Type` has to say")


def limited(receive: Receive, most: int) -> Receive:
    """The same body; reading it raises `Refused` once it is too large."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if size > most:
            _refuse(most)
        return message

    return counted


def json_object(body: bytes) -> dict[str, object]:
    """The object that a body holds. Raises `Refused`."""
    try:
        found = read_json(body)
    except Problems as wrong:
        detail = f"the body {wrong.problems[0].message}"
        raise Refused(Kind.MALFORMED_JSON, detail) from None
    if not isinstance(found, dict):
        problem = Problem("", "expected an object with named fields")
        raise Refused(Kind.INVALID_SIGNUP, "a signup is an object", [problem])
    return found


def _refuse(most: int) -> bytes:
    raise Refused(Kind.TOO_LARGE, f"the body has more than {most} bytes")

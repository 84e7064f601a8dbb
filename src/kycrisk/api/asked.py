"""A request as the door sees it: who asks, under which id, and by when an answer is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

from kycrisk.api.problem import Kind, Refused
from kycrisk.problems import Problem
from kycrisk.randomness import random_bytes
from kycrisk.store.api_keys import ApiKey

#: The scopes that a key can have, and what each opens.
SCOPES = {
    "screen": "screen signups, and replay and explain decisions",
    "read": "read decisions, accounts, lists, exemptions, rules, feeds and rechecks",
    "lists": "change lists, exemptions and labels, and update feeds",
    "rules": "write, approve and publish rules",
    "admin": "export and erase accounts",
    "cases": "open, read and close verification cases, and ask gates",
    "review": "see what customers entered, and decide cases",
    "disclose": "write down and read to whom personal data was given",
}
LEAST_DEADLINE_MS, MOST_DEADLINE_MS = 10, 60_000

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}")
_MILLISECONDS = re.compile(rb"[0-9]{1,6}")
_KEPT = frozenset(
    {
        b"authorization",
        b"content-type",
        b"content-length",
        b"idempotency-key",
        b"kycrisk-deadline-ms",
        b"x-request-id",
        b"traceparent",
        b"tracestate",
    }
)
Scope = MutableMapping[str, Any]


class Asked:
    """What matters of a request's head. `arrived` is a moment of the monotonic clock; `caller` is known once the key
    was checked."""

    __slots__ = ("arrived", "caller", "decision", "headers", "method", "path", "query", "request_id", "route")

    def __init__(self, scope: Scope, arrived: float) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.arrived = arrived
        self.headers = _kept(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else random_bytes(8).hex()
        self.caller: ApiKey | None = None
        self.route = "other"
        self.decision = ""

    @property
    def token(self) -> str:
        """The bearer token; empty when there is none."""
        kind, _, token = self.headers.get(b"authorization", b"").partition(b" ")
        return token.strip().decode("latin-1") if kind.lower() == b"bearer" else ""

    @property
    def media_type(self) -> str:
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")

    def length(self) -> int | None:
        """The length that the body is said to have."""
        text = self.headers.get(b"content-length")
        return int(text) if text is not None and text.isdigit() else None

    def deadline(self) -> float | None:
        """The moment by which an answer is wanted. Raises `Refused`."""
        text = self.headers.get(b"kycrisk-deadline-ms")
        if text is None:
            return None
        if not _MILLISECONDS.fullmatch(text) or not LEAST_DEADLINE_MS <= int(text) <= MOST_DEADLINE_MS:
            message = f"is not a number of milliseconds from {LEAST_DEADLINE_MS} to {MOST_DEADLINE_MS}"
            raise invalid(Problem("header Kycrisk-Deadline-Ms", message))
        return self.arrived + int(text) / 1000

    def idempotency_key(self) -> str | None:
        """The key under which the same request may come again. Raises `Refused`."""
        text = self.headers.get(b"idempotency-key")
        if text is None:
            return None
        if not _IDEMPOTENCY_KEY.fullmatch(text):
            raise invalid(Problem("header Idempotency-Key", "is not 1 to 255 visible ASCII characters"))
        return text.decode()


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that are read here; of one that came twice, the last, except where that could mean two callers."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _KEPT:
            if name in found and name == b"authorization":
                raise Refused(Kind.BAD_REQUEST, "there are two `Authorization` headers")
            found[name] = value
    return found


def invalid(*problems: Problem) -> Refused:
    """A request whose parameters are wrong."""
    return Refused(Kind.INVALID_REQUEST, "one of its parameters cannot be used", problems)

"""A signup as it is sent: its bytes, its idempotency key, the server's share of the time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHORTEST_MS, LONGEST_MS = 10, 60_000
#: The server's share of the time that is left; the rest is for the way there and back.
SHARE = 0.85

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One signup, ready to be sent, perhaps twice."""

    body: bytes = field(repr=False)
    account_id: str = field(repr=False)
    idempotency_key: str
    deadline_ms: int | None  # what the server may take; None: a share of what is left

    def deadline_in(self, left: float) -> int:
        """The milliseconds that the server may take when the caller has `left` seconds."""
        share = int(left * 1000 * SHARE)
        return max(SHORTEST_MS, min(LONGEST_MS, share if self.deadline_ms is None else min(self.deadline_ms, share)))


def question(
    signup: Mapping[str, Any], *, idempotency_key: str | None, deadline_ms: int | None, timeout: float
) -> Question:
    """The question about a signup. Raises `ValueError` or `TypeError` for what no server could be asked.

    Without a key, the same account with the same signup has the same key: asked again, it gets the stored decision.
    """
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise ValueError("an idempotency key is 1 to 255 visible ASCII characters")
    if deadline_ms is not None and not SHORTEST_MS <= deadline_ms <= LONGEST_MS:
        raise ValueError(f"`deadline_ms` is {SHORTEST_MS} to {LONGEST_MS}, not {deadline_ms}")
    if deadline_ms is not None and deadline_ms >= timeout * 1000:
        raise ValueError(f"`deadline_ms` of {deadline_ms} is not within the timeout of {timeout * 1000:.0f} ms")
    body = json.dumps(signup, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    account_id = str(signup.get("account_id", "")).strip()
    return Question(
        body=body,
        account_id=account_id,
        idempotency_key=idempotency_key or derived_key(account_id, body),
        deadline_ms=deadline_ms,
    )


def derived_key(account_id: str, body: bytes) -> str:
    """A key made of the account and what is said of it. It is a digest, as account ids can be e-mail addresses."""
    account = hashlib.sha256(account_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{account[:16]}-{hashlib.sha256(body).hexdigest()}"

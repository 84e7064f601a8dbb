"""Signed messages to systems of the operator's own (Standard Webhooks), with an answer that is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kycrisk.decision_json import moment_text
from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.verification.exchange import MOST_BYTES, fetched
from kycrisk.webhook_signature import signed_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPost:
    """Where messages go, and what they are signed with. `webhook-id` is the key, the same at every try."""

    http: Http
    url: str
    secret: Secret
    clock: Callable[[], datetime]

    async def send(self, kind: str, key: str, data: Mapping[str, object]) -> str:
        """The body of the answer, empty when there is none. Raises `OutsideFailure`."""
        now = self.clock()
        told = {"type": kind, "timestamp": moment_text(now), "data": data}
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        headers = signed_headers(key, body, [self.secret], now)
        request = HttpRequest(
            url=self.url, method="POST", headers=headers, body=body, max_bytes=MOST_BYTES, repeatable=True
        )  # fmt: skip
        return (await fetched(self.http, request, f"webhook {kind}")).body.decode("utf-8", "replace")

"""One attempt over HTTP. No redirect is followed, and no address that is not public is sent to unless allowed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import ip_network

from kycrisk.delivery.endpoint import Endpoint
from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http import Http, retry_after
from kycrisk.lookups.http_guard import Resolve, system_resolve
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Redactor
from kycrisk.webhook_signature import signed_headers

_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_GONE = 410
_MOST_BYTES = 1_000_000  # of an answer, which nobody reads


class Result(Enum):
    """What an endpoint made of an attempt."""

    DELIVERED = "delivered"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt; `retry_after` in seconds, 0 when it was not asked for."""

    result: Result
    status: int | None = None
    error: str = ""
    retry_after: float = 0.0


class Sender:
    """Sends to the endpoints of a site. Belongs to one event loop; close it with `aclose`."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        version: str,
        now: Callable[[], datetime],
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        secrets = [secret for each in endpoints for secret in each.webhook.secrets]
        self._now = now
        self._public, self._private = (
            Http(version=version, resolve=resolve, allowed=allowed, redactor=Redactor(secrets), tls=tls, now=now)
            for allowed in ((), _EVERYWHERE)
        )

    async def send(self, endpoint: Endpoint, message: str, body: bytes) -> Answer:
        """Make one attempt, within the endpoint's time."""
        webhook = endpoint.webhook
        request = HttpRequest(
            url=webhook.url,
            method="POST",
            headers=signed_headers(message, body, webhook.secrets, self._now()),
            body=body,
            repeatable=False,
            max_bytes=_MOST_BYTES,
        )
        http = self._private if webhook.allow_private else self._public
        deadline = asyncio.get_running_loop().time() + webhook.timeout.total_seconds()
        try:
            answer = await http.fetch(request, deadline)
        except LookupFailure as failure:  # with a status it is only that nobody wants to read the answer
            return _judged(failure.status or None, failure.retry_after, failure.unknown.detail)
        return _judged(answer.status, retry_after(answer.headers.get("retry-after", ""), self._now()), "")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._public.aclose()
        await self._private.aclose()


def _judged(status: int | None, seconds: float, why: str) -> Answer:
    if status is not None and 200 <= status < 300:
        return Answer(Result.DELIVERED, status)
    if status == _GONE:
        return Answer(Result.GONE, status, "the endpoint answers that it is gone (410)")
    return Answer(Result.FAILED, status, why or f"the endpoint answers {status}", seconds)

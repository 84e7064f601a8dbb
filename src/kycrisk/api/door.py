"""The door: every request passes it. Ids, limits, problems for whatever goes wrong, measures and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from kycrisk.api import screening
from kycrisk.api.asked import Asked, Scope
from kycrisk.api.bodies import Gone, Message, Receive, limited, refuse_large
from kycrisk.api.problem import MEDIA_TYPE, Kind, Refused, problem_document, refusal_of
from kycrisk.api.service import Service
from kycrisk.api.tracing import Tracing
from kycrisk.store.failure import StoreError

_log = logging.getLogger("kycrisk.api")

Send = Callable[[Message], Awaitable[None]]
ASKED = "kycrisk.asked"  # where the request's `Asked` stands in its scope
BATCH_PATH = "/v1/screenings/batch"
_GONE = 499  # as proxies write it in their logs: nobody was there to be answered


class Door:
    """The outermost application."""

    def __init__(self, app: ASGIApp, service: Service, tracing: Tracing) -> None:
        self._app, self._service, self._tracing = app, service, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no lifespan to be told of, and no web sockets here
        arrived = time.monotonic()  # the loop's own clock ticks in milliseconds under uvloop
        try:
            asked = Asked(scope, arrived)
        except Refused as refused:
            asked = Asked({**scope, "headers": []}, arrived)
            await self._refuse(asked, send, refused)
            self._finished(asked, refused.status_code)
            return
        if self._tracing.on:
            with self._tracing.span(asked) as ended:
                ended(asked, await self._answer(asked, scope, receive, send))
        else:
            await self._answer(asked, scope, receive, send)

    async def _answer(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> int:
        answer = _Answer(send, asked.request_id)
        try:
            if asked.path == screening.PATH and asked.method == "POST":
                client = scope.get("client")
                head, body = await screening.screen(self._service, asked, receive, client[0] if client else "")
                await answer.give(201, head, body)
            else:
                await self._rest(asked, scope, receive, answer)
        except Refused as refused:
            await self._refuse(asked, answer, refused)
        except StoreError as error:
            refusal = refusal_of(error)
            if refusal.status_code >= 500:
                told = {"request_id": asked.request_id, "route": asked.route}
                _log.error("the store cannot be used: %s", refusal.reason, extra=told)
            await self._refuse(asked, answer, refusal)
        except (Gone, ClientDisconnect):
            answer.status = _GONE
        except Exception as error:  # noqa: BLE001 - the outermost place: whatever it is, the caller gets a problem
            told = {"request_id": asked.request_id, "route": asked.route, "method": asked.method}
            _log.error("a mistake of ours", exc_info=error, extra=told)
            await self._refuse(asked, answer, Refused(Kind.INTERNAL_ERROR, "it was logged under the request's id"))
        self._finished(asked, answer.status)
        return answer.status

    async def _rest(self, asked: Asked, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Everything but a single screening."""
        scope[ASKED] = asked
        limits = self._service.settings.service.limits
        try:
            if asked.path == BATCH_PATH:  # as long as it takes, a line at a time
                await self._app(scope, receive, answer)
            else:
                refuse_large(asked, limits.large_body)
                async with asyncio.timeout(limits.time.total_seconds()):
                    await self._app(scope, limited(receive, limits.large_body), answer)
        except TimeoutError:
            raise Refused(Kind.NOT_IN_TIME, "it took too long", headers={"Retry-After": "1"}) from None
        finally:
            asked.route = getattr(scope.get("route"), "path", "other")

    async def _refuse(self, asked: Asked, send: Any, refused: Refused) -> None:
        answer = send if isinstance(send, _Answer) else _Answer(send, asked.request_id)
        self._service.measures.problems[refused.kind.slug] += 1
        if answer.status:
            return  # half an answer is out already: the connection ends without the rest, which tells the caller
        document = problem_document(refused, instance=asked.path, request_id=asked.request_id)
        head = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(document)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in (refused.headers or {}).items()),
        ]
        if asked.method == "HEAD":
            document = b""
        await answer.give(refused.status_code, head, document)

    def _finished(self, asked: Asked, status: int) -> None:
        seconds = time.monotonic() - asked.arrived
        self._service.measures.requests[asked.method if asked.route != "other" else "other", asked.route, status] += 1
        key = asked.caller.id if asked.caller else ""
        method = asked.method if asked.method.isalpha() else "other"
        self._service.access_log.add(method, asked.route, status, seconds, asked.request_id, key, asked.decision)


class _Answer:
    """What is sent, with the request's id on it; `status` is 0 until it began."""

    __slots__ = ("_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._id, self.status = send, (b"x-request-id", request_id.encode()), 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), self._id]}
        await self._send(message)

    async def give(self, status: int, head: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        head.append(self._id)
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

"""Many signups in one request: JSON lines in, JSON lines out, in order, while the rest is still coming in.

A line is answered when its decision is on the disk. The next lines are read while earlier ones are screened, but never
more than a window of them, so that a caller who reads slowly is read slowly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from kycrisk.api.asked import Asked
from kycrisk.api.bodies import json_object, refuse_foreign
from kycrisk.api.problem import Kind, Refused, problem_document, refusal_of
from kycrisk.api.routing import NDJSON, Caller, Served, asked_of, needs, refusals, router
from kycrisk.api.screening import invalid_signup
from kycrisk.api.service import Service
from kycrisk.problems import Problems
from kycrisk.service.stored import Wanted
from kycrisk.store.failure import StoreError

routes = router("/v1/screenings", "screenings")
AT_ONCE = 64
_LINE = {"schema": {"type": "string", "description": "one signup a line"}}


@routes.post(
    "/batch", summary="Screen many signups", responses=refusals(Kind.UNSUPPORTED_MEDIA_TYPE),
    openapi_extra={
        **needs("screen"),
        "requestBody": {"required": True, "content": {NDJSON: _LINE}},
    },
)  # fmt: skip
async def screen_batch(request: Request, service: Served, caller: Caller) -> StreamingResponse:
    """A line for every line, in order: `{"row": 1, "decision": {…}}` or `{"row": 1, "problem": {…}}`.

    A line that is no signup does not stop the others. What was answered is stored, whatever becomes of the rest.
    """
    asked = asked_of(request)
    refuse_foreign(asked, NDJSON)
    batch = _Batch(service, asked, f"api_key {caller.id}")
    return _Stream(batch.answers(_lines(request, service.settings.service.limits.body)), media_type=NDJSON)


class _Stream(StreamingResponse):
    """Sends while the body still comes in; Starlette's own would wait for the caller to leave, and eat the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


class _Batch:
    def __init__(self, service: Service, asked: Asked, actor: str) -> None:
        self._service, self._asked, self._actor = service, asked, actor

    async def answers(self, lines: AsyncIterator[bytes | None]) -> AsyncIterator[bytes]:
        """The answers in the order of the lines."""
        running: deque[asyncio.Task[bytes]] = deque()
        row = 0
        try:
            async for line in lines:
                row += 1
                if line is not None and not line.strip():
                    continue
                running.append(asyncio.create_task(self._answer(row, line)))
                while running and (running[0].done() or len(running) >= AT_ONCE):
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()

    async def _answer(self, row: int, line: bytes | None) -> bytes:
        try:
            body = await self._screened(line)
        except Refused as refused:
            return self._problem(row, refused)
        except StoreError as error:
            return self._problem(row, refusal_of(error))
        return b'{"row":%d,"decision":%b}\n' % (row, body)

    async def _screened(self, line: bytes | None) -> bytes:
        if line is None:
            raise Refused(Kind.TOO_LARGE, f"the line has more than {self._service.settings.service.limits.body} bytes")
        standing = self._service.standing
        try:
            signup = standing.desk.signup(json_object(line))
        except Problems as wrong:
            raise invalid_signup(wrong.problems) from None
        self._service.under_way += 1
        try:
            stored = await self._service.screener.screen(standing, Wanted(signup=signup, raw=line, actor=self._actor))
        finally:
            self._service.under_way -= 1
        return stored.body

    def _problem(self, row: int, refused: Refused) -> bytes:
        self._service.measures.problems[refused.kind.slug] += 1
        document = problem_document(refused, instance=self._asked.path, request_id=self._asked.request_id)
        return b'{"row":%d,"problem":%b}\n' % (row, document)


async def _lines(request: Request, most: int) -> AsyncIterator[bytes | None]:
    """The lines of a body as they come in; None for one that is too long."""
    rest, skipping = b"", False
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield None if skipping or len(line) > most else line
            skipping = False
        if len(rest) > most:
            rest, skipping = b"", True
    if rest or skipping:
        yield None if skipping or len(rest) > most else rest

"""`POST /v1/screenings`: the one request that a customer waits for, so nothing stands in its way.

The body goes straight to the reader of signups, and the answer is the bytes that were stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from kycrisk.api.asked import Asked, invalid
from kycrisk.api.bodies import Receive, json_object, read_body, refuse_foreign
from kycrisk.api.callers import let_in
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.service import Service
from kycrisk.problems import Problem, Problems
from kycrisk.service.stored import Wanted
from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.screenings import Stored

PATH = "/v1/screenings"
#: An answer that is to be there at a moment has to leave a little earlier.
_ON_ITS_WAY = 0.004
_COMPLETE = {b"": False, b"complete=true": True, b"complete=false": False}
Head = list[tuple[bytes, bytes]]


async def screen(service: Service, asked: Asked, receive: Receive, client: str) -> tuple[Head, bytes]:
    """The head and the body of the answer. Raises `Refused`, `StoreError` and `Gone`."""
    asked.route = PATH
    limits = service.settings.service.limits
    by = asked.deadline()
    body: bytes | None = None
    latest = asked.arrived + limits.time.total_seconds() if by is None else by - _ON_ITS_WAY
    try:
        async with asyncio.timeout(latest - time.monotonic()):
            caller = await let_in(service, asked, "screen", client)
            refuse_foreign(asked, "application/json")
            body = await read_body(receive, asked, limits.body)
            if service.under_way >= limits.waiting:
                detail = f"{limits.waiting} screenings are under way already"
                raise Refused(Kind.BUSY, detail, headers={"Retry-After": "1"})
            service.under_way += 1
            try:
                stored = await _stored(service, asked, caller.id, body, by)
            finally:
                service.under_way -= 1
    except TimeoutError:
        if body is None:
            raise Refused(Kind.BODY_TOO_SLOW, "it was still on its way when the time was over") from None
        raise Refused(
            Kind.NOT_IN_TIME,
            "the decision was not stored in time; under the same idempotency key the request can be made again",
            headers={"Retry-After": "1"},
        ) from None
    asked.decision = stored.decision_id
    service.measures.answered(time.monotonic() - asked.arrived, stored.repeated)
    return _head(stored), stored.body


async def _stored(service: Service, asked: Asked, caller: str, body: bytes, by: float | None) -> Stored:
    started = time.perf_counter()
    standing = service.standing
    complete = _COMPLETE.get(asked.query)
    if complete is None:
        raise invalid(Problem("query", "the only parameter is `complete`, which is `true` or `false`"))
    key = asked.idempotency_key()
    try:
        signup = standing.desk.signup(json_object(body))
    except Problems as wrong:
        raise invalid_signup(wrong.problems) from None
    service.measures.read(time.perf_counter() - started)
    # With `complete` a request is another one, though its body is the same.
    scope = f"{caller} screen complete" if complete else f"{caller} screen"
    wanted = Wanted(
        signup=signup,
        raw=body,
        actor=f"api_key {caller}",
        by=by,
        complete=complete,
        idempotency=None if key is None else IdempotencyKey.of(scope, key, body),
    )
    return await service.screener.screen(standing, wanted)


def invalid_signup(problems: Iterable[Problem]) -> Refused:
    """A signup that is none, with everything that is wrong with it."""
    told = tuple(problems)
    many = "one field is not as it has to be" if len(told) == 1 else f"{len(told)} fields are not as they have to be"
    return Refused(Kind.INVALID_SIGNUP, many, told)


def _head(stored: Stored) -> Head:
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(stored.body)).encode()),
        (b"location", f"{PATH}/{stored.decision_id}".encode()),
    ]
    if stored.repeated:
        head.append((b"idempotency-replayed", b"true"))
    return head

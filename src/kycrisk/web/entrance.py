"""The ways into a case: the link of a ticket or letter, and the one that a second device is given.

A GET changes nothing, since mail scanners and previews open links, too. The visitor's own click does.
"""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import RedirectResponse

from kycrisk.api.routing import service_of
from kycrisk.verification.languages import LANGUAGES
from kycrisk.verification.tokens import Kind, Refused, go_on, look
from kycrisk.web.render import LANGUAGE_COOKIE, page
from kycrisk.web.visit import HOME, Stop, begin_visit, keep_cookie, page_router, text_of

_log = logging.getLogger(__name__)
routes = page_router("")
Token = Annotated[str, Path(max_length=100)]


@routes.get("/v/{token}")
async def show_entrance(request: Request, token: Token) -> Response:
    """What the link of a ticket or letter leads to, with a button."""
    return await _show(request, Kind.LINK, token)


@routes.post("/v/{token}")
async def enter(request: Request, token: Token) -> Response:
    """Begin a visit."""
    return await _enter(request, Kind.LINK, token)


@routes.get("/h/{token}")
async def show_second_entrance(request: Request, token: Token) -> Response:
    """What the link to another device leads to, with a button."""
    return await _show(request, Kind.HAND_OFF, token)


@routes.post("/h/{token}")
async def enter_at_second_device(request: Request, token: Token) -> Response:
    """Go on with a visit here; the link works once."""
    return await _enter(request, Kind.HAND_OFF, token)


async def _show(request: Request, kind: Kind, token: str) -> Response:
    service = service_of(request)
    _slow_down(request)
    found = await service.store.read(look, kind, token, service.clock())
    if isinstance(found, Refused):
        raise _refused(request, found)
    file = await service.cases.get(found.subject)
    return page(request, "customer/entrance.html", file=file, second_device=kind is Kind.HAND_OFF)


async def _enter(request: Request, kind: Kind, token: str) -> Response:
    _slow_down(request)
    found = await service_of(request).store.write(lambda tx: go_on(tx, kind, token))
    if isinstance(found, Refused):
        raise _refused(request, found)
    return begin_visit(request, found[1])


@routes.post("/verify/language")
async def choose_language(request: Request) -> Response:
    """English, or the other one."""
    form = await request.form(max_files=0, max_fields=5, max_part_size=1000)
    language, back = text_of(form, "language", 5), text_of(form, "back", 200)
    safe = back if back.startswith("/") and not back.startswith(("//", "/\\")) else HOME
    response = RedirectResponse(safe, 303)
    if language in LANGUAGES:
        keep_cookie(request, response, LANGUAGE_COOKIE, language, 365 * 86_400, "/")
    return response


def _refused(request: Request, why: Refused) -> Stop:
    service_of(request).strangers.take(_client(request))
    _log.warning("a link is not taken: it is %s", why.value)
    return Stop(request, f"link_{why.value}", 404 if why is Refused.UNKNOWN else 410)


def _slow_down(request: Request) -> None:
    """Who tries many links that do not exist waits."""
    if service_of(request).strangers.spent(_client(request)):
        raise Stop(request, "too_often", 429)


def _client(request: Request) -> str:
    return request.client.host if request.client else ""

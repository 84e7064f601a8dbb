"""Who reviews in this browser: the holder of an API key with scope `review`, which is the session's cookie.

A key that is revoked or has expired ends the session with the next click, and every decision carries the key's name.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from kycrisk.api.callers import let_in
from kycrisk.api.problem import Refused
from kycrisk.api.routing import asked_of, service_of
from kycrisk.store.api_keys import ApiKey
from kycrisk.web.render import page
from kycrisk.web.visit import LogIn, csrf_of, is_secure, page_router, text_of

routes = page_router("/review")
COOKIE = "kycrisk_reviewer"
HOME = "/review"
SCOPE = "review"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody with a key. `csrf` must come with every change."""

    key: ApiKey
    csrf: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.key.name


async def reviewing(request: Request) -> Reviewer:
    """The reviewer of this browser. Raises `LogIn`."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise LogIn
    try:
        return Reviewer(await _let_in(request, token), csrf_of(token))
    except Refused:
        raise LogIn from None


async def deciding(request: Request) -> tuple[Reviewer, FormData]:
    """The reviewer, with a form that this browser was given. Raises `LogIn`."""
    reviewer = await reviewing(request)
    form = await request.form(max_files=0, max_fields=60, max_part_size=20_000)
    if not hmac.compare_digest(str(form.get("csrf", "")), reviewer.csrf):
        raise LogIn
    return reviewer, form


@routes.get("/login")
async def show_login(request: Request) -> Response:
    return page(request, "reviewer/login.html", error="")


@routes.post("/login")
async def log_in(request: Request) -> Response:
    """Judge the key that was entered."""
    form = await request.form(max_files=0, max_fields=3, max_part_size=1000)
    token = text_of(form, "key", 200)
    try:
        await _let_in(request, token)
    except Refused as refused:
        return page(request, "reviewer/login.html", refused.status_code, error=str(refused.detail))
    response = RedirectResponse(HOME, 303)
    secure = is_secure(service_of(request), request)
    response.set_cookie(COOKIE, token, path=HOME, secure=secure, httponly=True, samesite="strict")
    return response


@routes.post("/logout")
async def log_out() -> Response:
    response = RedirectResponse(f"{HOME}/login", 303)
    response.delete_cookie(COOKIE, path=HOME)
    return response


async def _let_in(request: Request, token: str) -> ApiKey:
    """As the API does it, with its limits. Raises `Refused`."""
    client = request.client.host if request.client else ""
    return await let_in(service_of(request), asked_of(request), SCOPE, client, token)


Reviewing = Annotated[Reviewer, Depends(reviewing)]
Deciding = Annotated[tuple[Reviewer, FormData], Depends(deciding)]

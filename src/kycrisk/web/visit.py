"""A visit: who came by a link, to which case, in this browser. And pages for whatever goes wrong."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from kycrisk.api.problem import refusal_of
from kycrisk.api.routing import service_of
from kycrisk.api.service import Service
from kycrisk.problems import Problem, Problems
from kycrisk.store.failure import Erased, StoreError, StoreUnavailable
from kycrisk.verification.case import Case
from kycrisk.verification.cases import CaseFile
from kycrisk.verification.providers.provider import ProviderError
from kycrisk.verification.refusal import Incomplete
from kycrisk.verification.tokens import Kind, Refused, look
from kycrisk.web.render import page

_log = logging.getLogger(__name__)

VISIT_COOKIE = "kycrisk_visit"
HOME = "/verify"


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that has shown a page token. `csrf` must come with every change."""

    file: CaseFile
    token: str = field(repr=False)

    @property
    def case(self) -> Case:
        return self.file.case

    @property
    def csrf(self) -> str:
        return csrf_of(self.token)


class Stop(Exception):
    """Nothing more is done for this request: this page is the answer."""

    def __init__(self, request: Request, reason: str, status: int) -> None:
        super().__init__(reason)
        self.response = page(request, "customer/refused.html", status, reason=reason)


class LogIn(Exception):
    """Nobody is logged in as a reviewer: the browser is sent to where keys are entered."""


class PageRoute(APIRoute):
    """A route whose refusals are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handle(request)
            except Stop as stop:
                return stop.response
            except LogIn:
                return RedirectResponse("/review/login", 303)
            except Erased:
                return page(request, "customer/refused.html", 410, reason="erased")
            except StoreError as error:
                return _refused(request, error)
            except Problems as wrong:
                return page(request, "customer/problems.html", 422, problems=wrong.problems, again=HOME)
            except ProviderError as error:
                _log.error("an identity provider cannot be used: %s", error.detail)
                return page(request, "customer/refused.html", 503, reason="provider")
            except HTTPException as error:
                told = [Problem("", str(error.detail))]
                return page(request, "customer/problems.html", error.status_code, problems=told, again=HOME)

        return shown


def _refused(request: Request, error: StoreError) -> Response:
    if isinstance(error, StoreUnavailable):
        _log.error("the store cannot be used: %s", error.reason)
        return page(request, "customer/refused.html", 503, reason="unavailable")
    _log.info("a page refuses: %s", error.message)
    told = error.problems if isinstance(error, Incomplete) else [Problem("", error.message, error.help)]
    return page(request, "customer/problems.html", refusal_of(error).status_code, problems=told, again=HOME)


def page_router(prefix: str) -> APIRouter:
    """A router of pages, which stand in no contract."""
    return APIRouter(prefix=prefix, route_class=PageRoute, include_in_schema=False)


async def visiting(request: Request) -> Visit:
    """The visit of this browser. Raises `Stop` with a page that says what to do."""
    service = service_of(request)
    token = request.cookies.get(VISIT_COOKIE, "")
    found = await service.store.read(look, Kind.PAGE, token, service.clock()) if token else Refused.UNKNOWN
    if isinstance(found, Refused):
        raise Stop(request, "expired" if token else "no_visit", 401)
    return Visit(await service.cases.get(found.subject), token)


async def changing(request: Request) -> AsyncIterator[tuple[Visit, FormData]]:
    """The visit, with a form that this browser was given. Raises `Stop`."""
    visit = await visiting(request)
    async with request.form(max_files=6, max_fields=60, max_part_size=100_000) as form:
        if not hmac.compare_digest(str(form.get("csrf", "")), visit.csrf):
            raise Stop(request, "foreign", 403)
        yield visit, form


def csrf_of(token: str) -> str:
    """What forms carry, so that no other site can send them: nobody else knows the token."""
    return hashlib.sha256(b"form of " + token.encode()).hexdigest()[:32]


def text_of(form: FormData, name: str, most: int = 500) -> str:
    """A field of a form; empty where there is none."""
    found = form.get(name, "")
    return found[:most].strip() if isinstance(found, str) else ""


def begin_visit(request: Request, token: str) -> Response:
    """Send the browser to its case, with the token of the visit."""
    response = RedirectResponse(HOME, 303)
    keep_cookie(request, response, VISIT_COOKIE, token, 2 * 3600, HOME)
    return response


def keep_cookie(request: Request, response: Response, name: str, value: str, seconds: int, path: str) -> None:
    """A cookie that scripts do not see, and other sites' forms do not send."""
    secure = is_secure(service_of(request), request)
    response.set_cookie(name, value, max_age=seconds, path=path, secure=secure, httponly=True, samesite="lax")


def is_secure(service: Service, request: Request) -> bool:
    """Whether customers reach this service by HTTPS, which a proxy in front of it may do."""
    public = service.settings.verification.public_url
    return public.startswith("https:") if public else request.url.scheme == "https"


def redirect(path: str = HOME) -> Response:
    """Show another page, after a change."""
    return RedirectResponse(path, 303)


Visiting = Annotated[Visit, Depends(visiting)]
Changing = Annotated[tuple[Visit, FormData], Depends(changing)]

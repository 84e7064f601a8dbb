"""The dependency in FastAPI and in plain Starlette, against the server."""

# No `from __future__ import annotations`: FastAPI could not look up the names of a function's own scope.
import asyncio
import importlib.util
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from kycrisk.client import AsyncClient, Outcome, Screening
from tests.client.making import NEVER, raw_server, silent, timed
from tests.integrations.conftest import ROOT

_spec = importlib.util.spec_from_file_location("kycrisk_fastapi", ROOT / "fastapi" / "kycrisk_fastapi.py")
kycrisk_fastapi = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kycrisk_fastapi)

VISITS = {
    "allow": ("emma.clarke@webmail.example", "192.0.2.10"),
    "review": ("lukas.meyer@example.org", "203.0.113.5"),
    "verify": ("sam.hill@throwaway.example", "192.0.2.58"),
    "deny": ("greg@blocked.example", "203.0.113.230"),
}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
REFUSAL = "We cannot accept this online. Please contact us."


class Form(BaseModel):
    email: str
    name: str


async def signup_of(request: Request) -> dict[str, Any]:
    form = await request.json()
    return {"account_id": f"web:{form['email']}", "email": form["email"], "first_name": form["name"]}


def in_fastapi(screened):
    app = FastAPI()

    @app.post("/signup")
    async def sign_up(form: Form, screening: Annotated[Screening, Depends(screened)]):
        return {"name": form.name, "outcome": str(screening.outcome), "failed": screening.failed}

    return app


def in_starlette(screened):
    async def sign_up(request: Request) -> JSONResponse:
        screening = await screened(request)
        name = (await request.json())["name"]
        return JSONResponse({"name": name, "outcome": str(screening.outcome), "failed": screening.failed})

    return Starlette(routes=[Route("/signup", sign_up, methods=["POST"])])


def posted(make_app, url, key, visit, settings=None, **about):
    """The answer of an app to a visitor."""

    async def work():
        email, ip = VISITS[visit]
        async with AsyncClient(url, key, **{"on_failure": "review", "timeout": 5, **(settings or {})}) as client:
            app = make_app(kycrisk_fastapi.Screened(client, signup_of, **about))
            transport = httpx.ASGITransport(app, client=(ip, 51234))
            async with httpx.AsyncClient(transport=transport, base_url="http://site", headers=BROWSER) as browser:
                return await browser.post("/signup", json={"email": email, "name": ""})

    return asyncio.run(work())


both = pytest.mark.parametrize("make_app", [in_fastapi, in_starlette], ids=["fastapi", "starlette"])


@both
@pytest.mark.parametrize(
    ("outcome", "about", "status"),
    [
        ("allow", {}, 200),
        ("review", {}, 200),
        ("verify", {}, 200),
        ("deny", {}, 403),
        ("review", {"block_at": Outcome.VERIFY}, 200),
        ("verify", {"block_at": Outcome.VERIFY, "status": 409}, 409),
        ("deny", {"block_at": None}, 200),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_refused_is_what_the_site_names(service, make_app, outcome, about, status):
    answer = posted(make_app, service.url, service.key, outcome, **about)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"name": "", "outcome": outcome, "failed": False}
    else:
        assert REFUSAL in answer.text


def test_a_function_that_is_not_async_will_do(service):
    async def work():
        async with AsyncClient(service.url, service.key, on_failure="raise", timeout=60) as client:
            fixed = {"account_id": "fixed", "email": VISITS["verify"][0], "ip": VISITS["verify"][1]}
            app = in_starlette(kycrisk_fastapi.Screened(client, lambda request: fixed))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as browser:
                return await browser.post("/signup", json={"name": "Sam"})

    assert asyncio.run(work()).json()["outcome"] == "verify"


@both
@pytest.mark.parametrize(("on_failure", "status"), [("allow", 200), ("review", 200), ("verify", 200), ("deny", 403)])
def test_fail_open_and_fail_closed(make_app, on_failure, status):
    answer = posted(make_app, NEVER, "long-enough-key", "allow", settings={"on_failure": on_failure})
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"name": "", "outcome": on_failure, "failed": True}


@pytest.mark.by_the_clock
@both
def test_a_server_that_hangs_is_not_waited_for(make_app):
    with raw_server(silent) as url:
        seconds, answer = timed(lambda: posted(make_app, url, "long-enough-key", "deny", settings={"timeout": 0.2}))
    assert answer.json() == {"name": "", "outcome": "review", "failed": True}
    assert 0.19 <= seconds <= 0.6


def test_nothing_is_refused_on_review():
    with pytest.raises(ValueError, match="`block_at` is"):
        kycrisk_fastapi.Screened(None, signup_of, block_at=Outcome.REVIEW)

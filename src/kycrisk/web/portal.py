"""The customer's own door: the operator's application sends them here with a claim, signed and short-lived.

`/me` is the page that a menu of the application leads to ("My organization > Profile > KYC"); `/me/verification` and
`/me/cases` are the same for its own pages, with the claim as bearer token.
"""

from __future__ import annotations

import logging

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from kycrisk.api.case_views import case_told, standing_told
from kycrisk.api.routing import service_of
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case
from kycrisk.verification.claim import Claim, ClaimRefused, read_claim
from kycrisk.verification.refusal import NotPossible
from kycrisk.verification.state import Trigger
from kycrisk.verification.tokens import Kind, issue_token
from kycrisk.web.render import page
from kycrisk.web.visit import Stop, begin_visit, page_router, text_of

_log = logging.getLogger(__name__)
routes = page_router("/me")


@routes.get("")
async def show_portal(request: Request, claim: str = "") -> Response:
    """How the account stands, and a button to start or go on."""
    believed = _believed(request, claim)
    service = service_of(request)
    standing = await service.cases.standing(believed.account)
    return page(
        request,
        "customer/portal.html",
        standing=standing,
        policy=service.cases.site.policy,
        claim=claim,
    )


@routes.post("")
async def start(request: Request) -> Response:
    """Open a case where there is none, and begin a visit."""
    form = await request.form(max_files=0, max_fields=5, max_part_size=4000)
    claim = text_of(form, "claim", 2000)
    believed = _believed(request, claim)
    _check_step_up(request, believed)
    case = await _case(request, believed)
    token = await service_of(request).store.write(lambda tx: _visit(tx, case))
    return begin_visit(request, token)


@routes.get("/verification")
async def tell_standing(request: Request) -> Response:
    """For a banner: its text and how loud it is, the level, and what is held back."""
    believed = _bearer(request)
    if believed is None:
        return _unauthorized("there is no valid claim in the `Authorization: Bearer` header")
    return JSONResponse(standing_told(await service_of(request).cases.standing(believed.account)))


@routes.post("/cases")
async def open_case(request: Request) -> Response:
    """The customer asks to be verified; the link to go on with is in the answer."""
    believed = _bearer(request)
    if believed is None:
        return _unauthorized("there is no valid claim in the `Authorization: Bearer` header")
    if _needs_step_up(request) and not believed.step_up:
        return _unauthorized("the claim has no `step_up`: let the customer prove who they are a second time")
    case = await _case(request, believed)
    link = await service_of(request).bureau.link(case.id)
    return JSONResponse({**case_told(case), "link": link}, 201)


async def _case(request: Request, claim: Claim) -> Case:
    """The open case of the account, or one that the customer opens now."""
    cases = service_of(request).cases
    current = await cases.current(claim.account)
    if current is not None:
        return current
    opened = await cases.open(
        claim.account,
        Trigger.SELF_REQUEST,
        actor="customer",
        registered_at=claim.registered_at,
        subject=claim.subject,
    )
    return opened.case


def _visit(tx: Transaction, case: Case) -> str:
    return issue_token(tx, Kind.PAGE, case.id)


def _secret(request: Request) -> bytes:
    portal = service_of(request).settings.verification.portal
    if portal is None:
        raise NotPossible("customers do not come here by themselves", "set `verification.portal.secret`")
    return portal.secret.reveal().encode()


def _believed(request: Request, text: str) -> Claim:
    try:
        return read_claim(text, _secret(request), service_of(request).clock())
    except ClaimRefused as refused:
        _log.warning("a claim is not believed: %s", refused)
        raise Stop(request, "claim_time" if refused.timing else "no_claim", 401) from None


def _bearer(request: Request) -> Claim | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        return (
            read_claim(text.strip(), _secret(request), service_of(request).clock())
            if kind.lower() == "bearer"
            else None
        )
    except ClaimRefused as refused:
        _log.warning("a claim is not believed: %s", refused)
        return None


def _needs_step_up(request: Request) -> bool:
    policy = service_of(request).cases.site.policy
    return policy is not None and policy.step_up


def _check_step_up(request: Request, claim: Claim) -> None:
    if _needs_step_up(request) and not claim.step_up:
        raise Stop(request, "step_up", 401)


def _unauthorized(detail: str) -> Response:
    told = {"type": "https://kycrisk.invalid/problems/unauthenticated", "title": "No valid claim", "status": 401}
    return JSONResponse(
        {**told, "detail": detail},
        401,
        {"WWW-Authenticate": 'Bearer realm="kycrisk claim"'},
        media_type="application/problem+json",
    )

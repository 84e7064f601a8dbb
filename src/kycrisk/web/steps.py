"""What customers do: each form of their pages, and what it changes."""

from __future__ import annotations

from fastapi import Request, Response

from kycrisk.api.routing import service_of
from kycrisk.problems import Problem, Problems
from kycrisk.verification.codes import Channel, Checked, NotYet
from kycrisk.verification.outside import OutsideFailure
from kycrisk.verification.policy import StepKind
from kycrisk.verification.refusal import Incomplete, NotPossible
from kycrisk.web.casework import attestation_of, consent_of, show
from kycrisk.web.render import by_place, language_of, page
from kycrisk.web.visit import HOME, VISIT_COOKIE, Changing, page_router, redirect, text_of

routes = page_router("/verify")
_CHANNELS = {"phone": Channel.PHONE, "email": Channel.EMAIL}


@routes.post("/start")
async def start(request: Request, changing: Changing) -> Response:
    """Agree and start; or start again after something was sent back, when the consent stands."""
    visit, form = changing
    bureau, consent = service_of(request).bureau, consent_of(visit.file.policy)
    if visit.file.progress.consented:
        await bureau.start(visit.case.id)
    elif text_of(form, "agree") != consent.version:
        errors = {"agree": "agree to go on, or close this page"}
        return await show(request, visit, errors=errors, status=422)
    else:
        await bureau.start(visit.case.id, text_version=consent.version, address=_address(request))
    return redirect()


@routes.post("/country")
async def enter_country(request: Request, changing: Changing) -> Response:
    visit, form = changing
    country = text_of(form, "country", 10)
    try:
        await service_of(request).cases.enter_country(visit.case.id, country)
    except Problems as wrong:
        return await show(
            request, visit, step="country", errors=by_place(wrong.problems), given={"country": country}, status=422
        )
    return redirect()


@routes.post("/personal-data")
async def enter_personal_data(request: Request, changing: Changing) -> Response:
    visit, form = changing
    step = visit.file.progress.find(StepKind.PERSONAL_DATA).step
    given = {name: text_of(form, name) for name in step.fields_of(visit.case.subject)}
    try:
        await service_of(request).cases.enter_personal_data(visit.case.id, given)
    except Problems as wrong:
        errors = by_place(wrong.problems)
        return await show(request, visit, step=step.name, errors=errors, given=given, status=422)
    return redirect()


@routes.post("/codes/{kind}")
async def send_code(request: Request, changing: Changing, kind: str) -> Response:
    """Send a code to a phone or a mailbox."""
    visit, form = changing
    to, channel = text_of(form, "to", 320), _channel(kind)
    try:
        sent = await service_of(request).bureau.proofs.send(visit.case.id, channel, to)
    except Problems as wrong:
        return await _code(request, changing, kind, {"to": wrong.problems[0].message}, to)
    except OutsideFailure:
        return await _code(request, changing, kind, {"to": "could not be reached now: try again in a minute"}, to)
    if isinstance(sent, NotYet):
        wait = max(1, round((sent.until - service_of(request).clock()).total_seconds()))
        return await _code(request, changing, kind, {"to": f"was sent a code already: wait {wait} seconds"}, to, to)
    return await show(request, visit, step=kind, sent_to=sent.to, given={"to": sent.to}, done="sent")


@routes.post("/codes/{kind}/enter")
async def enter_code(request: Request, changing: Changing, kind: str) -> Response:
    """Judge the code that the customer entered."""
    visit, form = changing
    to = text_of(form, "to", 320)
    tried = await service_of(request).bureau.proofs.enter(visit.case.id, _channel(kind), to, text_of(form, "code", 40))
    words = {
        Checked.WRONG: f"is not the code that was sent; tries left: {tried.left}",
        Checked.EXPIRED: "is too old: have a new one sent",
        Checked.TOO_OFTEN: "was wrong too often: have a new one sent",
        Checked.NONE: "is not in use any more: have a new one sent",
    }
    if tried.checked is not Checked.RIGHT:
        return await _code(request, changing, kind, {"code": words[tried.checked]}, to, to)
    return redirect()


@routes.post("/attest")
async def attest(request: Request, changing: Changing) -> Response:
    visit, form = changing
    shown = attestation_of(visit.file.policy)
    if text_of(form, "agree") != shown.version:
        return await show(
            request, visit, step="attestation", errors={"agree": "has to be ticked to go on"}, status=422
        )  # fmt: skip
    await service_of(request).cases.attest(visit.case.id, text_version=shown.version, address=_address(request))
    return redirect()


@routes.post("/confirm")
async def confirm(request: Request, changing: Changing) -> Response:
    await service_of(request).cases.confirm(changing[0].case.id)
    return redirect()


@routes.post("/submit")
async def submit(request: Request, changing: Changing) -> Response:
    """Hand the case in, or see everything that is missing."""
    visit, _ = changing
    try:
        await service_of(request).cases.submit(visit.case.id)
    except Incomplete as missing:
        return page(
            request, "customer/problems.html", 409, problems=[_plain(each) for each in missing.problems], again=HOME
        )
    return redirect(f"{HOME}?done=submitted")


@routes.post("/begin")
async def begin_session(request: Request, changing: Changing) -> Response:
    """Go on at the identity provider: its page is a link, since a redirect would take the form along."""
    visit, _ = changing
    service = service_of(request)
    back = f"{service.settings.verification.public_url}{HOME}" if service.settings.verification.public_url else ""
    url = await service.bureau.sessions.begin(visit.case.id, locale=language_of(request), back=back)
    return page(request, "customer/session.html", visit=visit, file=visit.file, url=url)


@routes.post("/dispute")
async def dispute(request: Request, changing: Changing) -> Response:
    visit, form = changing
    await service_of(request).cases.dispute(visit.case.id, text_of(form, "words", 2000))
    return redirect(f"{HOME}?done=disputed")


@routes.post("/help")
async def ask_for_help(request: Request, changing: Changing) -> Response:
    """By ticket, by mail, or both."""
    visit, form = changing
    channels = [name for name in ("ticket", "email") if text_of(form, name)]
    message = text_of(form, "message", 2000)
    if not channels or not message:
        problems = [Problem("", "write your question, and choose a way for it")]
        return page(request, "customer/problems.html", 422, problems=problems, again=HOME)
    await service_of(request).cases.ask_for_help(visit.case.id, channels, message)
    return redirect(f"{HOME}?done=helped")


@routes.post("/withdraw")
async def withdraw(request: Request, changing: Changing) -> Response:
    """Take the consent back: what was entered is purged, and every link of the case ends."""
    visit, form = changing
    if text_of(form, "sure") != "yes":
        return page(request, "customer/withdraw.html", visit=visit, file=visit.file)
    service = service_of(request)
    await service.cases.withdraw(visit.case.id)
    response = page(request, "customer/refused.html", reason="withdrawn")
    response.delete_cookie(VISIT_COOKIE, path=HOME)
    return response


@routes.post("/leave")
async def leave(request: Request, changing: Changing) -> Response:
    """End the visit at this device, as on somebody else's computer. The case stays as it is."""
    visit, _ = changing
    await service_of(request).cases.end_visit(visit.token)
    response = page(request, "customer/refused.html", reason="left")
    response.delete_cookie(VISIT_COOKIE, path=HOME)
    return response


async def _code(
    request: Request, changing: Changing, kind: str, errors: dict[str, str], to: str, sent_to: str = ""
) -> Response:
    return await show(
        request, changing[0], step=kind, errors=errors, given={"to": to}, sent_to=sent_to, status=422
    )  # fmt: skip


def _channel(kind: str) -> Channel:
    if kind not in _CHANNELS:
        raise NotPossible("codes go to a phone or a mailbox")
    return _CHANNELS[kind]


def _plain(problem: Problem) -> Problem:
    """What is missing, without the name that programs have for its place."""
    named = str(problem.place).replace(".", " ").replace("_", " ")
    return Problem("", problem.message if named in problem.message else f"{named}: {problem.message}", problem.help)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""

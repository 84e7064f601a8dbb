"""Going on at a phone: a code to scan, a letter, a text, or a link to copy. Each way is a link that works once."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Request, Response

from kycrisk.api.routing import service_of
from kycrisk.problems import Problems
from kycrisk.verification.account import contact_of
from kycrisk.verification.entry import read_email, read_phone
from kycrisk.verification.letter import Words
from kycrisk.verification.outside import Letter, OutsideFailure
from kycrisk.verification.qr import qr_svg
from kycrisk.verification.tokens import Kind, digest_of, issue_token, issued_since
from kycrisk.web.render import catalogue, language_of, page
from kycrisk.web.visit import Changing, Visit, Visiting, page_router, text_of

routes = page_router("/verify/hand-off")
_WAYS = ("qr", "copy", "email", "sms")
_HOURLY = 10  # links of one case: nobody writes letters to strangers with it


@routes.get("")
async def show_ways(request: Request, visit: Visiting) -> Response:
    """The ways that the procedure has."""
    return await _page(request, visit)


@routes.post("")
async def hand_off(request: Request, changing: Changing) -> Response:
    """Make a link, and show or send it."""
    visit, form = changing
    way, to = text_of(form, "way", 10), text_of(form, "to", 320)
    if way not in visit.file.policy.hand_off or way not in _WAYS:
        return await _page(request, visit, errors={"way": "choose one of the ways"}, status=422)
    try:
        to = read_email(to) if way == "email" else read_phone(to, mobile=False) if way == "sms" else ""
    except Problems as wrong:
        return await _page(request, visit, errors={way: wrong.problems[0].message}, status=422)
    link = await _link(request, visit)
    if not link:
        return await _page(request, visit, errors={"way": "there were many already: wait an hour"}, status=429)
    if way in ("qr", "copy"):
        title = catalogue(language_of(request)).gettext("Link to go on at your phone")
        return await _page(request, visit, link=link, code=qr_svg(link, title) if way == "qr" else "")
    try:
        sent = await _send(request, visit, way, to, link)
    except OutsideFailure:
        sent = False
    if not sent:
        return await _page(request, visit, errors={way: "could not be sent now: choose another way"}, status=503)
    return await _page(request, visit, sent_to=to)


@routes.post("/end")
async def end_links(request: Request, changing: Changing) -> Response:
    """Take the links back that were made here: none works any more, and other devices are out of the case."""
    visit, _ = changing
    ended = await service_of(request).cases.end_links(visit.case.id, actor="customer", but=visit.token)
    return await _page(request, visit, ended=ended)


async def _link(request: Request, visit: Visit) -> str:
    service = service_of(request)
    hour_ago = service.clock() - timedelta(hours=1)
    if await service.store.read(issued_since, Kind.HAND_OFF, visit.case.id, hour_ago) >= _HOURLY:
        return ""
    token = await service.store.write(lambda tx: issue_token(tx, Kind.HAND_OFF, visit.case.id))
    base = service.settings.verification.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}/h/{token}"


async def _send(request: Request, visit: Visit, way: str, to: str, link: str) -> bool:
    outside = service_of(request).bureau.outside
    text = catalogue(language_of(request)).gettext("Go on with your verification here (once, within 15 minutes):")
    if way == "sms":
        if outside.sms is None:
            return False
        await outside.sms.send(to, f"{text} {link}")
        return True
    if outside.mail is None:
        return False
    words = Words(visit.file.policy.title, (text, link))
    key = f"{visit.case.id}-hand-off-{digest_of(link).hex()[:16]}"
    await outside.mail.send(Letter(to=to, subject=words.subject, text=words.text, html=words.html, key=key))
    return True


async def _page(
    request: Request,
    visit: Visit,
    *,
    errors: dict[str, str] | None = None,
    link: str = "",
    code: str = "",
    sent_to: str = "",
    ended: int | None = None,
    status: int = 200,
) -> Response:
    service = service_of(request)
    contact = await service.store.read(lambda c: contact_of(c, service.cases.site.key, visit.case))
    there = {"qr": True, "copy": True, "email": service.bureau.outside.mail is not None}
    there["sms"] = service.bureau.outside.sms is not None
    return page(
        request,
        "customer/hand_off.html",
        status,
        visit=visit,
        file=visit.file,
        ways=[each for each in visit.file.policy.hand_off if there.get(each)],
        errors=errors or {},
        link=link,
        code=code,
        sent_to=sent_to,
        ended=ended,
        contact=contact,
    )

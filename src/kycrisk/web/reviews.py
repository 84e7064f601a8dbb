"""The reviewers' pages: the queue, a case with its documents side by side, and decisions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from kycrisk.api.routing import service_of
from kycrisk.problems import Problem, Problems
from kycrisk.store.failure import NotFound
from kycrisk.verification.by_hand import kinds_of
from kycrisk.verification.progress import SELFIE, Paper
from kycrisk.verification.reasons import Code
from kycrisk.verification.review import Judged
from kycrisk.verification.verdict import Verdict
from kycrisk.verification.zone import ZoneRead
from kycrisk.web.render import page
from kycrisk.web.reviewing import HOME, Deciding, Reviewer, Reviewing
from kycrisk.web.visit import page_router, text_of

routes = page_router("/review")
CaseId = Annotated[str, Path(max_length=60)]
_AT_ONCE = 100
_DONE = ("decided", "judged")


@routes.get("")
async def show_queue(request: Request, reviewer: Reviewing, overdue: bool = False, cursor: str = "") -> Response:
    """What waits for a person, the most urgent first."""
    cases = service_of(request).cases
    waiting = await cases.queue(after=cursor[:100], limit=_AT_ONCE, overdue=overdue)
    figures = await cases.figures()
    return page(
        request,
        "reviewer/queue.html",
        reviewer=reviewer,
        waiting=waiting,
        figures=figures,
        overdue=overdue,
        now=service_of(request).clock(),
        span=span,
    )


@routes.get("/cases/{id}")
async def show_review(request: Request, reviewer: Reviewing, id: CaseId, done: str = "") -> Response:
    """A case with all that is in it. That it was looked at is written down."""
    return await _review(request, reviewer, id, done=done if done in _DONE else "")


@routes.get("/cases/{id}/pictures/{document}")
async def show_picture(request: Request, reviewer: Reviewing, id: CaseId, document: str) -> Response:
    """A picture, opened for this reviewer; that is written down before it is sent."""
    service = service_of(request)
    file = await service.cases.get(id)
    paper = next((each for each in file.progress.papers if each.id == document), None)
    vault = service.bureau.vault
    if paper is None or vault is None:
        raise NotFound("there is no such picture in this case")
    await service.cases.picture_looked_at(id, paper.id, reviewer.name)
    picture = await vault.view(paper.file, case=id, by=reviewer.name, why="review")
    return Response(
        picture.content,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
        media_type=picture.media_type,
    )


@routes.post("/cases/{id}/documents/{document}")
async def judge_document(request: Request, deciding: Deciding, id: CaseId, document: str) -> Response:
    """Accept or reject one document."""
    reviewer, form = deciding
    verdict = text_of(form, "verdict", 20)
    if verdict not in (Verdict.ACCEPTED, Verdict.REJECTED):
        return await _review(request, reviewer, id, error="choose whether the document is accepted", status=422)
    judged = _judged(form, Verdict(verdict), reviewer)
    if judged.verdict is Verdict.REJECTED and not (judged.reasons or judged.comment):
        error = "say why the document is rejected: the customer is told"
        return await _review(request, reviewer, id, error=error, status=422)
    await service_of(request).cases.judge_document(id, document, judged)
    return RedirectResponse(f"{HOME}/cases/{id}?done=judged", 303)


@routes.post("/cases/{id}/documents/{document}/zone")
async def read_zone(request: Request, deciding: Deciding, id: CaseId, document: str) -> Response:
    """Hold the zone that was typed off against what was entered."""
    reviewer, form = deciding
    text = text_of(form, "zone")
    try:
        zone = await service_of(request).cases.read_zone(id, document, text, reviewer.name)
    except Problems as wrong:
        error = "; ".join(f"{each.place} {each.message}".strip() for each in wrong.problems)
        return await _review(request, reviewer, id, error=error, typed=text, status=422)
    return await _review(request, reviewer, id, zone=zone)


@routes.post("/cases/{id}/decision")
async def decide(request: Request, deciding: Deciding, id: CaseId) -> Response:
    """Approve, send back or deny."""
    reviewer, form = deciding
    verdict = text_of(form, "verdict", 20)
    if verdict not in (Verdict.APPROVE, Verdict.RETRY, Verdict.DENY):
        return await _review(request, reviewer, id, error="choose what is decided", status=422)
    judged = _judged(form, Verdict(verdict), reviewer)
    if judged.verdict is not Verdict.APPROVE and not (judged.reasons or judged.comment):
        error = "say why: the customer is told"
        return await _review(request, reviewer, id, error=error, status=422)
    await service_of(request).cases.judge(id, judged)
    return RedirectResponse(f"{HOME}/cases/{id}?done=decided", 303)


@routes.post("/cases/{id}/holds")
async def hold_back(request: Request, deciding: Deciding, id: CaseId) -> Response:
    """Hold something back from the account by hand, or let it go."""
    reviewer, form = deciding
    cases, kind, why = service_of(request).cases, text_of(form, "kind", 60), text_of(form, "why")
    if kind not in kinds_of((await cases.get(id)).policy):
        return await _review(request, reviewer, id, error="choose what is held back", status=422)
    if text_of(form, "do", 20) == "let_go":
        await cases.let_go(id, kind, by=reviewer.name)
    elif not why:
        return await _review(request, reviewer, id, error="say why it is held back", status=422)
    else:
        await cases.hold_back(id, kind, by=reviewer.name, why=why)
    return RedirectResponse(f"{HOME}/cases/{id}?done=judged", 303)


async def _review(
    request: Request,
    reviewer: Reviewer,
    id: str,
    *,
    done: str = "",
    error: str = "",
    typed: str = "",
    zone: ZoneRead | None = None,
    status: int = 200,
) -> Response:
    service = service_of(request)
    file = await service.cases.get(id)
    seen = await service.cases.look(id, reviewer.name)
    history = await service.store.audit.page(subject=id, limit=100)
    return page(
        request,
        "reviewer/case.html",
        status,
        reviewer=reviewer,
        file=file,
        case=file.case,
        seen=seen,
        history=history.items,
        latest=_latest(file.progress.papers),
        reasons=REASONS,
        kinds=kinds_of(file.policy),
        done=done,
        problems=[Problem("", error)] if error else [],
        typed=typed,
        zone=zone,
        now=service.clock(),
        span=span,
        selfie=SELFIE,
    )


def _latest(papers: tuple[Paper, ...]) -> list[Paper]:
    """Documents first, then faces: they are compared from left to right."""
    return sorted(papers, key=lambda each: (each.category == SELFIE, each.category, each.side == "back", each.at))


def _judged(form: FormData, verdict: Verdict, reviewer: Reviewer) -> Judged:
    expires = text_of(form, "document_expires", 10)
    try:
        until = datetime.combine(date.fromisoformat(expires), datetime.min.time(), UTC) if expires else None
    except ValueError:
        raise Problems([Problem("document_expires", "is not a date such as `2031-12-31`")]) from None
    return Judged(
        verdict=verdict,
        by=reviewer.name,
        reasons=tuple(each for each in form.getlist("reason") if isinstance(each, str) and each in REASONS),
        comment=text_of(form, "comment", 2000),
        note=text_of(form, "note", 2000),
        document_expires=until,
    )


#: What reviewers choose from.
REASONS = (
    *(each.value for each in (Code.IMAGE_BLURRED, Code.IMAGE_GLARE, Code.UNREADABLE, Code.DOC_INCOMPLETE)),
    *(f"{Code.DATA_MISMATCH}({name})" for name in ("first_name", "last_name", "date_of_birth", "nationality")),
    *(each.value for each in (Code.DOC_EXPIRED, Code.DOC_TYPE, Code.DOC_SUSPECT, Code.FACE_FAILED, Code.OTHER)),
)


def span(time: timedelta) -> str:
    """A time as people say it: `3 h 20 min`, `2 d 4 h`."""
    minutes = max(0, int(time.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"

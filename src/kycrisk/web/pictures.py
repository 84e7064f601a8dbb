"""Documents and faces: what customers upload or take with a camera."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData, UploadFile

from kycrisk.api.routing import service_of
from kycrisk.problems import Problems
from kycrisk.verification.progress import SELFIE
from kycrisk.verification.refusal import NotPossible
from kycrisk.verification.upload import NewPicture, PictureUnusable
from kycrisk.web.casework import show
from kycrisk.web.render import catalogue, language_of, reason_in
from kycrisk.web.visit import HOME, Changing, Visit, page_router, redirect, text_of

routes = page_router("/verify")
_SOURCES = ("upload", "camera")


@routes.post("/document/{category}/choose")
async def choose_document(request: Request, changing: Changing, category: str) -> Response:
    """The kind of document: for a provider it is all that is asked; else its pictures come next."""
    visit, form = changing
    step, type_, country = f"document {category}", text_of(form, "type", 40), text_of(form, "country", 10)
    if not type_:
        return await show(request, visit, step=step, errors={"type": "is to be chosen"}, status=422)
    if visit.file.policy.provider == "manual":
        return redirect(f"{HOME}?step={step.replace(' ', '+')}&type={type_}")
    try:
        await service_of(request).cases.choose_document(visit.case.id, category, type_, country)
    except Problems as wrong:
        errors = {"type": wrong.problems[0].message}
        return await show(request, visit, step=step, type=type_, errors=errors, status=422)
    return redirect()


@routes.post("/document/{category}")
async def upload_document(request: Request, changing: Changing, category: str) -> Response:
    """The sides of a document; each that is usable is kept, whatever is wrong with the other."""
    visit, form = changing
    type_, country = text_of(form, "type", 40), text_of(form, "country", 10)
    errors: dict[str, str] = {}
    for side in ("front", "back"):
        errors |= await _take(request, visit, form, side, category=category, type_=type_, country=country)
    if errors:
        again = await service_of(request).cases.get(visit.case.id)
        return await _answer(request, Visit(again, visit.token), errors, f"document {category}", type_)
    return _taken(request)


@routes.post("/selfie")
async def upload_selfie(request: Request, changing: Changing) -> Response:
    """One or more poses."""
    visit, form = changing
    errors: dict[str, str] = {}
    for name in form:
        if name.startswith("pose-"):
            errors |= await _take(request, visit, form, name, category=SELFIE, type_=SELFIE, country="")
    if errors:
        again = await service_of(request).cases.get(visit.case.id)
        return await _answer(request, Visit(again, visit.token), errors, "selfie", "")
    return _taken(request)


async def _take(
    request: Request, visit: Visit, form: FormData, name: str, *, category: str, type_: str, country: str
) -> dict[str, str]:
    """Keep one picture; what is wrong with it, by its field."""
    file = form.get(name)
    if not isinstance(file, UploadFile) or not file.size:
        return {}
    source = text_of(form, "source", 10)
    new = NewPicture(
        category=category,
        type=type_,
        side=name.removeprefix("pose-"),
        country=country,
        source=source if source in _SOURCES else "upload",
        declared=file.content_type or "",
        raw=await file.read(),
    )
    uploads = service_of(request).bureau.uploads
    if uploads is None:
        raise NotPossible("no pictures are taken here")
    try:
        await uploads.take(visit.case.id, new)
    except PictureUnusable as unusable:
        return {name: _words(request, unusable)}
    except Problems as wrong:
        return {name: "; ".join(each.message for each in wrong.problems)}
    return {}


def _words(request: Request, unusable: PictureUnusable) -> str:
    language = language_of(request)
    if unusable.words:
        return catalogue(language).gettext(unusable.words)
    return " ".join(reason_in(str(each), language) for each in unusable.reasons)


def _wants_json(request: Request) -> bool:
    """Whether the camera's script asks, which shows the words itself."""
    return str(request.headers.get("accept", "")).startswith("application/json")


def _taken(request: Request) -> Response:
    return JSONResponse({"taken": True}) if _wants_json(request) else redirect(f"{HOME}?done=saved")


async def _answer(request: Request, visit: Visit, errors: dict[str, str], step: str, type_: str) -> Response:
    if _wants_json(request):
        return JSONResponse({"taken": False, "errors": errors}, 422)
    return await show(request, visit, step=step, type=type_, errors=errors, status=422)

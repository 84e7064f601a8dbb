"""From templates to answers: the language, what browsers may do with a page, and how problems are shown."""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from kycrisk.problems import Problem
from kycrisk.verification.languages import DEFAULT, LANGUAGES, chosen, compiled, read_po, translations
from kycrisk.verification.reasons import read_reason, reason_text
from kycrisk.web.static_files import static

LANGUAGE_COOKIE = "kycrisk_language"
_HEADERS = {
    # htmx swaps what the server sends and evaluates nothing; styles and scripts come from here only.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",  # addresses hold tokens
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def language_of(request: Request) -> str:
    """What the visitor chose, else what the browser asks for."""
    kept = request.cookies.get(LANGUAGE_COOKIE, "")
    return kept if kept in LANGUAGES else chosen(request.headers.get("accept-language", ""))


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A template as an answer."""
    language = language_of(request)
    text = environment(language).get_template(template).render(language=language, path=request.url.path, **values)
    return HTMLResponse(text, status, dict(_HEADERS))


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The messages of pages, and behind them those of reasons."""
    if language == DEFAULT or language not in LANGUAGES:
        return gettext.NullTranslations()
    path = files("kycrisk.web") / "locale" / language / "LC_MESSAGES" / "pages.po"
    found = gettext.GNUTranslations(BytesIO(compiled(read_po(path.read_text("utf-8")))))
    found.add_fallback(translations(language))
    return found


@cache
def environment(language: str) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=PackageLoader("kycrisk.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"static": static, "languages": LANGUAGES}
    made.filters |= {
        "translated": lambda text: catalogue(language).gettext(text) if text else "",
        "reason": lambda code: reason_in(code, language),
        "shown": shown,
    }
    return made


def reason_in(code: str, language: str) -> str:
    """A reason's code in words; a code of nobody's as it is."""
    try:
        return reason_text(read_reason(code), language)
    except ValueError:
        return code


def shown(word: str) -> str:
    """A name of ours as people write it: `id_card` is `Id card`; the catalogue knows the better ones."""
    return _SHOWN.get(word, word.replace("_", " ").capitalize())


_SHOWN = {"id_card": "Identity card", "driving_licence": "Driving licence", "vat_id": "VAT number"}


def by_place(problems: Iterable[Problem]) -> dict[str, str]:
    """Problems by the name of the field that they are about, the first of each."""
    found: dict[str, str] = {}
    for each in problems:
        found.setdefault(str(each.place).split(".")[-1], each.message)
    return found

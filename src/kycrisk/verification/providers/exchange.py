"""One exchange with a provider over HTTP: what goes wrong becomes one of the port's errors, without anybody's words."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from typing import Any

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http import Http, json_object
from kycrisk.lookups.http_request import HttpAnswer, HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.verification.providers.provider import (
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    UnknownAttempt,
)

MAX_ANSWER = 1_000_000  # bytes; a status with all its tags is far below
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,59}", re.ASCII)


def basic(user: Secret, password: Secret | None = None) -> str:
    """The value of `Authorization` for a user and a password (RFC 7617)."""
    text = f"{user.reveal()}:{password.reveal() if password else ''}"
    return "Basic " + base64.b64encode(text.encode()).decode()


async def exchange(http: Http, request: HttpRequest, *, provider: str, within: float) -> HttpAnswer:
    """An answer that is a success. Raises `ProviderError`."""
    deadline = asyncio.get_running_loop().time() + within
    try:
        answer = await http.fetch(request, deadline)
    except LookupFailure as failure:
        # The client's own words: they name no URL and no header, and the server's words are not among them.
        raise ProviderUnavailable(f"{provider}: {failure.unknown.detail}", failure.retry_after) from None
    if 200 <= answer.status < 300:
        return answer
    raise _error(provider, answer)


def answered(answer: HttpAnswer, provider: str) -> Mapping[str, Any]:
    """The JSON object of an answer. Raises `ProviderUnavailable`: a proxy's page in place of it goes away again."""
    try:
        return json_object(answer)
    except LookupFailure as failure:
        raise ProviderUnavailable(f"{provider}: {failure.unknown.detail}") from None


def text_of(found: Mapping[str, Any], name: str, provider: str) -> str:
    """A text of an answer that must be there. Raises `ProviderUnavailable`."""
    text = found.get(name)
    if not isinstance(text, str) or not text:
        raise ProviderUnavailable(f"{provider}: the answer has no `{name}`")
    return text


def _error(provider: str, answer: HttpAnswer) -> ProviderError:
    status, code = answer.status, _code(answer)
    said = f" ({code})" if code else ""
    if status == 429:
        # Times are in the answer's own clock where a date is named, which no provider of ours does.
        seconds = _seconds(answer.headers.get("retry-after", ""))
        return ProviderUnavailable(f"{provider}: too many requests{said}", seconds)
    if status >= 500 or status == 408:
        seconds = _seconds(answer.headers.get("retry-after", ""))
        return ProviderUnavailable(f"{provider}: the server answers {status}{said}", seconds)
    if status in (404, 410):
        return UnknownAttempt(f"{provider}: there is no such attempt{said}")
    if status in (401, 403):
        help_ = "check its keys in the settings, and what they are allowed to do"
        return ProviderRefused(f"{provider}: the key is not accepted, {status}{said}", help_)
    return ProviderRefused(f"{provider}: the request is refused, {status}{said}", "see what the provider's log says")


def _code(answer: HttpAnswer) -> str:
    """The provider's word for what is wrong. Its sentences may quote personal data, so none of them is taken over."""
    try:
        found = json_object(answer)
    except LookupFailure:
        return ""
    inner = found.get("error")
    for holder in (found, inner if isinstance(inner, Mapping) else {}):
        for name in ("identifier", "code", "type"):
            code = holder.get(name)
            if isinstance(code, str) and _CODE.fullmatch(code):
                return code
    return ""


def _seconds(text: str) -> float:
    return float(text[:9]) if text.isascii() and text.isdigit() else 0.0

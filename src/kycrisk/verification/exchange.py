"""One exchange over HTTP with a panel, a ticket system or an SMS service; what goes wrong is told in words of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http import Http, json_object
from kycrisk.lookups.http_request import HttpAnswer, HttpRequest
from kycrisk.verification.outside import OutsideFailure

WITHIN = 15.0  # seconds
MOST_BYTES = 1_000_000


async def fetched(http: Http, request: HttpRequest, who: str) -> HttpAnswer:
    """An answer that is a success. Raises `OutsideFailure`."""
    try:
        answer = await http.fetch(request, asyncio.get_running_loop().time() + WITHIN)
    except LookupFailure as failure:
        raise OutsideFailure(f"{who}: {failure.unknown.detail}") from None
    if not 200 <= answer.status < 300:
        raise OutsideFailure(f"{who}: it answers {answer.status}")
    return answer


async def json_of(http: Http, request: HttpRequest, who: str) -> Mapping[str, Any]:
    """The JSON object of an answer. Raises `OutsideFailure`."""
    answer = await fetched(http, request, who)
    try:
        return json_object(answer)
    except LookupFailure:
        raise OutsideFailure(f"{who}: the answer is not a JSON object") from None

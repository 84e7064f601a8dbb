"""HTTP to the outside: one pooled client for all sources, bounded in time and bytes, suspicious of what comes.

The library is named in the two imports of `httpx` (here and in `http_guard`); nothing else knows of it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http_guard import GuardedTransport, Network, Resolve, system_resolve
from kycrisk.lookups.http_request import JSON, HttpAnswer, HttpRequest, accepted
from kycrisk.lookups.secrets import Redactor
from kycrisk.signals import Why

LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=60.0)

#: What is left of the time must be worth a second try, in seconds.
LEAST_FOR_RETRY = 0.02

# What the library raises, in the order in which it is looked up, and what that means here.
_ERRORS: tuple[tuple[type[Exception], Why, str], ...] = (
    (httpx.ConnectTimeout, Why.TIMEOUT, "the server cannot be reached in time"),
    (httpx.TimeoutException, Why.TIMEOUT, "the server does not answer in time"),
    (httpx.ConnectError, Why.REFUSED, "the server cannot be reached"),
    (httpx.RemoteProtocolError, Why.MALFORMED_ANSWER, "the answer is cut off or not HTTP"),
    (httpx.NetworkError, Why.REFUSED, "the connection broke"),
    (httpx.LocalProtocolError, Why.SKIPPED, "the request cannot be sent as it is"),
    (httpx.UnsupportedProtocol, Why.SKIPPED, "the address is not a web address"),
    (httpx.InvalidURL, Why.SKIPPED, "the address is not a URL"),
    (httpx.HTTPError, Why.REFUSED, "the request failed"),
)

# What a status that is not a success means. `True`: the source fails; `False`: it refuses this question only, or may do
# so: whoever signs up chooses the question, and must not be able to open the source's circuit for everybody (403).
_STATUS: dict[int, tuple[str, bool]] = {
    400: ("the server does not understand the question", False),
    401: ("the server does not accept the key", True),
    402: ("the server wants to be paid", True),
    403: ("the server forbids the question", False),
    404: ("the server knows nothing there", False),
    408: ("the server waited too long for the question", True),
    422: ("the server cannot use the question", False),
    429: ("the server has had too many questions", True),
}
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)
_RETRY_STATUS = frozenset({502, 503, 504})


def _now() -> datetime:
    return datetime.now(UTC)


class Http:
    """The one HTTP client of a program; it belongs to one event loop. Close it with `aclose`.

    `resolve` gives the addresses of a host, `allowed` networks that may be asked although they are not public. Secrets
    of the `redactor` never stand in what this raises.
    """

    def __init__(
        self,
        *,
        version: str,
        resolve: Resolve = system_resolve,
        allowed: Iterable[Network] = (),
        redactor: Redactor | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.redactor = redactor or Redactor()
        self._now = now
        tls = tls or httpx.create_ssl_context(trust_env=False)
        self._client = httpx.AsyncClient(
            transport=transport or GuardedTransport(resolve, allowed=allowed, tls=tls, limits=LIMITS),
            timeout=None,  # one deadline for the whole exchange, below
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # nobody recognises us by one
            headers={"User-Agent": f"kycrisk/{version}", "Accept": "*/*", "Accept-Encoding": "identity"},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def json(self, request: HttpRequest, deadline: float) -> dict[str, Any]:
        """The JSON object that a request is answered with (status 200). Raises `LookupFailure` for all else."""
        answer = await self.fetch(request, deadline)
        if answer.status != httpx.codes.OK:
            raise self.refusal(answer)
        return json_object(answer)

    async def fetch(self, request: HttpRequest, deadline: float) -> HttpAnswer:
        """The answer to a request, whatever its status, by `deadline` (a moment of the event loop's clock).

        Raises `LookupFailure` when there is none, or not one that the request accepts.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await self._exchange(request, deadline)
        except TimeoutError:
            raise LookupFailure(Why.TIMEOUT, "the server does not answer in time") from None
        except LookupFailure as failure:
            raise failure.redacted(self.redactor) from None

    def refusal(self, answer: HttpAnswer, detail: str = "") -> LookupFailure:
        """What an answer that is no success means; `detail` is what the server said about it."""
        words, against_source = _STATUS.get(
            answer.status, (f"the server answers {answer.status}", answer.status >= 500)
        )
        text = f"{words}: {short(detail)}" if detail else words
        return LookupFailure(
            Why.REFUSED,
            self.redactor.redact(text),
            against_source=against_source,
            retry_after=retry_after(answer.headers.get("retry-after", ""), self._now()),
            status=answer.status,
        )

    async def _exchange(self, request: HttpRequest, deadline: float) -> HttpAnswer:
        """Once, and once more where that does no harm and there is time for it."""
        try:
            answer = await self._once(request, deadline)
        except _BROKEN as error:
            never_sent = isinstance(error, httpx.ConnectError)
            if not (request.repeatable or never_sent) or not self._time_left(deadline):
                raise translated(error) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise translated(error) from None
        else:
            waits = "retry-after" in answer.headers
            if answer.status not in _RETRY_STATUS or waits or not request.repeatable or not self._time_left(deadline):
                return answer
        try:
            return await self._once(request, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise translated(error) from None

    def _time_left(self, deadline: float) -> bool:
        return deadline - asyncio.get_running_loop().time() > LEAST_FOR_RETRY

    async def _once(self, asked: HttpRequest, deadline: float) -> HttpAnswer:
        request = self._client.build_request(
            asked.method,
            asked.url,
            params=asked.params or None,
            headers=asked.headers,
            data=asked.form,
            json=asked.json,
            content=asked.body,
            extensions={"deadline": deadline},
        )
        left = asked.redirects if asked.method == "GET" else 0
        while True:
            url = request.url  # the transport puts an address in its place
            async with aclosing(await self._client.send(request, stream=True)) as response:
                if not response.has_redirect_location:
                    return await _received(response, asked)
                if left <= 0:
                    raise LookupFailure(Why.MALFORMED_ANSWER, "the server redirects", status=response.status_code)
                left -= 1
                target = _target(url, response.headers["Location"], asked)
            same = (target.scheme, target.host, target.port) == (url.scheme, url.host, url.port)
            request = self._client.build_request(  # headers may hold keys, which are for the first host only
                "GET", target, headers=asked.headers if same else None, extensions={"deadline": deadline}
            )


def translated(error: Exception) -> LookupFailure:
    """A failure of the library as one of ours. The library's own words may hold URLs, so none of them is taken over."""
    for kind, why, words in _ERRORS:
        if isinstance(error, kind):
            never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)) or why is Why.SKIPPED
            return LookupFailure(why, words, against_source=why is not Why.SKIPPED, reached=not never_sent)
    raise error


def json_value(answer: HttpAnswer) -> Any:
    """The JSON of a body. Raises `LookupFailure`, also for NaN and for too deep nesting."""
    try:
        return json.loads(answer.body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise LookupFailure(Why.MALFORMED_ANSWER, "the answer is not JSON", status=answer.status) from None


def json_object(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON object of a body. Raises `LookupFailure`."""
    found = json_value(answer)
    if not isinstance(found, dict):
        raise LookupFailure(Why.MALFORMED_ANSWER, "the answer is not a JSON object", status=answer.status)
    return found


def retry_after(text: str, now: datetime) -> float:
    """The seconds that `Retry-After` names (RFC 9110 section 10.2.3); 0 when it names none."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return 0.0
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (aware - now).total_seconds())


def short(text: str) -> str:
    """Somebody else's words, in one line that is not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:1000]).split())
    return line if len(line) <= 120 else line[:117] + "..."


def _no_number(name: str) -> float:
    raise ValueError(f"`{name}` is not JSON")


def _target(url: httpx.URL, location: str, asked: HttpRequest) -> httpx.URL:
    target = url.join(location)
    if target.scheme not in ("http", "https") or (url.scheme == "https" and target.scheme == "http"):
        raise LookupFailure(Why.REFUSED, "the server redirects to an address that is not encrypted or not of the web")
    if asked.hosts is not None and target.host not in asked.hosts:
        raise LookupFailure(Why.REFUSED, f"the server redirects to `{short(target.host)}`, which may not be asked")
    return target


async def _received(response: httpx.Response, asked: HttpRequest) -> HttpAnswer:
    """The body, as long as it is what was asked for and not too much of it."""
    status = response.status_code
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise LookupFailure(
            Why.MALFORMED_ANSWER, "the server packs the answer, which it was not asked for", status=status
        )
    if status == httpx.codes.OK and not accepted(content_type, asked.accepts):
        wanted = "JSON" if asked.accepts == JSON else "what was asked for"
        raise LookupFailure(
            Why.MALFORMED_ANSWER, f"the server sends `{short(content_type) or 'nothing'}`, not {wanted}", status=status
        )
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > asked.max_bytes:
            raise LookupFailure(Why.MALFORMED_ANSWER, f"more than {asked.max_bytes} bytes came", status=status)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(status, content_type, headers, bytes(body))

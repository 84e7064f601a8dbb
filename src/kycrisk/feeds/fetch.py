"""Lists from the network: conditional, bounded in bytes and time, suspicious of what comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.packing import gunzip

#: A list that trickles in for longer than this is given up; reads alone time out sooner.
DEADLINE_SECONDS = 300.0
TIMEOUT = httpx.Timeout(30.0, connect=15.0)
MAX_REDIRECTS = 5

# What servers send in place of a list: an error page, a captive portal, a tracking pixel.
_NEVER_A_LIST = (
    "text/html",
    "application/xhtml",
    "application/pdf",
    "application/javascript",
    "text/javascript",
    "text/css",
    "image/",
    "audio/",
    "video/",
    "font/",
)

OnBytes = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server sent. `etag` and `last_modified` are its words, to be sent back with the next request."""

    body: bytes
    received: int
    etag: str
    last_modified: str
    modified_at: datetime | None


def new_client(version: str) -> httpx.Client:
    """A client for lists; it goes through the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`)."""
    return httpx.Client(timeout=TIMEOUT, follow_redirects=False, headers={"User-Agent": f"kycrisk/{version}"})


def fetch(
    client: httpx.Client,
    url: str,
    *,
    etag: str = "",
    last_modified: str = "",
    max_bytes: int,
    on_bytes: OnBytes | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Fetched | None:
    """The list at a URL, or None when it is still the one that `etag` or `last_modified` name.

    `max_bytes` bounds the body both as it travels and unpacked. Raises `FeedFailure`.
    """
    headers = {"Accept-Encoding": "gzip", "Accept": "*/*"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    deadline = clock() + DEADLINE_SECONDS
    try:
        request = client.build_request("GET", url, headers=headers)
        for _ in range(MAX_REDIRECTS + 1):
            with closing(client.send(request, stream=True, follow_redirects=False)) as response:
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return None
                if not response.has_redirect_location:
                    return _received(response, max_bytes, on_bytes, clock, deadline)
                request = _redirected(client, response, headers)
    except httpx.HTTPError as error:
        raise FeedFailure(_words(error)) from None
    except httpx.InvalidURL as error:
        raise FeedFailure(f"the URL, or one that it leads to, is none: {str(error).lower()}") from None
    raise FeedFailure(f"more than {MAX_REDIRECTS} redirects")


def _redirected(client: httpx.Client, response: httpx.Response, headers: dict[str, str]) -> httpx.Request:
    target = response.url.join(response.headers["Location"])
    if target.scheme not in ("http", "https"):
        raise FeedFailure(f"the server redirects to `{target}`, which is not a web address")
    if response.url.scheme == "https" and target.scheme == "http":
        raise FeedFailure(f"the server redirects to `{target}`, which is not encrypted any more")
    return client.build_request("GET", target, headers=headers)


def _received(
    response: httpx.Response,
    max_bytes: int,
    on_bytes: OnBytes | None,
    clock: Callable[[], float],
    deadline: float,
) -> Fetched:
    if response.status_code != httpx.codes.OK:
        raise FeedFailure(f"the server answers {response.status_code} {response.reason_phrase.lower()}".rstrip())
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type.startswith(_NEVER_A_LIST):
        raise FeedFailure(f"the server sends `{content_type}`, which is not a list")
    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isascii() and length.isdigit() else None
    if expected is not None and expected > max_bytes:
        raise FeedFailure(f"the server announces {expected} bytes, at most {max_bytes} are taken")
    chunks: list[bytes] = []
    received = 0
    for chunk in response.iter_raw():
        received += len(chunk)
        if received > max_bytes:
            raise FeedFailure(f"more than {max_bytes} bytes came")
        if clock() > deadline:
            raise FeedFailure(f"it took longer than {DEADLINE_SECONDS:.0f} seconds ({received} bytes came)")
        chunks.append(chunk)
        if on_bytes is not None:
            on_bytes(received, expected)
    if expected is not None and received != expected:
        raise FeedFailure(f"the body is cut off: {received} of {expected} bytes came")
    last_modified = response.headers.get("Last-Modified", "")
    return Fetched(
        body=_decoded(response.headers.get("Content-Encoding", ""), b"".join(chunks), max_bytes),
        received=received,
        etag=_sendable(response.headers.get("ETag", "")),
        last_modified=_sendable(last_modified),
        modified_at=_http_date(last_modified),
    )


def _decoded(encoding: str, body: bytes, max_bytes: int) -> bytes:
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return gunzip(body, max_bytes)
        case other:
            raise FeedFailure(f"the server packs the list as `{other}`, which it was not asked for")


def _sendable(value: str) -> str:
    """A header's value when it can be sent back as it came, else nothing: then the next request is unconditional."""
    return value if value.isascii() and len(value) <= 1000 else ""


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _words(error: httpx.HTTPError) -> str:
    detail = str(error).lower().rstrip(".")
    match error:
        case httpx.ConnectTimeout():
            return "the server cannot be reached in time"
        case httpx.TimeoutException():
            return "the server stopped sending"
        case httpx.ProxyError():
            return f"the proxy refuses: {detail}"
        case httpx.ConnectError():
            return f"the server cannot be reached: {detail}"
        case httpx.RemoteProtocolError():
            return f"the answer is cut off or not HTTP: {detail}"
        case _:
            return f"the transfer failed: {detail or type(error).__name__.lower()}"

"""The HTTP exchange behind both clients: a pool of kept connections, and one deadline for everything."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from kycrisk.client import answer
from kycrisk.client.failure import Failure, ScreeningFailed
from kycrisk.client.question import Question
from kycrisk.client.screening import Screening
from kycrisk.lookups.secrets import Secret

MAX_BYTES = 1 << 20
KEPT_FOR = 30.0  # seconds; shorter than servers and proxies keep idle connections
#: What is left of the time must be worth a second try, in seconds.
LEAST_FOR_RETRY = 0.01

# The connection was a kept one that the server had closed, or the server went away: the idempotency key makes it
# harmless to ask once more.
_BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
_SUCCESS = (httpx.codes.OK, httpx.codes.CREATED)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, and with which key."""

    base_url: str
    key: Secret = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    connections: int = 20


def server(base_url: str, key: str | Secret, tls: ssl.SSLContext | None, connections: int) -> Server:
    """Raises `ValueError` for what is no address or no key."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not _has_host(parts):
        raise ValueError("the base URL is not of the form `https://host`")
    if parts.username is not None or parts.query or parts.fragment:  # a password in it would end in logs
        raise ValueError("the base URL holds more than scheme, host, port and path; the key is an argument of its own")
    if connections < 1:
        raise ValueError(f"`connections` is at least 1, not {connections}")
    if tls is None and parts.scheme == "https":
        tls = httpx.create_ssl_context(trust_env=False)  # here, as it takes 20 ms, which no signup should wait for
    return Server(base_url.rstrip("/"), key if isinstance(key, Secret) else Secret(key), tls, connections)


def _has_host(parts: SplitResult) -> bool:
    """Whether there is a host that can be looked up, and a port that exists: no call should find out."""
    host = parts.hostname or ""
    try:
        host.encode("idna")
        return bool(re.fullmatch(r"[\w.:-]+", host)) and parts.port != 0
    except ValueError:
        return False


class Exchange:
    """Asks one server. It belongs to one event loop."""

    def __init__(self, asked: Server) -> None:
        self._url = f"{asked.base_url}/v1/screenings"
        self._client = httpx.AsyncClient(
            verify=asked.tls or False,  # without a context it is plain HTTP, where there is nothing to verify
            timeout=None,  # one deadline for the whole exchange, below
            limits=httpx.Limits(
                max_connections=asked.connections,
                max_keepalive_connections=asked.connections,
                keepalive_expiry=KEPT_FOR,
            ),
            follow_redirects=False,
            trust_env=False,  # a proxy from the environment would get to see the key
            headers={
                "Authorization": f"Bearer {asked.key.reveal()}",
                "Content-Type": "application/json",
                "Accept": "application/json, application/problem+json",
                "Accept-Encoding": "identity",
                "User-Agent": f"kycrisk-client/{version('kycrisk')}",
            },
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def ask(self, question: Question, moment: float) -> Screening:
        """The decision, by a moment of `time.monotonic`. Raises `ScreeningFailed`."""
        try:
            async with asyncio.timeout(moment - time.monotonic()):
                return await self._asked(question, moment)
        except TimeoutError:
            raise ScreeningFailed(Failure.TIMEOUT, "no answer in time") from None

    async def _asked(self, question: Question, moment: float) -> Screening:
        try:
            return await self._once(question, moment)
        except _BROKEN as error:
            if moment - time.monotonic() < LEAST_FOR_RETRY:
                raise _translated(error) from None
        except httpx.HTTPError as error:
            raise _translated(error) from None
        try:
            return await self._once(question, moment)
        except httpx.HTTPError as error:
            raise _translated(error) from None

    async def _once(self, question: Question, moment: float) -> Screening:
        request = self._client.build_request(
            "POST",
            self._url,
            content=question.body,
            headers={
                "Idempotency-Key": question.idempotency_key,
                "Kycrisk-Deadline-Ms": str(question.deadline_in(moment - time.monotonic())),
            },
            extensions={"trace": _Handshake()},
        )
        async with aclosing(await self._client.send(request, stream=True)) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ScreeningFailed(Failure.BROKEN, f"the answer has more than {MAX_BYTES} bytes")
        if response.status_code in _SUCCESS:
            return answer.screening(bytes(body), question.account_id)
        raise answer.refusal(response.status_code, response.headers, bytes(body))


class _Handshake:
    """Closes a connection whose TLS handshake was given up.

    httpcore does that after errors, but not after a cancellation (1.0.9, `AnyIOStream.start_tls`), and a server that
    never finishes its handshakes would eat up our file descriptors. `trace` is documented for this kind of look inside
    (https://www.python-httpx.org/advanced/extensions/#trace).
    """

    def __init__(self) -> None:
        self._connected: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._connected = info["return_value"]
        elif event == "connection.start_tls.failed" and isinstance(info["exception"], asyncio.CancelledError):
            await self._connected.aclose()


def _translated(error: httpx.HTTPError) -> ScreeningFailed:
    """A failure of the library as one of ours. Its own words may hold URLs, so none of them is taken over."""
    if isinstance(error, httpx.ConnectError):
        return ScreeningFailed(Failure.UNREACHABLE, "the server cannot be reached")
    if isinstance(error, httpx.NetworkError):
        return ScreeningFailed(Failure.UNREACHABLE, "the connection broke")
    if isinstance(error, httpx.RemoteProtocolError):
        return ScreeningFailed(Failure.BROKEN, "the answer is cut off or not HTTP")
    return ScreeningFailed(Failure.BROKEN, "the exchange failed")

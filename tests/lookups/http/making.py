"""What these tests share: a client that may ask this machine, a moment, a clock that is turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

import httpx

from kycrisk.lookups.http import Http
from kycrisk.lookups.http_guard import Network, Resolve
from kycrisk.lookups.secrets import Redactor, Secret
from kycrisk.signals import IP

Result = TypeVar("Result")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)
TLS = httpx.create_ssl_context(trust_env=False)  # it takes 20 ms, so it is made once


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end in an event loop of its own."""
    return asyncio.run(work)


def soon(seconds: float = 5.0) -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + seconds


def resolving(table: dict[str, Sequence[str]]) -> Resolve:
    """A resolver that knows a few names, without a network."""

    async def resolve(host: str, deadline: float) -> Sequence[IP]:
        return [ip_address(each) for each in table.get(host, ())]

    return resolve


@asynccontextmanager
async def opened(
    *,
    secrets: Iterable[Secret] = (),
    resolve: Resolve | None = None,
    allowed: tuple[Network, ...] = LOOPBACK,
    **settings: Any,
) -> AsyncIterator[Http]:
    """A client that may ask this machine."""
    http = Http(
        version="0",
        allowed=allowed,
        redactor=Redactor(secrets),
        resolve=resolve or resolving({"localhost": ["127.0.0.1"]}),
        tls=settings.pop("tls", TLS),
        **settings,
    )
    try:
        yield http
    finally:
        await http.aclose()

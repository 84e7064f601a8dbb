"""What these tests share: sources over a real name server on loopback, and a signup to ask about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from random import Random

from kycrisk.lookups.budget import Budget, Limits
from kycrisk.lookups.cache import MemoryResults
from kycrisk.lookups.resolver import Resolver, ResolverOptions
from kycrisk.lookups.resolver_trust import Trust
from kycrisk.normal.email import normal_email
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from tests.lookups.dns.server import NameServer, name_server
from tests.lookups.http.making import opened

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def signup(*, email: str = "jane@shop.example.com", ip: str = "192.0.2.99", **fields: object) -> Signup:
    """A signup of a stranger."""
    return Signup(
        account_id="a-1",
        email=normal_email(email),
        ip=ip_address(ip),
        submitted_at=NOW,
        **fields,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[NameServer, Connections]]:
    """Connections to a name server that does what it is told, and the server."""
    async with name_server() as server, opened() as http:
        kept = MemoryResults()
        resolver = Resolver([server.nameserver], options=ResolverOptions(retry_after=9), random=Random(7))
        connections = Connections(
            resolver=resolver,
            trust=Trust(resolver),
            http=http,
            budget=Budget(Limits(), kept, lambda: NOW),
            kept=kept,
            now=lambda: NOW,
            random=Random(7),
        )
        try:
            yield server, connections
        finally:
            await connections.aclose()


def soon(seconds: float = 5.0) -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + seconds

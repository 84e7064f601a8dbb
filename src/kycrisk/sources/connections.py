"""What all sources of a program share, in one event loop: the resolver, the HTTP client, the budget, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TypeVar

from kycrisk.lookups.asked import Client
from kycrisk.lookups.budget import Budget
from kycrisk.lookups.cache import KeptResults
from kycrisk.lookups.http import Http
from kycrisk.lookups.resolver import Resolver
from kycrisk.lookups.resolver_trust import Trust
from kycrisk.lookups.source import Source, SourceTerms

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The shared parts. `now` is the wall clock; `pepper` keys the digests under which answers are kept.

    `closing` holds what each source wants to be ended with, the last that was opened first.
    """

    resolver: Resolver
    trust: Trust  # in that resolver
    http: Http
    budget: Budget
    kept: KeptResults
    now: Callable[[], datetime]
    random: Random
    pepper: bytes = b""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    def source(self, client: Client[Key], terms: SourceTerms) -> Source[Key]:
        """A client behind its caches, its circuit breaker and the budget."""
        clock = asyncio.get_running_loop().time
        made = Source(client, terms, budget=self.budget, kept=self.kept, now=self.now, clock=clock, pepper=self.pepper)
        self.closing.push_async_callback(made.aclose)
        return made

    async def aclose(self) -> None:
        """End what is under way, and close every connection."""
        try:
            await self.closing.aclose()
        finally:
            await self.trust.aclose()
            self.resolver.close()
            await self.http.aclose()

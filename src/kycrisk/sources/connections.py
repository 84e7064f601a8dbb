"""What all sources of a program share, in one event loop: the resolver, the HTTP client, the budget, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TypeVar

from kycrisk.lookups.asked import Client
from kycrisk.lookups.budget import Budget
from kycrisk.lookups.cache import KeptResults
from kycrisk.lookups.http import Http
from kycrisk.lookups.resolver import Resolver
from kycrisk.lookups.source import Source, SourceTerms

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The shared parts. `now` is the wall clock; `pepper` keys the digests under which answers are kept."""

    resolver: Resolver
    http: Http
    budget: Budget
    kept: KeptResults
    now: Callable[[], datetime]
    random: Random
    pepper: bytes = b""

    def source(self, client: Client[Key], terms: SourceTerms) -> Source[Key]:
        """A client behind its caches, its circuit breaker and the budget."""
        clock = asyncio.get_running_loop().time
        return Source(client, terms, budget=self.budget, kept=self.kept, now=self.now, clock=clock, pepper=self.pepper)

    async def aclose(self) -> None:
        """Close every connection."""
        self.resolver.close()
        await self.http.aclose()

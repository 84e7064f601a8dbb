"""A store made ready to be screened again, from the settings of its site."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from random import SystemRandom

from kycrisk.rescreening.asking import sparing
from kycrisk.rescreening.kernel import Kernel
from kycrisk.rescreening.lifetimes import Lifetimes
from kycrisk.rescreening.pinned import Pinned, list_gaps
from kycrisk.rescreening.store_run import StoreRescreener
from kycrisk.screening.columns.opening import table_screener
from kycrisk.screening.site import Site
from kycrisk.service.standing import Standing, read_store, take_standing
from kycrisk.settings import Settings
from kycrisk.sources.opening import Sources, open_sources
from kycrisk.store.screenings import Also
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store


@asynccontextmanager
async def store_rescreener(
    settings: Settings,
    store: Store,
    site_key: SiteKey,
    *,
    clock: Callable[[], datetime],
    also: Also | None,
    ask: bool = False,
) -> AsyncIterator[StoreRescreener]:
    """What screens the accounts of a store again, by rules and lists as they stand. Raises `Problems`, `StoreError`.

    With `ask` the sources of the site are opened, and asked within their budgets.
    """
    sources = await _opened(settings, store, site_key, clock) if ask and settings.sources.sources else None
    try:
        kept = await read_store(store, clock())
        asked = sparing(sources) if sources else None
        standing = await asyncio.to_thread(take_standing, settings, kept, asked, clock=clock)
        yield StoreRescreener(
            store=store,
            site_key=site_key,
            standing=standing,
            kernel=await asyncio.to_thread(kernel_of, standing, clock()),
            lifetimes=Lifetimes(settings.sources, settings.rescreening.answers),
            clock=clock,
            also=also,
            ask=ask,
        )
    finally:
        if sources is not None:
            await sources.aclose()


def kernel_of(standing: Standing, now: datetime) -> Kernel:
    """What screens tables by the rules and lists of a standing."""
    return site_kernel(standing.site, now)


def site_kernel(site: Site, now: datetime) -> Kernel:
    """What screens tables by the rules and lists of a site as they are now."""
    screener = table_screener(site, now)
    pinned = Pinned(
        digest="",
        now=now,
        ruleset=site.ruleset,
        screener=screener,
        lists=site.lists,
        exempted=site.exemptions.all(),
        gaps=list_gaps(screener, site.lists),
    )
    return Kernel(pinned)


async def _opened(settings: Settings, store: Store, site_key: SiteKey, clock: Callable[[], datetime]) -> Sources:
    """The sources; their answers and budgets are those of the service, in the store."""
    pepper = bytes.fromhex(site_key.proof(b"kycrisk pepper"))
    return await open_sources(
        settings.sources, state=settings.state, now=clock, random=SystemRandom(), kept=(store.kept_results, pepper)
    )

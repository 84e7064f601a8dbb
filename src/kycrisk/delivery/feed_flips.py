"""The customers that are there, by whom new versions of lists are judged: those of a table, or of the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path

import polars as pl

from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.match import AnySet
from kycrisk.feeds.quarantine.gate import Quarantine
from kycrisk.feeds.quarantine.judge import Site as OwnSite
from kycrisk.feeds.quarantine.reasons import FlipJudge, Flips
from kycrisk.problems import Problems
from kycrisk.rescreening.stored_accounts import StoredAccounts, account_chunks, last_account
from kycrisk.screening.columns.classes import ADDRESS, DOMAIN
from kycrisk.screening.columns.flips import Accounts, FlipCounter, accounts_of_file
from kycrisk.screening.columns.table import ACCOUNT, TableScreener
from kycrisk.screening.site import Site
from kycrisk.settings import Settings
from kycrisk.signals import Type
from kycrisk.store.failure import StoreError
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store

_log = logging.getLogger(__name__)

#: So many of the newest accounts stand for all: opening one costs 0.1 ms, and a share of one in a thousand shows.
MOST = 50_000

#: The accounts of a store, for a screener; asked once.
Load = Callable[[TableScreener], list[pl.DataFrame]]


def quarantine_of_store(site: Site, store: Store, site_key: SiteKey, now: datetime) -> Quarantine:
    """What new versions are judged by where a service runs: to be made in its event loop, and asked in a thread."""
    loop = asyncio.get_running_loop()

    def load(screener: TableScreener) -> list[pl.DataFrame]:
        return asyncio.run_coroutine_threadsafe(_waited(stored_tables(store, site_key, screener)), loop).result()

    return quarantine_of(site, load, now)


async def _waited(tables: Awaitable[list[pl.DataFrame]]) -> list[pl.DataFrame]:
    return await tables


def quarantine_of(site: Site, load: Load | None, now: datetime, table: Path | None = None) -> Quarantine:
    """What new versions are judged by: a table of the customers where there is one, or else those that are loaded."""
    settings = site.settings
    path = table or settings.customers
    accounts = accounts_of_file(path) if path is not None else _once(load) if load is not None else None
    judge = None if accounts is None else _careful(FlipCounter(site, now, accounts))
    return Quarantine(site=own_site(settings), flips=judge)


def own_site(settings: Settings) -> OwnSite:
    """What the settings say for the quarantine."""
    return OwnSite(flips=settings.quarantine.flips, own=tuple(settings.quarantine.own))


async def stored_tables(
    store: Store, site_key: SiteKey, screener: TableScreener, *, most: int = MOST
) -> list[pl.DataFrame]:
    """The newest accounts of a store with what was known of them when they were decided. Raises `StoreError`."""
    last = await last_account(store)
    chunks: AsyncIterator[StoredAccounts] = account_chunks(
        store, site_key, _wanted(screener), after=max(0, last - most), upto=last, signups=False
    )
    return [table async for chunk in chunks if (table := _table(chunk)).height]


def _table(chunk: StoredAccounts) -> pl.DataFrame:
    named = chunk.facts.with_columns(chunk.accounts["account_id"].alias(ACCOUNT))
    return named.filter(chunk.evident)


def _wanted(screener: TableScreener) -> dict[str, Type]:
    """The facts that the rules read, and the keys that lists are asked about."""
    catalogue = screener.rules.compiled.ruleset.signals
    keys = {name: catalogue[name].type for name in {*screener.needed, DOMAIN, ADDRESS} if name in catalogue}
    return {**keys, **screener.rules.signals}


def _once(load: Load) -> Accounts:
    kept: list[list[pl.DataFrame]] = []

    def tables(screener: TableScreener) -> Iterable[pl.DataFrame]:
        if not kept:
            kept.append(load(screener))
        return kept[0]

    return tables


def _careful(judge: FlipJudge) -> FlipJudge:
    """Customers that cannot be read must not keep lists from being updated: it is logged, and they are not known."""

    def judged(feed: Feed, entries: AnySet) -> Flips | None:
        try:
            return judge(feed, entries)
        except Problems as wrong:
            why = "; ".join(str(problem) for problem in wrong.problems[:5])
        except StoreError as error:
            why = str(error)
        _log.warning("who would flip by a new version of a list is not known: %s", why, extra={"list": feed.name})
        return None

    return judged

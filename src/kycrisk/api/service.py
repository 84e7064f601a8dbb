"""The service: store, sources, rules and lists of a site, opened together, and screenings through all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from random import SystemRandom
from typing import Any, TextIO

from prometheus_client.core import Metric

from kycrisk.api.case_measures import case_metrics
from kycrisk.api.delivery_measures import delivery_metrics
from kycrisk.api.logs import AccessLog
from kycrisk.api.measures import Measures, gauge
from kycrisk.api.rate import Rates
from kycrisk.api.siblings import Siblings
from kycrisk.delivery.case_work import CaseWork
from kycrisk.delivery.endpoint import endpoints_of, outbox_of
from kycrisk.delivery.feed_flips import quarantine_of_store
from kycrisk.delivery.held_lists import audited_left_out
from kycrisk.delivery.rechecking import Rechecker
from kycrisk.delivery.tally import Tally
from kycrisk.delivery.worker import Rescreening, Worker
from kycrisk.feeds.catalogue import Feed, read_catalogues
from kycrisk.feeds.standing import FeedStanding, feed_standings
from kycrisk.feeds.update import UpdateResult, guards_of, update
from kycrisk.problems import Problems
from kycrisk.ruleset.evaluate import CompiledRuleset, compile_ruleset
from kycrisk.screening.desk import now_utc
from kycrisk.service.reload import Standings
from kycrisk.service.standing import Standing, canonical_ruleset
from kycrisk.service.stored import StoredScreener
from kycrisk.settings import Settings
from kycrisk.signals import Signal
from kycrisk.sources.catalogue import signals_of_site
from kycrisk.sources.opening import Sources, open_sources
from kycrisk.store.deliveries import Depth
from kycrisk.store.failure import Conflict, NotFound, StoreUnavailable
from kycrisk.store.screenings import Also, all_of
from kycrisk.store.sealing import SiteKey, make_site_key
from kycrisk.store.store import Store
from kycrisk.verification.bureau import Bureau
from kycrisk.verification.opening import opener_of
from kycrisk.verification.queue import Figures

_log = logging.getLogger(__name__)

#: What an address may do wrong before it is slowed down: so many requests without a valid key a second, and at once.
MOST_COMPILED = 8  # older versions of the rules, kept for replays
STRANGERS_PER_SECOND, STRANGERS_AT_ONCE = 5.0, 50.0


class Service:
    """Everything that requests need. Belongs to the event loop it was opened in; close it with `aclose`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        site_key: SiteKey,
        sources: Sources | None,
        *,
        clock: Callable[[], datetime] = now_utc,
        watch_files: bool = False,
        access_log: TextIO | None = None,
        also: Also | None = None,
    ) -> None:
        self.settings, self.store, self.sources, self.clock = settings, store, sources, clock
        self._site_key = site_key
        self.measures, self.access_log = Measures(), AccessLog(access_log)
        self.standings = Standings(
            settings,
            store,
            sources,
            clock=clock,
            watch_files=watch_files,
            on_reload=self.measures.reloaded,
            beside=lambda: self.bureau.read_again(),
        )
        self.endpoints, self.tally = endpoints_of(settings.webhooks.endpoints, site_key), Tally()
        self.bureau = Bureau(settings, store, site_key, clock)
        self.cases = self.bureau.cases
        also = also or all_of(outbox_of(self.endpoints), opener_of(self.cases.site))
        reserve, limits = settings.service.commit_reserve, settings.service.limits
        self.screener = StoredScreener(store, site_key, self.measures, commit_reserve=reserve, also=also)
        self.rates = Rates(limits.requests_per_second, 2.0 * limits.requests_per_second, time.monotonic)
        self.strangers = Rates(STRANGERS_PER_SECOND, STRANGERS_AT_ONCE, time.monotonic)
        self.under_way = 0  # screenings
        self.stopping = False
        self.updating = asyncio.Lock()  # held while lists from outside are fetched
        self._compiled: OrderedDict[str, CompiledRuleset] = OrderedDict()
        self.feeds: tuple[Feed, ...] = read_catalogues(settings.catalogues)
        self._feeds_standing: tuple[FeedStanding, ...] = ()
        self._depths: tuple[Depth, ...] = ()
        self._case_figures: Figures | None = None
        self.measures.gauges.append(self._gauges)
        self.siblings: Siblings | None = None  # the other processes behind the same socket
        self.closing = AsyncExitStack()

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = now_utc,
        watch_files: bool = False,
        access_log: TextIO | None = None,
        upgrade_tables: bool = False,
        also: Also | None = None,
        works: bool = False,
        rescreening: Rescreening | None = None,
    ) -> Service:
        """The service of a site, with rules and lists taken. Raises `Problems`, `StoreError`.

        When it `works`, it sends what is due and runs what recurs, as well as screening; `rescreening` is what the
        schedule for it runs.
        """
        site_key = await asyncio.to_thread(make_site_key, settings.site_key)
        async with AsyncExitStack() as opening:
            store = await Store.open(settings.database, site_key=site_key, clock=clock, upgrade_tables=upgrade_tables)
            opening.push_async_callback(store.close)
            sources = await _sources(settings, store, site_key, clock) if settings.sources.may_ask else None
            if sources is not None:
                opening.push_async_callback(sources.aclose)
            service = cls(
                settings,
                store,
                site_key,
                sources,
                clock=clock,
                watch_files=watch_files,
                access_log=access_log,
                also=also,
            )
            opening.push_async_callback(service.bureau.aclose)
            opening.callback(service.standings.close)
            await service.standings.take()
            await service.look_at_feeds()
            service.closing = opening.pop_all()
        service._start(service.standings.watch(), "reload")
        service._start(service._look_at_feeds_often(), "feeds")
        service._start(service._look_at_deliveries_often(), "deliveries")
        if service.bureau.site.chosen:
            service._start(service._look_at_cases_often(), "cases")
        for problem in settings.sources.problems:
            _log.error("something is wrong with the sources: %s", problem)
        for problem in settings.webhooks.problems:
            _log.error("a webhook is out of use: %s", problem)
        if works:
            await service._work(upgrade_tables, rescreening)
        return service

    async def _work(self, upgrade_tables: bool, rescreening: Rescreening | None) -> None:
        worker = Worker(
            settings=self.settings,
            store=self.store,
            endpoints=self.endpoints,
            rechecker=Rechecker(self.store, self.screener, lambda: self.standing, self.clock),
            update_feeds=self._update_feeds,
            rescreening=rescreening,
            clock=self.clock,
            tally=self.tally,
            upgrade_tables=upgrade_tables,
            case_work=CaseWork(self.bureau) if self.bureau.site.chosen else None,
        )
        try:
            await worker.start(self.closing)
        except BaseException:
            await self.aclose()
            raise

    async def _update_feeds(self) -> None:
        chosen = [feed for feed in self.feeds if feed.enabled]
        async with self.updating:
            results = await self.update_lists(chosen, force=False)
        await self.look_at_feeds()
        told = Counter(str(each.status) for each in results)
        _log.info("lists were brought up to date: %s", dict(told), extra={"job": "feeds"})

    async def update_lists(self, feeds: Sequence[Feed], *, force: bool) -> list[UpdateResult]:
        """Bring lists up to date, and their guards; whoever asks holds `updating`. What looks like an accident is held,
        and logged."""
        guards = guards_of(feeds, self.feeds)
        quarantine = quarantine_of_store(self.standing.site, self.store, self._site_key, self.clock())
        results = await asyncio.to_thread(
            update,
            [*guards, *feeds],
            self.settings.snapshots,
            now=self.clock(),
            offline=self.settings.offline,
            force=force,
            quarantine=quarantine,
        )
        for each in results:
            if each.status == "held":
                _log.warning("a new version of a list is held: %s", each.reason, extra={"list": each.feed.name})
        await audited_left_out(self.store, results)
        return results[len(guards) :]

    @property
    def standing(self) -> Standing:
        """What is screened by now."""
        return self.standings.current

    @property
    def signals(self) -> Mapping[str, Signal]:
        """What the rules may read now."""
        return signals_of_site(self.standing.site.settings.sources)

    async def compiled(self, version: str) -> CompiledRuleset:
        """The rules of a version, ready to judge: those in force, or those that the store kept. Raises `Conflict`."""
        if version == self.standing.ruleset.version:
            return self.standing.desk.compiled
        if version not in self._compiled:
            try:
                stored = await self.store.rulesets.get(version)
                made = await asyncio.to_thread(lambda: compile_ruleset(canonical_ruleset(stored, self.signals)))
            except NotFound:
                raise Conflict(f"version {version} of the rules, which decided it, is not kept here") from None
            except Problems as wrong:
                raise Conflict(str(wrong.problems[0]), wrong.problems[0].help) from None
            self._compiled[version] = made
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        return self._compiled[version]

    async def look_at_feeds(self) -> tuple[FeedStanding, ...]:
        """How the lists from outside stand."""
        found = await asyncio.to_thread(feed_standings, self.feeds, self.settings.snapshots, self.clock())
        self._feeds_standing = tuple(found)
        return self._feeds_standing

    async def aclose(self) -> None:
        """Close everything. Requests that are under way must have been answered before."""
        self.access_log.flush()
        await self.closing.aclose()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"kycrisk-{name}")
        task.add_done_callback(_tell_failure)
        self.closing.push_async_callback(_end, task)

    async def _look_at_feeds_often(self) -> None:
        while True:
            await asyncio.sleep(60)
            await self.look_at_feeds()

    async def _look_at_deliveries_often(self) -> None:
        while True:
            with suppress(StoreUnavailable):
                self._depths = await self.store.deliveries.depths()
            await asyncio.sleep(5)

    async def _look_at_cases_often(self) -> None:
        while True:
            with suppress(StoreUnavailable):
                self._case_figures = await self.cases.figures()
            await asyncio.sleep(15)

    def _gauges(self) -> Iterator[Metric]:
        now, standing = self.clock(), self.standing
        yield from delivery_metrics(self.tally, self._depths, now)
        yield from case_metrics(self._case_figures)
        yield gauge("kycrisk_store_queue_depth", "Changes that wait for the writer.", [((), self.store.writer.depth)])
        yield gauge("kycrisk_screenings_under_way", "Screenings that are not answered yet.", [((), self.under_way)])
        yield gauge(
            "kycrisk_list_age_seconds",
            "Age of the lists from outside.",
            [
                ((each.feed.name,), (now - each.header.as_of).total_seconds())
                for each in self._feeds_standing
                if each.header
            ],
            ("list",),
        )
        yield gauge(
            "kycrisk_list_usable",
            "Whether a list is fresh enough to answer.",
            [((each.feed.name,), float(each.state == "fresh")) for each in self._feeds_standing],
            ("list",),
        )
        yield gauge(
            "kycrisk_list_held",
            "1 while a newer version of a list waits for somebody to release or refuse it.",
            [((each.feed.name,), float(each.held is not None)) for each in self._feeds_standing],
            ("list",),
        )
        version, since = standing.ruleset.version, standing.since.timestamp()
        yield gauge(
            "kycrisk_ruleset_info",
            "The rules in force.",
            [((version, standing.rules_from.value), 1.0)],
            ("version", "source"),
        )
        yield gauge("kycrisk_ruleset_taken_timestamp_seconds", "When rules and lists were taken.", [((), since)])
        failed = self.standings.failed is not None
        yield gauge("kycrisk_reload_refused", "1 while newer rules or lists are broken.", [((), float(failed))])


async def _sources(settings: Settings, store: Store, site_key: SiteKey, clock: Callable[[], datetime]) -> Sources:
    """The sources; what they answered is kept in the store, and their pseudonyms are made with the site key."""
    pepper = bytes.fromhex(site_key.proof(b"kycrisk pepper"))
    return await open_sources(
        settings.sources, state=settings.state, now=clock, random=SystemRandom(), kept=(store.kept_results, pepper)
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s ended by a mistake of ours", task.get_name(), exc_info=error)

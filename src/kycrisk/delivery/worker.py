"""What one process does by itself: it sends what is due, and runs what recurs. Any number of them share a database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from random import SystemRandom
from typing import Any, Protocol

from kycrisk.delivery.archiving import update_archive
from kycrisk.delivery.case_work import EVERY_MINUTE, CaseWork
from kycrisk.delivery.courier import Courier
from kycrisk.delivery.endpoint import Endpoint
from kycrisk.delivery.feeds_update import update_often
from kycrisk.delivery.jobs import RUNS_KEPT, Job, Jobs, forget_runs
from kycrisk.delivery.lane import lanes_of
from kycrisk.delivery.rechecking import Rechecker
from kycrisk.delivery.sending import Sender
from kycrisk.delivery.tally import Tally
from kycrisk.service_settings import RetentionForm
from kycrisk.settings import Settings
from kycrisk.store.retention import Durations
from kycrisk.store.store import Store

_log = logging.getLogger(__name__)


class Rescreening(Protocol):
    """What screens all accounts of the store again."""

    async def run(self) -> object: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a process needs to work. Belongs to one event loop."""

    settings: Settings
    store: Store
    endpoints: Sequence[Endpoint]
    rechecker: Rechecker
    update_feeds: Callable[[], Awaitable[None]]
    rescreening: Rescreening | None = None
    clock: Callable[[], datetime]
    tally: Tally
    upgrade_tables: bool = False
    case_work: CaseWork | None = None

    async def start(self, closing: AsyncExitStack) -> None:
        """Begin. What `closing` closes ends it: what is being sent is sent to its end, the rest is given back."""
        settings = self.settings
        if self.endpoints and not settings.offline:
            await self._start_courier(closing)
        if settings.jobs.feeds and not settings.offline:
            feeds = update_often(settings.jobs.feeds, self.update_feeds, state=settings.state, clock=self.clock)
            task = asyncio.create_task(feeds, name="kycrisk-feeds-update")
            closing.push_async_callback(_cancelled, task)
        if settings.jobs.archive:
            copying = partial(update_archive, settings)
            often = update_often(settings.jobs.archive, copying, state=settings.state, clock=self.clock, job="archive")
            closing.push_async_callback(_cancelled, asyncio.create_task(often, name="kycrisk-archive-update"))
        if self.case_work is not None and not settings.offline:
            self._start_case_work(self.case_work, closing)
        wanted = settings.jobs
        if wanted.recheck or wanted.retention or self.case_work is not None or settings.rescreening.schedule:
            await self._start_jobs(closing)

    async def _start_courier(self, closing: AsyncExitStack) -> None:
        sender = Sender(self.endpoints, version=version("kycrisk"), now=self.clock)
        closing.push_async_callback(sender.aclose)
        random = SystemRandom().random
        lanes = lanes_of(self.endpoints, self.store, sender, clock=self.clock, random=random, tally=self.tally)
        courier = Courier(self.store, lanes, clock=self.clock)
        task = asyncio.create_task(courier.run(), name="kycrisk-courier")
        task.add_done_callback(_tell_failure)

        async def stop() -> None:
            courier.stop()
            await asyncio.wait([task])

        closing.push_async_callback(stop)

    def _start_case_work(self, work: CaseWork, closing: AsyncExitStack) -> None:
        task = asyncio.create_task(work.run(), name="kycrisk-case-work")
        task.add_done_callback(_tell_failure)

        async def stop() -> None:
            work.stop()
            await asyncio.wait([task])

        closing.push_async_callback(stop)

    async def _start_jobs(self, closing: AsyncExitStack) -> None:
        wanted, schedule, rescreening = self.settings.jobs, self.settings.rescreening.schedule, self.rescreening
        found = [
            Job("recheck", wanted.recheck, self.rechecker.run) if wanted.recheck else None,
            Job("retention", wanted.retention, self._retain) if wanted.retention else None,
            Job("cases", wanted.cases or EVERY_MINUTE, self.case_work.tick) if self.case_work else None,
            Job("rescreen", schedule, rescreening.run, long=True) if schedule and rescreening else None,
        ]
        named = {job.name: job for job in found if job is not None}
        jobs = Jobs(self.store, named, clock=self.clock, tally=self.tally, upgrade_tables=self.upgrade_tables)
        await jobs.start()
        closing.push_async_callback(jobs.stop)
        if rescreening is not None:
            closing.push_async_callback(rescreening.stop)

    async def _retain(self) -> dict[str, int]:
        gone = await self.store.retention.apply(durations_of(self.settings.retention), now=self.clock)
        return gone | {"job_runs": await forget_runs(self.clock() - RUNS_KEPT)}


def durations_of(form: RetentionForm) -> Durations:
    """How long what is kept is kept, by the settings."""
    return Durations(
        signups=form.signups,
        facts=form.facts,
        decisions=form.decisions,
        list_entries=form.list_entries,
        exemptions=form.exemptions,
        api_keys=form.api_keys,
        cases=form.cases,
    )


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _tell_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s ended by a mistake of ours", task.get_name(), exc_info=error)

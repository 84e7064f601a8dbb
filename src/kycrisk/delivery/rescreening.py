"""Rescreening by itself: all accounts of the store at the moments of a schedule, in a thread of its own.

A run takes minutes and more, and counts for the processor: requests are answered beside it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from kycrisk.delivery.endpoint import endpoints_of, outbox_of
from kycrisk.rescreening.store_opening import store_rescreener
from kycrisk.settings import Settings
from kycrisk.store.rescreenings import Busy, LeaseLost
from kycrisk.store.sealing import read_site_key
from kycrisk.store.store import Store

_log = logging.getLogger(__name__)
_BY = "schedule"


class ScheduledRescreening:
    """What a schedule runs. It belongs to the event loop that runs it."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[str]] | None = None
        self._stopped = False

    async def run(self) -> str:
        """Screen all accounts again, or go on where a run was stopped; what came of it.

        Where another process is at it, nothing is done. Raises `Problems` and `StoreError`.
        """
        if self._stopped:
            return "stopped"
        return await asyncio.to_thread(lambda: asyncio.run(self._noted()))

    async def stop(self) -> None:
        """Stop behind the chunk that is being written; another process goes on with the run."""
        self._stopped = True
        if self._running is not None:
            loop, task = self._running
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(task.cancel)

    async def _noted(self) -> str:
        task = asyncio.create_task(self._run())
        self._running = asyncio.get_running_loop(), task
        try:
            return await task
        except asyncio.CancelledError:
            return "stopped"
        finally:
            self._running = None

    async def _run(self) -> str:
        settings = self._settings
        site_key = await asyncio.to_thread(read_site_key, settings.site_key)
        also = outbox_of(endpoints_of(settings.webhooks.endpoints, site_key))
        ask = settings.rescreening.ask
        async with (
            await Store.open(settings.database, site_key=site_key, clock=self._clock) as store,
            store_rescreener(settings, store, site_key, clock=self._clock, also=also, ask=ask) as rescreener,
        ):
            for gap in rescreener.kernel.pinned.gaps:
                _log.warning("not asked when accounts are screened again: %s", gap, extra={"job": "rescreen"})
            try:
                run, summary = await rescreener.run(by=_BY)
            except (Busy, LeaseLost) as other:
                return f"left to another process: {other.message}"
            return f"run {run.id}: {summary.rows} accounts, {summary.news} of them news, {summary.ways}"

"""`kycrisk worker`: deliveries and jobs without HTTP, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from typing import TextIO

import uvloop

from kycrisk.api.logs import log_to
from kycrisk.api.service import Service
from kycrisk.delivery.worker import Rescreening
from kycrisk.settings import Settings

_log = logging.getLogger(__name__)


def work(
    settings: Settings,
    *,
    upgrade_tables: bool = False,
    log: TextIO = sys.stderr,
    on_working: Callable[[], None] = lambda: None,
    rescreening: Rescreening | None = None,
) -> None:
    """Work until SIGTERM or SIGINT. SIGHUP reloads rules and lists. Raises `Problems` and `StoreError`."""
    log_to(log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, upgrade_tables, log, on_working, rescreening))


async def _work(
    settings: Settings,
    upgrade_tables: bool,
    log: TextIO,
    on_working: Callable[[], None],
    rescreening: Rescreening | None,
) -> None:
    service = await Service.open(
        settings, access_log=log, upgrade_tables=upgrade_tables, works=True, rescreening=rescreening
    )
    try:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        reloads: set[asyncio.Task[object]] = set()

        def reload() -> None:
            task = loop.create_task(service.standings.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        _log.info("working: %d endpoints", len(service.endpoints))
        on_working()
        await stopped.wait()
        _log.info("stopping")
    finally:
        await service.aclose()

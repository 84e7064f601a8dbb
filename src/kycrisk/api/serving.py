"""Serving: the application behind a socket, until it is told to stop. Requests under way are answered first."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import TextIO

import uvicorn
import uvloop
from fastapi import APIRouter

from kycrisk.api.app import make_app
from kycrisk.api.logs import log_to
from kycrisk.api.service import Service
from kycrisk.api.tracing import tracing_of
from kycrisk.settings import Settings
from kycrisk.store.screenings import Also

_log = logging.getLogger(__name__)

#: After how many new objects garbage is looked for; a screening makes some hundreds, which die by themselves.
COLLECT_AFTER = (20_000, 20, 50)
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn's server, with signals left to us: it would end the process before the store is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(
    settings: Settings,
    *,
    watch_files: bool = False,
    upgrade_tables: bool = False,
    log: TextIO = sys.stderr,
    also: Also | None = None,
    works: bool = True,
    pages: Sequence[APIRouter] = (),
    on_listening: Callable[[str, int], None] = lambda host, port: None,
) -> None:
    """Serve until SIGTERM or SIGINT. SIGHUP reloads rules and lists. It `works` beside: it sends and runs what recurs.

    Raises `Problems`, `StoreError` and `OSError`."""
    log_to(log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, watch_files, upgrade_tables, log, also, works, pages, on_listening))


async def _serve(
    settings: Settings,
    watch_files: bool,
    upgrade_tables: bool,
    log: TextIO,
    also: Also | None,
    works: bool,
    pages: Sequence[APIRouter],
    on_listening: Callable[[str, int], None],
) -> None:
    service = await Service.open(
        settings, watch_files=watch_files, access_log=log, upgrade_tables=upgrade_tables, also=also, works=works
    )
    gc.collect()
    gc.freeze()  # lists and rules live as long as the process: nothing looks through them again for garbage
    gc.set_threshold(*COLLECT_AFTER)
    tracing = tracing_of(os.environ, version("kycrisk"))
    try:
        config = uvicorn.Config(
            make_app(service, tracing, pages),
            host=settings.service.host,
            port=settings.service.port,
            http="httptools",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=max(1, round(settings.service.stop_within)),
        )
        server = _Server(config)
        _heed_signals(server, service)
        listening = asyncio.create_task(_tell_listening(server, on_listening))
        await server.serve()
        listening.cancel()
    finally:
        await service.aclose()


async def _tell_listening(server: _Server, tell: Callable[[str, int], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    _log.info("listening on %s:%s", host, port)
    tell(host, port)


def _heed_signals(server: _Server, service: Service) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if service.stopping:
            server.force_exit = True  # asked twice: at once
        service.stopping = server.should_exit = True
        _log.info("stopping: %d screenings are under way", service.under_way)

    def reload() -> None:
        task = loop.create_task(service.standings.reload())
        _reloads.add(task)
        task.add_done_callback(_reloads.discard)

    _reloads: set[asyncio.Task[object]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)

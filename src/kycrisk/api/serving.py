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
from kycrisk.api.processes import BACKLOG, Place, share
from kycrisk.api.service import Service
from kycrisk.api.siblings import Siblings
from kycrisk.api.tracing import tracing_of
from kycrisk.delivery.worker import Rescreening
from kycrisk.settings import Settings
from kycrisk.store.screenings import Also

_log = logging.getLogger(__name__)

#: After how many new objects garbage is looked for; a screening makes some hundreds, which die by themselves.
COLLECT_AFTER = (20_000, 20, 50)
#: How long a thread that is ready waits for the interpreter, in seconds. The store's writer gives it up at every
#: statement; with Python's own 5 ms a commit of ten statements would wait 50 ms for a busy event loop.
_SWITCH = 0.001


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
    processes: int = 1,
    pages: Sequence[APIRouter] = (),
    on_listening: Callable[[str, int], None] = lambda host, port: None,
    rescreening: Rescreening | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. SIGHUP reloads rules and lists. It `works` beside: it sends and runs what recurs.

    Several `processes` share the port: the first of them works, and upgrades. This one starts and replaces them.

    Raises `Problems`, `StoreError` and `OSError`."""
    log_to(log)
    place = None
    if processes > 1:
        host, port, within = settings.service.host, settings.service.port, settings.service.stop_within
        place = share(processes, host, port, stop_within=within, on_listening=on_listening)
        if place is None:  # all of them have ended
            return
    sys.setswitchinterval(_SWITCH)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _serve(settings, watch_files, upgrade_tables, log, also, works, place, pages, on_listening, rescreening)
        )  # fmt: skip


async def _serve(
    settings: Settings,
    watch_files: bool,
    upgrade_tables: bool,
    log: TextIO,
    also: Also | None,
    works: bool,
    place: Place | None,
    pages: Sequence[APIRouter],
    on_listening: Callable[[str, int], None],
    rescreening: Rescreening | None,
) -> None:
    if place is not None and place.number:
        works = upgrade_tables = False
    service = await Service.open(
        settings,
        watch_files=watch_files,
        access_log=log,
        upgrade_tables=upgrade_tables,
        also=also,
        works=works,
        rescreening=rescreening,
    )
    gc.collect()
    gc.freeze()  # lists and rules live as long as the process: nothing looks through them again for garbage
    gc.set_threshold(*COLLECT_AFTER)
    if place is not None:
        await _join(service, place)
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
            backlog=BACKLOG,
            timeout_graceful_shutdown=max(1, round(settings.service.stop_within)),
        )
        server = _Server(config)
        _heed_signals(server, service, place)
        listening = asyncio.create_task(_tell_listening(server, place, on_listening))
        await server.serve(sockets=[place.listening] if place is not None else None)
        listening.cancel()
    finally:
        await service.aclose()


async def _join(service: Service, place: Place) -> None:
    siblings = service.siblings = Siblings(place.number, place.folder, service.measures.text)
    await siblings.start()
    service.closing.push_async_callback(siblings.aclose)


async def _tell_listening(server: _Server, place: Place | None, tell: Callable[[str, int], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    if place is not None:
        place.tell_ready()  # the parent tells the rest, once for all
        return
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    _log.info("listening on %s:%s", host, port)
    tell(host, port)


def _heed_signals(server: _Server, service: Service, place: Place | None) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if service.stopping:
            server.force_exit = True  # asked twice: at once
        service.stopping = server.should_exit = True
        _log.info("stopping: %d screenings are under way", service.under_way)

    def left_alone() -> None:
        """The parent is gone, or wants this process to stop; it may have been asked by others, too."""
        if place is not None:
            loop.remove_reader(place.life)
        if not service.stopping:
            stop()

    def reload() -> None:
        task = loop.create_task(service.standings.reload())
        _reloads.add(task)
        task.add_done_callback(_reloads.discard)

    _reloads: set[asyncio.Task[object]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    if place is not None:
        loop.add_reader(place.life, left_alone)

"""`kycrisk serve`: the service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.terminal import note, visible

if TYPE_CHECKING:
    from fastapi import APIRouter

    from kycrisk.delivery.worker import Rescreening
    from kycrisk.settings import Settings

EXTRA = 'pip install "kycrisk[service]"'


def add_to(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Listen here. Default: the settings.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="The port; 0: any that is free.")
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="sqlite:///… or postgresql://…, over the settings.")
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Watch rules and lists, and take them into force when they are saved.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Bring a PostgreSQL database's tables up to date first.")
    ] = False,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Send what is due and run what recurs, too.")
    ] = True,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="So many processes behind the port, one for each core.")
    ] = 1,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Answer screenings over HTTP. SIGTERM stops it when what is under way is answered; SIGHUP reloads rules and lists.

    `kycrisk keys create` makes the keys that callers need.
    """
    try:
        from kycrisk.api.serving import serve as serve_until_stopped
    except ModuleNotFoundError as missing:
        raise Fault(f"the service needs `{missing.name}`, which is not installed", EXTRA) from None
    from kycrisk.store.failure import StoreError

    settings = settings_of(ctx, config, offline)
    pages = _pages() if settings.verification.policy else ()
    service = replace(
        settings.service,
        host=host or settings.service.host,
        port=settings.service.port if port is None else port,
    )

    settings = replace(settings, service=service, database=database or settings.database)
    try:
        serve_until_stopped(
            settings,
            watch_files=reload,
            upgrade_tables=upgrade,
            works=worker,
            pages=pages,
            log=sys.stderr,
            processes=workers,
            on_listening=lambda at, number: note(visible(f"kycrisk: listening on {at}:{number}")),
            rescreening=scheduled_rescreening(settings) if worker else None,
        )
    except StoreError as error:
        raise Fault(error.message, error.help) from None


def scheduled_rescreening(settings: Settings) -> Rescreening | None:
    """What the schedule of the settings runs; None where there is none."""
    if not settings.rescreening.schedule:
        return None
    try:
        from kycrisk.delivery.rescreening import ScheduledRescreening
    except ModuleNotFoundError as missing:
        if missing.name != "polars":
            raise
        raise Fault("`rescreening` needs Polars, which is not installed", "pip install 'kycrisk[batch]'") from None
    from kycrisk.screening.desk import now_utc

    return ScheduledRescreening(settings, now_utc)


def _pages() -> Sequence[APIRouter]:
    """The pages of customers and reviewers, which only sites with a procedure have."""
    try:
        from kycrisk.web.pages import PAGES
    except ModuleNotFoundError as missing:
        help_ = 'pip install "kycrisk[service,verification]"'
        raise Fault(f"the pages of verification need `{missing.name}`, which is not installed", help_) from None
    return PAGES

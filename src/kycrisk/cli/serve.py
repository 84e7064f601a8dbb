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

    def listening(at: str, number: int) -> None:
        note(visible(f"kycrisk: listening on {at}:{number}"))

    try:
        serve_until_stopped(
            replace(settings, service=service, database=database or settings.database),
            watch_files=reload,
            upgrade_tables=upgrade,
            works=worker,
            pages=pages,
            log=sys.stderr,
            on_listening=listening,
        )
    except StoreError as error:
        raise Fault(error.message, error.help) from None


def _pages() -> Sequence[APIRouter]:
    """The pages of customers and reviewers, which only sites with a procedure have."""
    try:
        from kycrisk.web.pages import PAGES
    except ModuleNotFoundError as missing:
        help_ = 'pip install "kycrisk[service,verification]"'
        raise Fault(f"the pages of verification need `{missing.name}`, which is not installed", help_) from None
    return PAGES

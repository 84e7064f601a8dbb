"""`kycrisk worker`: deliveries and what recurs, without HTTP."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.serve import EXTRA, scheduled_rescreening
from kycrisk.cli.terminal import note


def add_to(app: typer.Typer) -> None:
    app.command()(worker)


def worker(
    ctx: typer.Context,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="sqlite:///… or postgresql://…, over the settings.")
    ] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Bring a PostgreSQL database's tables up to date first.")
    ] = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Send what is due to webhooks and run what recurs, without answering HTTP.

    Any number of workers and `kycrisk serve` on one PostgreSQL database share the work. SIGTERM stops it when what is
    being sent is sent.
    """
    try:
        from kycrisk.api.working import work
    except ModuleNotFoundError as missing:
        raise Fault(f"the service needs `{missing.name}`, which is not installed", EXTRA) from None
    from kycrisk.store.failure import StoreError

    settings = settings_of(ctx, config, offline)
    settings = replace(settings, database=database or settings.database)
    try:
        work(
            settings,
            upgrade_tables=upgrade,
            log=sys.stderr,
            on_working=lambda: note("kycrisk: working"),
            rescreening=scheduled_rescreening(settings),
        )
    except StoreError as error:
        raise Fault(error.message, error.help) from None

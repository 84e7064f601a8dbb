"""`kycrisk recheck`: the accounts that were decided while a source could not answer."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.terminal import Paint, counted, note, say, visible


class RecheckFormat(StrEnum):
    human = "human"
    jsonl = "jsonl"


def add_to(app: typer.Typer) -> None:
    app.command()(recheck)


def recheck(
    ctx: typer.Context,
    format_: Annotated[RecheckFormat, typer.Option("--format", "-f", help="human or jsonl.")] = RecheckFormat.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """List the accounts whose decision waits for a source that could not answer.

    Screen them again when it does: a decision that waits for nothing takes its account off the list.
    """
    from kycrisk.screening.recheck import RECHECK_FILE, entry_json, read_rechecks

    entries = read_rechecks(settings_of(ctx, config, offline).state / RECHECK_FILE)
    if format_ is RecheckFormat.jsonl:
        say(*(entry_json(each) for each in entries))
        return
    paint = Paint.on(sys.stdout)
    for each in entries:
        name, sources = paint("bold", visible(each.account_id)), ", ".join(each.waiting_for)
        say(f"{name}  since {each.since:%Y-%m-%d %H:%M}, waits for {sources}")
    note(f"{counted(len(entries), 'account')} waiting" if entries else "nobody waits")

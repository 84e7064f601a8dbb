"""`kycrisk labels`: what accounts turned out to be, which backtests judge rules by."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import FINDINGS
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.records import AccountId, By, asked, user_name
from kycrisk.cli.terminal import Paint, counted, note, say, visible

if TYPE_CHECKING:
    from kycrisk.backtest.label_file import LabelRow
    from kycrisk.store.store import Store

labels = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What accounts turned out to be.")
_AT_ONCE = 500
_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    app.add_typer(labels, name="labels")


@labels.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: account_id,label[,source][,at][,why].")],
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Where a line does not say it.")] = "import",
    by: By = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Write down labels from a CSV file: `fraud`, `legitimate`, or `withdrawn` to take one back.

    A line without `at` became known now. Exit codes: 1 when lines name accounts that were never screened.
    """
    import asyncio

    from kycrisk.backtest.label_file import read_labels
    from kycrisk.screening.desk import now_utc

    settings, now, who = settings_of(ctx, config, offline), now_utc(), user_name(by)
    rows = read_labels(file, now=now, withdrawn=True)

    async def put(store: Store) -> list[LabelRow]:
        from kycrisk.store.failure import Conflict, NotFound
        from kycrisk.store.labels import NewLabel

        async def one(row: LabelRow) -> LabelRow | None:
            new = NewLabel(
                account_id=row.account_id,
                label=row.label,
                source=row.source or source,
                at=row.at or now,
                by=who,
                why=row.why,
            )
            try:
                await store.labels.put(new)
            except (NotFound, Conflict):
                return row
            return None

        missed: list[LabelRow] = []
        for start in range(0, len(rows), _AT_ONCE):
            told = await asyncio.gather(*map(one, rows[start : start + _AT_ONCE]))
            missed += [row for row in told if row is not None]
        return missed

    missed = asked(settings, put)
    say(f"{counted(len(rows) - len(missed), 'label')} written down")
    if missed:
        were, are = ("was", "is") if len(missed) == 1 else ("were", "are")
        note(f"{counted(len(missed), 'account')} {were} never screened here, or {are} erased:")
        note(*(f"  {file}:{row.line}: {visible(row.account_id)}" for row in missed[:_SHOWN]))
        if len(missed) > _SHOWN:
            note(f"  … and {len(missed) - _SHOWN} more")
        raise typer.Exit(FINDINGS)


@labels.command()
def show(ctx: typer.Context, account: AccountId, config: Config = None, offline: Offline = False) -> None:
    """List the labels of an account, the latest first: the first one counts."""
    found = asked(settings_of(ctx, config, offline), lambda kept: kept.labels.of(account))
    paint = Paint.on(sys.stdout)
    for number, each in enumerate(found):
        word = paint("" if number else "bold", f"{each.label:10}")
        why = f": {visible(each.why)}" if each.why else ""
        say(f"{word}  {each.at:%Y-%m-%d %H:%M}  {visible(each.source)}, by {visible(each.by)}{why}")
    if not found:
        note("no labels")

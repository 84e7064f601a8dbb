"""`kycrisk rescreen`: the accounts that are inside already, screened again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline, near, settings_of
from kycrisk.cli.rescreen_changes import Changed, RescreenFormat, rescreen_changes
from kycrisk.cli.terminal import Paint, note, progress_bar, say

if TYPE_CHECKING:
    from kycrisk.rescreening.engines.engine import Engine
    from kycrisk.rescreening.summary import Summary
    from kycrisk.settings import Settings


class EngineName(StrEnum):
    local = "local"
    dask = "dask"
    spark = "spark"


_ROWS = 250_000


def add_to(app: typer.Typer) -> None:
    app.command()(rescreen)


def rescreen(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Parquet or CSV files of accounts. Default: the store."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show who would change, and change nothing.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where the run and its results are kept.")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Begin anew where a run was stopped.")] = False,
    engine: Annotated[EngineName, typer.Option("--engine", help="Where files are screened.")] = EngineName.local,
    cluster: Annotated[
        str,
        typer.Option("--cluster", metavar="ADDRESS", help="Dask's scheduler or Spark's master. Default: this machine."),
    ] = "",
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes, or threads of the local engine, on this machine.")
    ] = 2,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows that are screened at once.")] = _ROWS,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Only whom a change of lists or rules since the last time can touch."),
    ] = False,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the report there, as HTML.")
    ] = None,
    format_: Annotated[RescreenFormat, typer.Option("--format", "-f", help="human or json.")] = RescreenFormat.human,
    ask: Annotated[
        bool, typer.Option("--ask", help="Of the store: ask sources about those not settled, within the budgets.")
    ] = False,
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who does it, for the log. Default: your user name.")
    ] = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Screen the accounts that are inside already again: those of the store, or of Parquet or CSV files.

    A run that was stopped goes on when the same command is given again. Exit codes: 1 when rows were refused.
    """
    _needs_polars()
    settings = settings_of(ctx, config, offline)
    if changed:
        if engine is not EngineName.local or cluster or ask or anew:
            raise Fault("--engine, --cluster, --ask and --anew do not go with --changed", "leave them out")
        given = Changed(settings, tuple(files or ()), out, report_file, format_, dry_run, by)
        raise typer.Exit(rescreen_changes(given))
    if files:
        chosen = _engine(engine, cluster, workers)
        summary, folder, gaps = _files(settings, tuple(files), chosen, dry_run=dry_run, out=out, anew=anew, rows=rows)
        facts = {"files": ", ".join(path.name for path in files), "run": str(folder), "engine": engine.value}
    else:
        if out or engine is not EngineName.local or cluster:
            raise Fault("--out, --engine and --cluster are for files", "name Parquet or CSV files")
        summary, folder, gaps, facts = _store(settings, dry_run=dry_run, anew=anew, ask=ask, by=by)
    _tell(summary, facts, gaps, report_file or folder / "report.html", format_)
    raise typer.Exit(FINDINGS if summary.refused else 0)


def _needs_polars() -> None:
    try:
        import polars  # noqa: F401
    except ModuleNotFoundError:
        raise Fault("rescreening needs Polars, which is not installed", "pip install 'kycrisk[batch]'") from None


def _engine(name: EngineName, cluster: str, workers: int) -> Engine:
    from kycrisk.rescreening.engines.local import LocalEngine

    if name is EngineName.local:
        if cluster:
            raise Fault("the local engine has no cluster", "say --engine dask or --engine spark")
        return LocalEngine(workers)
    try:
        if name is EngineName.dask:
            from kycrisk.rescreening.engines.dask import DaskEngine

            return DaskEngine(cluster, workers)
        from kycrisk.rescreening.engines.spark import SparkEngine

        return SparkEngine(cluster, workers)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("kycrisk"):
            raise
        help_ = f"pip install 'kycrisk[{name.value}]'"
        raise Fault(f"the engine {name.value} needs `{missing.name}`, which is not installed", help_) from None


def _files(
    settings: Settings,
    files: tuple[Path, ...],
    engine: Engine,
    *,
    dry_run: bool,
    out: Path | None,
    anew: bool,
    rows: int,
) -> tuple[Summary, Path, list[str]]:
    """Screen files to the end; the counts, the run's folder, and what could not be asked."""
    from kycrisk.rescreening.files import check_run, go_on, run_of
    from kycrisk.rescreening.run_folder import Plan
    from kycrisk.screening.desk import now_utc
    from kycrisk.screening.site import read_site

    plan = Plan(paths=files, dry_run=dry_run, rows=rows)
    run = run_of(plan, read_site(settings), now_utc(), out=out, anew=anew)
    try:
        done = len(run.slices) - len(run.left())
        if done == len(run.slices):
            note(f"the run in {near(run.folder)} is finished: this is its report")
        elif done:
            note(f"going on with the run in {near(run.folder)}: {done} of {len(run.slices)} slices are done")
        gaps = check_run(run)
        for gap in gaps:
            note(f"not asked: {gap}")
        with _late_bar("rescreening") as bar:
            bar.begin(run.rows)
            go_on(run, engine, bar.advance)
        return run.summary(), run.folder, gaps
    finally:
        run.close()


def _store(
    settings: Settings, *, dry_run: bool, anew: bool, ask: bool, by: str
) -> tuple[Summary, Path, list[str], dict[str, str]]:
    """Screen the store to the end; the counts, where the report goes, what could not be asked, and about the run."""
    from kycrisk.cli.records import asked, user_name
    from kycrisk.delivery.endpoint import endpoints_of, outbox_of
    from kycrisk.rescreening.store_opening import store_rescreener
    from kycrisk.screening.desk import now_utc
    from kycrisk.store.rescreenings import Run
    from kycrisk.store.sealing import read_site_key
    from kycrisk.store.store import Store

    name, site_key = user_name(by), read_site_key(settings.site_key)
    also = outbox_of(endpoints_of(settings.webhooks.endpoints, site_key))

    async def question(store: Store) -> tuple[Summary, Path, list[str], dict[str, str]]:
        opening = store_rescreener(settings, store, site_key, clock=now_utc, also=also, ask=ask and not dry_run)
        async with opening as rescreener:
            gaps = list(rescreener.kernel.pinned.gaps)
            for gap in gaps:
                note(f"not asked: {gap}")
            with _late_bar("rescreening") as bar:
                if dry_run:
                    summary, run_name = await rescreener.dry_run(bar.begin, bar.advance), "dry run"
                else:

                    def begun(run: Run, left: int) -> None:
                        if run.after:
                            note(f"going on with run {run.id} behind account {run.after} of {run.upto}")
                        bar.begin(left)

                    run, summary = await rescreener.run(by=name, anew=anew, on_begin=begun, on_rows=bar.advance)
                    run_name = str(run.id)
            folder = settings.state / "rescreening" / f"store-{run_name.replace(' ', '-')}"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            facts = {"store": str(store.database), "run": run_name, "rules": rescreener.standing.ruleset.version}
            return summary, folder, gaps, facts

    return asked(settings, question)


class _LateBar:
    """A progress bar whose length is known only when the work has begun."""

    def __init__(self, title: str) -> None:
        self._title, self._drawn = title, progress_bar()
        self._task: Any = None

    def begin(self, total: int) -> None:
        if self._drawn is not None:
            self._task = self._drawn.add_task(self._title, total=total)
            self._drawn.start()

    def advance(self, rows: int) -> None:
        if self._drawn is not None and self._task is not None:
            self._drawn.update(self._task, advance=rows, refresh=True)

    def stop(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()


@contextmanager
def _late_bar(title: str) -> Iterator[_LateBar]:
    bar = _LateBar(title)
    try:
        yield bar
    finally:
        bar.stop()


def _tell(summary: Summary, facts: dict[str, str], gaps: list[str], path: Path, format_: RescreenFormat) -> None:
    from kycrisk.cli.rescreen_text import summary_lines
    from kycrisk.rescreening.report import report

    path.touch(mode=0o600)
    path.write_text(report(summary, facts, gaps))
    if format_ is RescreenFormat.json:
        say(json.dumps({**facts, "summary": summary.to_json(), "not_asked": gaps}, ensure_ascii=False))
    else:
        say(*summary_lines(summary, Paint.on(sys.stdout)))
    note(f"report: {near(path)}")

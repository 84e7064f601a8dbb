"""`kycrisk rescreen`: the accounts that are inside already, screened again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline, near, settings_of
from kycrisk.cli.terminal import Paint, note, progress_bar, say

if TYPE_CHECKING:
    from kycrisk.rescreening.engines.engine import Engine
    from kycrisk.rescreening.summary import Summary
    from kycrisk.settings import Settings


class EngineName(StrEnum):
    local = "local"
    dask = "dask"
    spark = "spark"


class RescreenFormat(StrEnum):
    human = "human"
    json = "json"


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
    workers: Annotated[int, typer.Option("--workers", min=1, help="Workers on this machine.")] = 2,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows that are screened at once.")] = _ROWS,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the report there, as HTML.")
    ] = None,
    format_: Annotated[RescreenFormat, typer.Option("--format", "-f", help="human or json.")] = RescreenFormat.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Screen the accounts that are inside already again: those of the store, or of Parquet or CSV files.

    A run that was stopped goes on when the same command is given again. Exit codes: 1 when rows were refused.
    """
    _needs_polars()
    settings = settings_of(ctx, config, offline)
    if not files:
        raise Fault("the store cannot be screened again yet", "name Parquet or CSV files")
    chosen = _engine(engine, cluster, workers)
    summary, folder, gaps = _files(settings, tuple(files), chosen, dry_run=dry_run, out=out, anew=anew, rows=rows)
    facts = {"files": ", ".join(path.name for path in files), "run": str(folder), "engine": engine.value}
    _tell(summary, facts, gaps, report_file or folder / "report.html", format_)
    raise typer.Exit(FINDINGS if summary.refused else 0)


def _needs_polars() -> None:
    try:
        import polars  # noqa: F401
    except ModuleNotFoundError:
        raise Fault("rescreening needs Polars, which is not installed", "pip install 'kycrisk[batch]'") from None


def _engine(name: EngineName, cluster: str, workers: int) -> Engine:
    from kycrisk.rescreening.engines.local import LocalEngine

    if name is not EngineName.local:
        raise Fault(f"there is no engine {name.value}")
    if cluster:
        raise Fault("the local engine has no cluster", "name another one with --engine")
    return LocalEngine()


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
        if done:
            note(f"going on with the run in {near(run.folder)}: {done} of {len(run.slices)} slices are done")
        gaps = check_run(run)
        for gap in gaps:
            note(f"not asked: {gap}")
        with _bar("rescreening", run.rows) as advance:
            go_on(run, engine, advance)
        return run.summary(), run.folder, gaps
    finally:
        run.close()


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; what it gives is told of each account that is done."""
    drawn = progress_bar()
    if drawn is None:
        yield lambda rows: None
        return
    task = drawn.add_task(title, total=total)
    with drawn:
        yield lambda rows: drawn.update(task, advance=rows, refresh=True)


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

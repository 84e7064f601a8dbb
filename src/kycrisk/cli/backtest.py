"""`kycrisk backtest`: other rules over the decisions of the past, and `kycrisk archive`: their copy as columns."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, near, settings_of
from kycrisk.cli.records import asked
from kycrisk.cli.terminal import Paint, counted, note, progress_bar, say
from kycrisk.problems import Problem, Problems

if TYPE_CHECKING:
    from kycrisk.backtest.keeping import Kept, Progress
    from kycrisk.backtest.report import Backtest
    from kycrisk.backtest.run import GivenLabels, Options
    from kycrisk.ruleset.evaluate import CompiledRuleset
    from kycrisk.settings import Settings
    from kycrisk.store.store import Store

archive = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The decisions' copy as columns.")


class ReportFormat(StrEnum):
    text = "text"
    json = "json"
    html = "html"
    svg = "svg"


class FlagFrom(StrEnum):
    review = "review"
    verify = "verify"
    deny = "deny"


def add_to(app: typer.Typer) -> None:
    app.command()(backtest)
    app.add_typer(archive, name="archive")


def backtest(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Decisions as JSON lines or Parquet, instead of the store's."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="PATH", help="The new rules: a folder or file. Default: `rules`.")
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="`90d`, or a date. Default: all.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Before then. Default: now.")] = "",
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="CSV: account_id,label[,at]. Default: the store's.")
    ] = None,
    labels_until: Annotated[
        str, typer.Option("--labels-until", metavar="TIME", help="Labels known by then. Default: --until.")
    ] = "",
    flag_from: Annotated[
        FlagFrom, typer.Option("--flag-from", help="From which outcome on an account is flagged.")
    ] = FlagFrom.verify,
    format_: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="text, json, html or svg.")
    ] = ReportFormat.text,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it there.")] = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Put other rules to the decisions of the past: whose outcome would be another, by which rule, and was it right?

    Nothing is asked anew. What was never gathered is shown as a range, and not guessed.
    """
    settings = settings_of(ctx, config, offline)
    with _columns():
        from kycrisk.backtest.run import backtest_files

        options, given = _options(since, until, labels_until, flag_from, labels)
        compiled = _compiled(settings, rules)
        if files:
            found = backtest_files(files, compiled, options, given=given)
        else:
            found = _of_store(settings, compiled, options, given)
    if not found.decisions:
        raise Fault(f"there is no decision in that period in {found.source}", "see --since and --until")
    _give(found, format_, out)


@archive.command()
def update(
    ctx: typer.Context,
    anew: Annotated[bool, typer.Option("--anew", help="Build it anew, whatever there is.")] = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Bring the decisions' copy in step with the store: what is new, what was erased, what is past its retention.

    `backtest` does it by itself, and the job `archive` every few minutes.
    """
    settings = settings_of(ctx, config, offline)
    with _columns():
        from kycrisk.backtest.archive import Archive, Manifest
        from kycrisk.backtest.keeping import keep_in_step
        from kycrisk.store.sealing import read_site_key

        async def kept(store: Store) -> tuple[Manifest, Kept]:
            copy = Archive(settings.archive, read_site_key(settings.site_key))
            with copy.changing(), _progress() as progress:
                if anew:
                    copy.name(Manifest())
                return await keep_in_step(copy, store.decision_history, progress=progress)

        manifest, done = asked(settings, kept)
    note(*done.rebuilt)
    told = [f"{counted(done.added, 'decision')} added"]
    told += [f"{done.erased} erased"] if done.erased else []
    told += [f"{done.retired} past their retention"] if done.retired else []
    held = f"{manifest.rows} in {counted(len(manifest.segments), 'segment')}"
    say(f"{', '.join(told)}; {held} in {near(settings.archive)}")


def _of_store(settings: Settings, compiled: CompiledRuleset, options: Options, given: GivenLabels | None) -> Backtest:
    from kycrisk.backtest.archive import Archive
    from kycrisk.backtest.run import backtest_store
    from kycrisk.store.sealing import read_site_key

    async def ask(store: Store) -> Backtest:
        copy = Archive(settings.archive, read_site_key(settings.site_key))
        with _progress() as progress:
            return await backtest_store(store, copy, compiled, options, given=given, progress=progress)

    return asked(settings, ask)


def _compiled(settings: Settings, rules: Path | None) -> CompiledRuleset:
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.ruleset.evaluate import compile_ruleset
    from kycrisk.ruleset.load import load_ruleset
    from kycrisk.sources.catalogue import signals_of_site

    signals = signals_of_site(settings.sources)
    return compile_ruleset(load_ruleset(rules or settings.rules, signals=signals, aliases=ALIASES))


def _options(
    since: str, until: str, labels_until: str, flag_from: FlagFrom, labels: Path | None
) -> tuple[Options, GivenLabels | None]:
    from kycrisk.backtest.label_file import read_labels
    from kycrisk.backtest.run import GivenLabels, Options
    from kycrisk.outcome import Outcome
    from kycrisk.screening.desk import now_utc

    now, problems = now_utc(), list[Problem]()
    moments: dict[str, datetime | None] = {}
    for name, text in (("--since", since), ("--until", until), ("--labels-until", labels_until)):
        try:
            moments[name] = _moment(text, now) if text else None
        except ValueError as error:
            problems.append(Problem(name, str(error), "as in `90d`, `2026-11-01` or `2026-11-01T12:00:00Z`"))
    first, last = moments.get("--since"), moments.get("--until")
    if first is not None and first >= (last or now):
        problems.append(Problem("--since", f"begins at {first:%Y-%m-%d %H:%M}, after the period has ended"))
    given: GivenLabels | None = None
    try:
        given = GivenLabels(name=str(labels), rows=read_labels(labels, now=now)) if labels is not None else None
    except Problems as wrong:
        problems += wrong.problems
    if problems:
        raise Problems(problems)
    known = moments.get("--labels-until") or last or now
    return Options(since=first, until=last, labels_until=known, flag_from=Outcome.from_word(flag_from.value)), given


def _moment(text: str, now: datetime) -> datetime:
    """A time, or how long ago. Raises `ValueError`."""
    from kycrisk.durations import parse_duration

    if text[0].isdigit() and text[-1].isalpha() and "T" not in text:
        try:
            return now - parse_duration(text)
        except OverflowError:
            raise ValueError(f"`{text}` is too long ago") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text[:40]}` is no time, and no duration") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _give(found: Backtest, format_: ReportFormat, out: Path | None) -> None:
    from kycrisk.backtest.page import backtest_page
    from kycrisk.backtest.picture import flips_svg
    from kycrisk.backtest.report_json import backtest_to_json
    from kycrisk.cli.backtest_text import backtest_lines

    match format_:
        case ReportFormat.json:
            text = backtest_to_json(found) + "\n"
        case ReportFormat.html:
            text = backtest_page(found)
        case ReportFormat.svg:
            text = flips_svg(found)
        case ReportFormat.text:
            paint = Paint(False) if out is not None else Paint.on(sys.stdout)
            text = "".join(f"{line}\n" for line in backtest_lines(found, paint))
    if out is None:
        say(*text.splitlines())
        return
    out.write_text(text)
    note(f"wrote {out}")


@contextmanager
def _columns() -> Iterator[None]:
    """What backtests need beside the default install, in the words of the command line."""
    try:
        import polars  # noqa: F401 - and with it all that columns need
        import sqlalchemy  # noqa: F401
    except ModuleNotFoundError as missing:
        message = f"backtests need {missing.name}, which is not installed"
        raise Fault(message, "pip install 'kycrisk[batch,service]'") from None
    yield


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar while decisions come to the archive: the first time there may be many."""
    bar = progress_bar()
    if bar is None:
        yield lambda done, total: None
        return
    with bar:
        task = bar.add_task("archive", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            bar.refresh()

        yield progress

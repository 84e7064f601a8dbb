"""`kycrisk feeds`: the lists that come from outside."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.terminal import Paint, note, progress_bar, say
from kycrisk.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kycrisk.feeds.catalogue import Feed
    from kycrisk.feeds.snapshot import Snapshot
    from kycrisk.feeds.taking import Absent
    from kycrisk.feeds.update import Progress
    from kycrisk.settings import Settings


class ListFormat(StrEnum):
    human = "human"
    json = "json"


group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, update and look into the lists.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="feeds")


Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these feeds.")]

Accounts = Annotated[
    Path | None,
    typer.Option(
        "--accounts", metavar="FILE", help="Judge new versions by these customers: Parquet or CSV. Default: the store."
    ),
]


@group.command("list")
def list_feeds(
    ctx: typer.Context,
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="Those that are disabled too.")] = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="Show the kinds of lists that can be read.")] = False,
    format_: Annotated[ListFormat, typer.Option("--format", "-f", help="human or json.")] = ListFormat.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """List the feeds: state, age, entries, trust, when the next update is due, licence and lineage."""
    from kycrisk.cli.feed_text import standing_dict, standing_lines
    from kycrisk.feeds.standing import feed_standings

    if kinds:
        from kycrisk.feeds.formats import FORMATS

        say(*(f"{kind:<14} {', '.join(sorted(shape.value for shape in FORMATS[kind].shapes))}" for kind in FORMATS))
        return
    settings = settings_of(ctx, config, offline)
    feeds = _feeds(settings)
    chosen = _chosen(feeds, names or (), every=every)
    found = feed_standings(feeds, settings.snapshots, _now(), chosen)
    if format_ is ListFormat.json:
        say(json.dumps([standing_dict(each) for each in found], ensure_ascii=False, indent=2))
    else:
        say(*standing_lines(found, Paint.on(sys.stdout), _now()))


@group.command()
def update(
    ctx: typer.Context,
    names: Names = None,
    force: Annotated[bool, typer.Option("--force", help="Ask also for lists that are not due.")] = False,
    accounts: Accounts = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Fetch and compile the lists that are due. A list that fails stays as it was.

    A new version that looks like an accident is held; `kycrisk feeds review` shows it. With --offline only packages,
    files and shipped lists are read. Exit codes: 1 when a list failed or is held.
    """
    from kycrisk.cli.feed_review import logged, quarantine
    from kycrisk.cli.feed_text import result_lines
    from kycrisk.feeds.update import guards_of
    from kycrisk.feeds.update import update as update_feeds

    settings = settings_of(ctx, config, offline)
    feeds = _feeds(settings)
    chosen = _chosen(feeds, names or (), every=False)
    judged_by = quarantine(settings, accounts, _now())
    bar = progress_bar()
    show = _Bar(bar) if bar is not None else None
    try:
        results = update_feeds(
            [*guards_of(chosen, feeds), *chosen],
            settings.snapshots,
            now=_now(),
            offline=settings.offline,
            force=force,
            on_progress=show,
            quarantine=judged_by,
        )
    finally:
        if bar is not None:
            bar.stop()
    logged(settings, results)
    results = [result for result in results if result.feed in chosen or result.status in ("failed", "held")]
    say(*result_lines(results, Paint.on(sys.stdout), _now()))
    failed = sum(result.status == "failed" for result in results)
    if failed:
        note(f"{failed} of {len(results)} lists failed")
    held = sum(result.status == "held" for result in results)
    if held:
        note(f"{held} held: `kycrisk feeds review` shows why, and releases or refuses them")
    raise typer.Exit(FINDINGS if failed or held else 0)


@group.command()
def review(
    ctx: typer.Context,
    names: Names = None,
    release: Annotated[bool, typer.Option("--release", help="Make the held version of NAME active.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse the held version of NAME for good.")] = False,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is released or refused, for the log.")] = "",
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who does it, for the log. Default: your user name.")
    ] = "",
    version: Annotated[
        str, typer.Option("--version", metavar="SHA256", help="Only if this version is held; its beginning will do.")
    ] = "",
    format_: Annotated[ListFormat, typer.Option("--format", "-f", help="human or json.")] = ListFormat.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Show the versions of lists that are held: why, what they would change, which customers would flip.

    The last good version stays active until somebody releases the new one. A version that was refused is not offered
    again; the next one is judged anew. Exit codes: 1 when something is held.
    """
    from kycrisk.cli.feed_review import decided
    from kycrisk.cli.feed_review import review as review_held

    settings = settings_of(ctx, config, offline)
    chosen = _chosen(_feeds(settings), names or (), every=True)
    if not (release or refuse):
        raise typer.Exit(review_held(settings, chosen, as_json=format_ is ListFormat.json))
    if release and refuse:
        raise Fault("--release and --refuse contradict each other")
    if len(names or ()) != 1:
        raise Fault("name the one list that is meant", "`kycrisk feeds review` shows what is held")
    decided(settings, chosen[0], _now(), release=release, by=by, why=why, sha256=version.lower())


@group.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The feed.")],
    contains: Annotated[
        list[str] | None,
        typer.Option("--contains", metavar="KEY", help="Does the list hold this domain, address or IP?"),
    ] = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Show everything about one feed, and whether its list holds an entry.

    Exit codes: 1 when --contains finds nothing.
    """
    from kycrisk.cli.feed_text import detail_lines
    from kycrisk.feeds.standing import feed_standings
    from kycrisk.feeds.taking import current, protected_by

    settings = settings_of(ctx, config, offline)
    feeds = _feeds(settings)
    [feed] = chosen = _chosen(feeds, [name], every=True)
    if not contains:
        [standing] = feed_standings(feeds, settings.snapshots, _now(), chosen)
        say(*detail_lines(standing, Paint.on(sys.stdout), _now()))
        return
    protected = protected_by(feeds, settings.snapshots, now=_now())
    found = current(feed, settings.snapshots, now=_now(), protected=protected)
    answers = [_answer(feed, found, key) for key in contains]
    say(*(f"{key}: {f'listed as {entry}' if entry else 'not listed'}" for key, entry in answers))
    raise typer.Exit(0 if all(entry for _, entry in answers) else FINDINGS)


def _answer(feed: Feed, found: Snapshot | Absent, key: str) -> tuple[str, str | None]:
    from kycrisk.cli.feed_text import contained

    try:
        return key, contained(feed, found, key)
    except ValueError as error:
        raise Fault(str(error)) from None


class _Bar:
    """Draws an update on a progress bar: one step a feed, and the bytes of the one that is coming in."""

    def __init__(self, bar: object) -> None:
        from rich.progress import Progress as Drawn

        assert isinstance(bar, Drawn)
        self._bar = bar
        self._task = bar.add_task("updating lists", total=1.0)
        bar.start()

    def __call__(self, progress: Progress) -> None:
        share = min(1.0, progress.received / progress.expected) if progress.expected else 0.0
        done = (progress.number - 1 + (1.0 if progress.result else share)) / progress.of
        self._bar.update(self._task, completed=done, description=f"{progress.feed.name:<32}", refresh=True)


def _now() -> datetime:
    from kycrisk.screening.desk import now_utc

    return now_utc()


def _feeds(settings: Settings) -> tuple[Feed, ...]:
    from kycrisk.feeds.catalogue import read_catalogues

    return read_catalogues(settings.catalogues)


def _chosen(feeds: Sequence[Feed], names: Sequence[str], *, every: bool) -> list[Feed]:
    """The feeds of these names, or all that are enabled."""
    by_name = {feed.name: feed for feed in feeds}
    for name in names:
        if name not in by_name:
            raise Fault(f"there is no feed `{name}`", did_you_mean(name, by_name) or "`kycrisk feeds list --all`")
    if names:
        return [by_name[name] for name in dict.fromkeys(names)]
    return [feed for feed in feeds if feed.enabled or every]

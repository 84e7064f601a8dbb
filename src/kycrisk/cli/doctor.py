"""`kycrisk doctor`: what is set up, what is stale, what will answer unknown and which rules suffer from it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kycrisk.cli.app import FINDINGS
from kycrisk.cli.options import Config, Offline, near, settings_of
from kycrisk.cli.terminal import Paint, note_problems, say, visible, wrapped
from kycrisk.problems import Problem, Problems

if TYPE_CHECKING:
    from kycrisk.checks.world import World
    from kycrisk.feeds.standing import FeedStanding
    from kycrisk.ruleset.model import Ruleset
    from kycrisk.settings import Settings
    from kycrisk.signals import Unknown


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(ctx: typer.Context, config: Config = None, offline: Offline = False) -> None:
    """Say what is set up, what is stale, and what will answer unknown: which signals, and so which rules.

    Exit codes: 1 when something needs attention.
    """
    from kycrisk.cli.sources_text import silent_resolvers, source_trouble
    from kycrisk.screening.site import read_site

    paint = Paint.on(sys.stdout)
    settings = settings_of(ctx, config, offline)
    say(*_versions(), *_settings_lines(settings, paint))
    problems = [*settings.sources.problems, *settings.webhooks.problems, *silent_resolvers(settings.sources)]
    try:
        site = read_site(settings)
        world, standings = _world(settings)
        engine = _engine_lines(settings, site.ruleset, problems)
    except Problems as wrong:
        problems += wrong.problems
        say("", paint("bold", "Needs attention"), f"  {len(problems)} problems in what is set up:")
        note_problems(problems)
        raise typer.Exit(FINDINGS) from None
    say(*_ruleset_lines(site.ruleset, paint), *engine, *_list_lines(standings, paint), *_geo_lines(world, paint))
    say(*_source_lines(settings, site.ruleset, paint))
    unanswered = _unanswered(site.ruleset, site.lists, world) | _unanswered_by_sources(settings, site.ruleset)
    say(*_unknown_lines(site.ruleset, unanswered, paint))
    trouble = [*_trouble(world), *_held(standings), *source_trouble(settings.sources, site.ruleset)]
    if trouble or problems:
        say("", paint("red", "Needs attention"))
        say(*(line for text in trouble for line in wrapped(visible(text), first="  - ", rest="    ")))
        note_problems(problems)
        raise typer.Exit(FINDINGS)
    say("", paint("green", "Nothing needs attention."))


def _versions() -> Iterator[str]:
    yield f"kycrisk {version('kycrisk')}, Python {platform.python_version()}, {platform.system()}"
    try:
        yield f"  Parquet by Polars {version('polars')}"
    except PackageNotFoundError:
        yield '  no Parquet: pip install "kycrisk[parquet]"'


def _settings_lines(settings: Settings, paint: Paint) -> Iterator[str]:
    from kycrisk.settings import VARIABLES

    yield ""
    yield paint("bold", "Settings")
    yield from _row("file", shown(settings.file) if settings.file else "none: everything is as shipped")
    yield from _row("rules", shown(settings.rules))
    yield from _row("exemptions", shown(settings.exemptions) if settings.exemptions.exists() else "none")
    yield from _row("lists in", shown(settings.snapshots))
    for catalogue in settings.catalogues:
        yield from _row("feeds of", shown(catalogue))
    for variable in VARIABLES:
        if os.environ.get(variable):
            yield from _row("set by", f"{variable}={os.environ[variable]}")
    asked = "used by `feeds update`" + (" and the sources below" if settings.sources.sources else " alone")
    yield from _row("network", "not used" if settings.offline else asked)


def shown(path: Path) -> str:
    return str(near(Path(os.path.normpath(path))))


def _row(name: str, text: str) -> Iterator[str]:
    yield from wrapped(visible(text), first=f"  {name:<11}", rest=" " * 13)


def _ruleset_lines(ruleset: Ruleset, paint: Paint) -> Iterator[str]:
    from kycrisk.ruleset.model import Status

    yield ""
    yield paint("bold", "Rules")
    counts = ((status, sum(rule.status is status for rule in ruleset.rules)) for status in Status)
    yield from _row("rules", ", ".join(f"{number} {status.value}" for status, number in counts if number))
    yield from _row("version", f"{ruleset.version[:23]}…")
    bands = ", ".join(f"{outcome} from {threshold}" for threshold, outcome in ruleset.policy.bands)
    yield from _row("outcomes", bands)


def _engine_lines(settings: Settings, ruleset: Ruleset, problems: list[Problem]) -> list[str]:
    """Which engine judges, where it is not the default one. What keeps it from judging is added to the problems."""
    from kycrisk.ruleset.evaluate import compile_ruleset
    from kycrisk.screening.engines import open_engine

    try:
        engine = open_engine(settings, compile_ruleset(ruleset))
    except Problems as wrong:
        problems += wrong.problems
        return list(_row("engine", "durable-rules, which cannot be imported"))
    if engine is None:
        return []
    engine.close()
    told = f"durable-rules {version('durable-rules')} in a process of its own, checked by the default engine"
    return list(_row("engine", told))


def _world(settings: Settings) -> tuple[World, list[FeedStanding]]:
    from kycrisk.checks.world import World
    from kycrisk.feeds.catalogue import read_catalogues
    from kycrisk.feeds.geo import Geo
    from kycrisk.feeds.lists import Lists
    from kycrisk.feeds.standing import feed_standings
    from kycrisk.screening.desk import now_utc

    now = now_utc()
    feeds = read_catalogues(settings.catalogues)
    lists = Lists.open(feeds, settings.snapshots, now)
    geo = Geo.open(settings.geo_country, settings.geo_asn, max_age=settings.geo_max_age)
    enabled = [feed for feed in feeds if feed.enabled]
    return World(lists=lists, geo=geo, now=now), feed_standings(feeds, settings.snapshots, now, enabled)


def _list_lines(standings: list[FeedStanding], paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("bold", "Lists")
    for state in ("fresh", "stale", "missing"):
        names = [each.feed.name for each in standings if each.state == state]
        if names:
            yield from _row(state, f"{len(names)}: {', '.join(names)}")


def _geo_lines(world: World, paint: Paint) -> Iterator[str]:
    from kycrisk.feeds.geo import Database

    yield ""
    yield paint("bold", "Databases")
    for name, source in (("countries", world.geo.countries), ("networks", world.geo.networks)):
        found = source.at(world.now)
        text = f"{found.name} of {found.built_at:%Y-%m-%d}" if isinstance(found, Database) else found.detail
        yield from _row(name, text)


def _source_lines(settings: Settings, ruleset: Ruleset, paint: Paint) -> Iterator[str]:
    from kycrisk.cli.sources_text import source_rows

    yield ""
    yield paint("bold", "Sources")
    for name, text in source_rows(settings.sources, ruleset):
        yield from wrapped(visible(text), first=f"  {name:<14}", rest=" " * 16)


def _unanswered_by_sources(settings: Settings, ruleset: Ruleset) -> dict[str, Unknown]:
    """The signals that no source answers here, of those that rules read."""
    from kycrisk.cli.sources_text import read_signals
    from kycrisk.sources.catalogue import unanswered

    read = read_signals((*ruleset.live, *ruleset.shadow))
    return {name: why for name, why in unanswered(settings.sources).items() if name in read}


def _unanswered(ruleset: Ruleset, lists: Mapping[str, object], world: World) -> dict[str, Unknown]:
    """The signals that will answer unknown, and why: of checks, of the operator's lists, and of the history."""
    from kycrisk.checks.catalogue import gaps
    from kycrisk.ruleset.condition import Membership, Velocity
    from kycrisk.screening.derived import derived_signals
    from kycrisk.signals import Unknown, Why

    found = gaps(world)
    for ref in derived_signals(ruleset):
        match ref.derived:
            case Membership(_, name) if isinstance(missing := lists[name], Unknown):
                found[ref.name] = missing
            case Velocity():
                found[ref.name] = Unknown(Why.NOT_CONFIGURED, "only `screen --history input` counts earlier signups")
    return found


def _unknown_lines(ruleset: Ruleset, unanswered: Mapping[str, Unknown], paint: Paint) -> Iterator[str]:
    from kycrisk.cli.decision_text import unknown_text

    yield ""
    yield paint("bold", "Will answer unknown")
    by_reason: dict[str, list[str]] = {}
    for signal, unknown in unanswered.items():
        by_reason.setdefault(unknown_text(unknown), []).append(signal)
    for reason, signals in by_reason.items():
        yield from wrapped(visible(reason), first="  ", rest="  ")
        yield from wrapped(", ".join(signals), first="      ", rest="      ")
    if not by_reason:
        yield "  nothing"
    suffering = {
        rule.id: [name for name in rule.signal_names if name in unanswered]
        for rule in (*ruleset.live, *ruleset.shadow)
        if not unanswered.keys().isdisjoint(rule.signal_names)
    }
    yield ""
    yield paint("bold", "Rules that cannot always be judged")
    yield from _suffering_lines(suffering) if suffering else ["  none"]


def _suffering_lines(suffering: Mapping[str, Iterable[str]]) -> Iterator[str]:
    for rule, signals in suffering.items():
        yield from wrapped(f"{rule}: {', '.join(signals)}", first="  ", rest="      ")


def _held(standings: Iterable[FeedStanding]) -> Iterator[str]:
    for each in standings:
        if each.held is not None:
            since = f"{each.held.since:%Y-%m-%d}"
            yield f"a newer version of `{each.feed.name}` is held since {since}; `kycrisk feeds review` shows why"


def _trouble(world: World) -> list[str]:
    """What somebody should do something about: lists that leave a gap, databases that are set and cannot answer."""
    from kycrisk.feeds.purposes import PURPOSES
    from kycrisk.signals import Unknown, Why

    gaps = {name: world.lists.unknown(name) for name in PURPOSES if world.lists.missing(name)}
    found = [f"{PURPOSES[name].title}: {unknown.detail}" for name, unknown in gaps.items() if unknown]
    for source in (world.geo.countries, world.geo.networks):
        answer = source.at(world.now)
        if isinstance(answer, Unknown) and not answer.detail.endswith("is not set"):
            found.append(answer.detail or Why(answer.why).value)
    return found

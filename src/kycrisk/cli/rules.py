"""`kycrisk check`, `test`, `fmt` and `schema`: what an analyst runs while writing rules."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline, near, settings_of
from kycrisk.cli.terminal import Paint, note, note_problems, problem_lines, say, wrapped
from kycrisk.problems import Place, Problem, Problems

if TYPE_CHECKING:
    from kycrisk.ruleset.model import Ruleset
    from kycrisk.ruleset.testing import Coverage
    from kycrisk.settings import Settings
    from kycrisk.signals import Signal

PROCEDURES = "verification"  # the folder beside the rules that the procedures of verification lie in
Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="Rule folders or files. Default: the rules of the working folder."),
]


def add_to(app: typer.Typer) -> None:
    for command in (check, fmt, schema):
        app.command()(command)
    app.command("test")(run_tests)


def check(ctx: typer.Context, paths: Paths = None, config: Config = None, offline: Offline = False) -> None:
    """Check the rules, and without PATH everything else in the working folder. Silent when all is fine.

    A file is checked together with its folder; only its own problems are shown. Exit codes: 1 when there are problems.
    """
    settings = settings_of(ctx, config, offline)
    problems = list(_problems_at(paths, settings)) if paths else _problems_of(settings)
    paint = Paint.on(sys.stdout)
    say(*(line for problem in problems for line in problem_lines(problem, paint)))
    if problems:
        note(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        raise typer.Exit(FINDINGS)


def _problems_at(paths: Iterable[Path], settings: Settings) -> Iterator[Problem]:
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.ruleset.load import check_ruleset
    from kycrisk.sources.catalogue import signals_of_site

    signals = signals_of_site(settings.sources)
    for folder, files in _folders(paths).items():
        if folder.name == PROCEDURES:
            yield from _procedure_problems(folder.parent, only=files)
            continue
        for problem in check_ruleset(folder, signals=signals, aliases=ALIASES):
            if not files or _path_of(problem) in files:
                yield problem
        if not files:
            yield from _procedure_problems(folder)


def _procedure_problems(rules: Path, only: Iterable[Path] = ()) -> list[Problem]:
    """What is wrong with the procedures of verification beside the rules, or with some of their files."""
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.ruleset.load import load_ruleset
    from kycrisk.sources.catalogue import shipped_signals
    from kycrisk.verification.policies import check_policies, policy_files

    files = tuple(only) or policy_files(rules)
    if not files:
        return []
    try:
        ids = [rule.id for rule in load_ruleset(rules, signals=shipped_signals(), aliases=ALIASES).rules]
    except Problems:
        return check_policies(files)
    return check_policies(files, rules=ids)


def _path_of(problem: Problem) -> Path:
    return Path(problem.place.path if isinstance(problem.place, Place) else problem.place)


def _folders(paths: Iterable[Path]) -> dict[Path, set[Path]]:
    """The folders of these paths, each with the files that were named in it; none: the whole folder."""
    found: dict[Path, set[Path]] = {}
    whole: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise Fault(f"there is no `{path}`")
        if path.is_dir():
            whole.add(path)
            found[path] = set()
        else:
            found.setdefault(path.parent, set()).add(path)
    return {folder: set() if folder in whole else files for folder, files in found.items()}


def _problems_of(settings: Settings) -> list[Problem]:
    """Everything that is wrong in a working folder."""
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.cli.sources_text import silent_resolvers
    from kycrisk.feeds.catalogue import read_catalogues
    from kycrisk.ruleset.load import check_ruleset
    from kycrisk.screening.site import read_site
    from kycrisk.sources.catalogue import signals_of_site
    from kycrisk.sources.undeclared import without_undeclared

    found = check_ruleset(near(settings.rules), signals=signals_of_site(settings.sources), aliases=ALIASES)
    found = without_undeclared(found, settings.sources)  # the lookups are told of before
    found += _procedure_problems(near(settings.rules))
    steps: list[Callable[[], object]] = [lambda: read_catalogues(settings.catalogues)]
    if not found:
        steps.append(lambda: read_site(settings))
    for step in steps:
        try:
            step()
        except Problems as wrong:
            found += wrong.problems
    return [*settings.sources.problems, *settings.webhooks.problems, *silent_resolvers(settings.sources), *found]


def run_tests(
    ctx: typer.Context,
    paths: Paths = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Say which rules no test hits, misses or leaves unknown.")
    ] = False,
    run: Annotated[
        str | None, typer.Option("--run", metavar="REGEX", help="Only tests named rule/test like this.")
    ] = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Run the tests inside the rules.

    Exit codes: 1 when a test failed. What is not covered is said, and is no failure.
    """
    from kycrisk.ruleset.testing import run_tests as tested

    chosen = re.compile(_pattern(run))
    reports = [(tested(ruleset), files) for ruleset, files in _rulesets(paths, settings_of(ctx, config, offline))]
    results = [
        result
        for report, files in reports
        for result in report.results
        if chosen.search(f"{result.rule.id}/{result.test.name}")
        and (not files or Path(result.test.place.path) in files)
    ]
    if run is not None and not results:
        raise Fault(f"no test is named like `{run}`")
    paint = Paint.on(sys.stdout)
    failed = [result for result in results if not result.passed]
    for result in failed:
        say(*problem_lines(result.problem(), paint), "")
    say(_verdict(len(results), len(failed), paint))
    if coverage:
        for report, _ in reports:
            say(*_coverage_lines(report.coverage, paint))
    raise typer.Exit(FINDINGS if failed else 0)


def _pattern(text: str | None) -> str:
    try:
        re.compile(text or "")
    except re.error as error:
        raise Fault(f"`{text}` is not a regular expression: {error.msg}") from None
    return text or ""


def _rulesets(paths: Iterable[Path] | None, settings: Settings) -> Iterator[tuple[Ruleset, set[Path]]]:
    """The ruleset of each folder, and the files in it that were named."""
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.ruleset.load import load_ruleset
    from kycrisk.sources.catalogue import signals_of_site

    signals = signals_of_site(settings.sources)
    for folder, files in _folders(paths or [near(settings.rules)]).items():
        yield load_ruleset(folder, signals=signals, aliases=ALIASES), files


def _verdict(number: int, failed: int, paint: Paint) -> str:
    if not number:
        return paint("yellow", "there are no tests")
    if failed:
        return paint("red", f"{failed} of {number} tests failed")
    return paint("green", f"{number} test{'s' if number > 1 else ''} passed")


def _coverage_lines(coverage: Coverage, paint: Paint) -> Iterator[str]:
    rows = (
        ("no test hits", coverage.without_hit),
        ("no test misses", coverage.without_miss),
        ("no test leaves unknown", coverage.without_unknown),
    )
    for what, rules in rows:
        if rules:
            yield from wrapped(", ".join(rule.id for rule in rules), first=f"{what}: ", rest="    ")
    if coverage.complete:
        yield paint("green", "every rule has a test that hits, one that misses and one that leaves it unknown")


def fmt(
    ctx: typer.Context,
    paths: Paths = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 when something would.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would.")] = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Format rule files: order of keys, indentation, spacing. Comments are kept, and so is the meaning."""
    from kycrisk.ruleset.format import format_rules

    paint = Paint.on(sys.stdout)
    changed = broken = 0
    for path in _files(paths or [near(settings_of(ctx, config, offline).rules)]):
        try:
            before = _text(path)
            after = format_rules(before, str(path))
        except Problems as wrong:
            broken += 1
            note_problems(wrong.problems)
            continue
        if after == before:
            continue
        changed += 1
        if diff:
            say(*_diff(path, before, after, paint))
        elif check_only:
            say(f"{path} is not formatted")
        else:
            _replace(path, after)
            say(f"formatted {path}")
    raise typer.Exit(FINDINGS if broken or (changed and (check_only or diff)) else 0)


def _replace(path: Path, text: str) -> None:
    """The new text in the place of the old, or the old one still there: never half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(text.encode())
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise Fault(f"there is no `{path}`")
        yield from sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise Problems([Problem(str(path), "is not text in UTF-8")]) from None


def _diff(path: Path, before: str, after: str, paint: Paint) -> Iterator[str]:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), f"{path} formatted", lineterm="")
    yield from (paint(colours.get(line[:1], ""), line) for line in lines)


def schema(
    ctx: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here; an editor looks for it beside the rules."),
    ] = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Print the JSON Schema of rule files, so that editors complete and check as one types."""
    from kycrisk.sources.catalogue import signals_of_site

    text = schema_text(signals_of_site(settings_of(ctx, config, offline).sources))
    if output is None:
        say(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


def schema_text(signals: Mapping[str, Signal]) -> str:
    """The JSON Schema of rule files over these signals."""
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.ruleset.schema import rule_file_schema

    return json.dumps(rule_file_schema(signals, ALIASES), ensure_ascii=False, indent=2)

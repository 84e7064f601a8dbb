"""`kycrisk screen`: decisions about one signup, or about a whole file of them."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli import signup_flags as flags
from kycrisk.cli.app import FINDINGS
from kycrisk.cli.options import Config, Format, Offline, settings_of
from kycrisk.cli.terminal import Paint, counted, note, note_problems, progress_bar

if TYPE_CHECKING:
    from kycrisk.cli.decision_text import Summary
    from kycrisk.cli.formats import Form, Output
    from kycrisk.screening.batch import Terms
    from kycrisk.screening.inputs.rows import Input
    from kycrisk.screening.screener import Screener


class HistoryName(StrEnum):
    none = "none"
    input = "input"


class FailOn(StrEnum):
    review = "review"
    verify = "verify"
    deny = "deny"


_BY_SUFFIX = {".json": Format.json, ".jsonl": Format.jsonl, ".ndjson": Format.jsonl, ".csv": Format.csv}
_REDRAW_EVERY = 500  # rows; drawing costs more than screening one


def add_to(app: typer.Typer) -> None:
    app.command()(screen)


def screen(
    ctx: typer.Context,
    source: flags.Source = None,
    account_id: flags.AccountId = None,
    email: flags.Email = None,
    ip: flags.Ip = None,
    first_name: flags.FirstName = None,
    last_name: flags.LastName = None,
    company: flags.Company = None,
    phone: flags.Phone = None,
    street: flags.Street = None,
    city: flags.City = None,
    region: flags.Region = None,
    postal_code: flags.PostalCode = None,
    country: flags.Country = None,
    user_agent: flags.UserAgent = None,
    submitted_at: flags.SubmittedAt = None,
    attribute: flags.Attribute = None,
    format_: Annotated[
        Format | None, typer.Option("--format", "-f", help="Default: human, or by the name of --output.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here.")] = None,
    history: Annotated[
        HistoryName, typer.Option("--history", help="What counts as earlier signups: nothing, or the rows before.")
    ] = HistoryName.none,
    fail_on: Annotated[
        FailOn | None, typer.Option("--fail-on", help="Exit with 1 when an outcome is this or worse.")
    ] = None,
    within: flags.Within = None,
    complete: flags.Complete = False,
    input_format: flags.InputFormatFlag = flags.InputFormat.auto,
    ignore_unknown: flags.IgnoreUnknown = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Screen one signup from flags, or many from a file or standard input.

    A row that is no signup is reported on standard error and the others go on. Exit codes: 1 when a row was refused
    or --fail-on says so; a flagged signup is a result, not an error.
    """
    from kycrisk.cli.formats import form_of, output_to
    from kycrisk.outcome import Outcome
    from kycrisk.screening.batch import AT_ONCE, Terms

    terms = Terms(flags.seconds(within), complete)
    screener = opened_screener(ctx, config, offline, remember=history is HistoryName.input)
    given = flags.given_input(ctx, screener.ruleset.policy.attributes)
    chosen = format_ or _BY_SUFFIX.get(output.suffix.lower() if output else "", Format.human)
    paint = Paint(False) if output else Paint.on(sys.stdout)
    started = time.monotonic()
    with screener, output_to(output, source, patience=0 if source == "-" else 0.1) as out, _little_collecting():
        form = form_of(chosen, single=given.single, paint=paint)
        at_once = 1 if source == "-" else AT_ONCE  # whoever pipes row by row waits for each answer
        summary = _screen_all(screener, given, form, out, terms, bar=bool(output), at_once=at_once)
        if chosen is Format.human and not given.single:
            out.write("\n" + "".join(f"{line}\n" for line in summary.lines(paint, time.monotonic() - started)))
    _note_counts(summary, output, single=given.single)
    failed = fail_on is not None and any(found >= Outcome.from_word(fail_on.value) for found in summary.outcomes)
    raise typer.Exit(FINDINGS if summary.refused or failed else 0)


def _note_counts(summary: Summary, output: Path | None, *, single: bool) -> None:
    """How many decisions were written, and how many rows were none."""
    if output:
        note(f"{counted(summary.decided, 'decision')} written to {output}")
    if summary.refused and not single:
        verb = "was" if summary.refused == 1 else "were"
        note(f"{summary.refused:,} of {counted(summary.decided + summary.refused, 'row')} {verb} refused")


def opened_screener(ctx: typer.Context, config: Path | None, offline: bool, *, remember: bool = False) -> Screener:
    """The screener of the working folder. Raises `Problems`."""
    from kycrisk.screening.derived import velocities
    from kycrisk.screening.history import RunHistory
    from kycrisk.screening.screener import Screener
    from kycrisk.screening.site import read_site

    site = read_site(settings_of(ctx, config, offline))
    return Screener(site, history=RunHistory(velocities(site.ruleset)) if remember else None)


@contextmanager
def _little_collecting() -> Iterator[None]:
    """A stream of decisions makes no cycles, and reference counts free each as soon as it is written. Looking for
    cycles every 700 objects, as Python does by default, costs a quarter of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _screen_all(
    screener: Screener, given: Input, form: Form, out: Output, terms: Terms, *, bar: bool, at_once: int
) -> Summary:
    """Write the decisions about an input, report what is refused, and count both."""
    from kycrisk.cli.decision_text import Summary
    from kycrisk.screening.batch import Refusal, screen_input

    summary = Summary()
    advance, close = _progress(given) if bar or not sys.stdout.isatty() else (None, None)
    separator, out_text, text, between = form.head, out.write, form.text, form.between
    count = summary.add if form.counted else summary.add_outcome
    try:
        for number, result in enumerate(screen_input(screener, given, at_once=at_once, terms=terms)):
            if isinstance(result, Refusal):
                summary.refused += 1
                out.flush()
                note_problems(result.problems.problems, given.place(result.number))
            else:
                count(result)
                out_text(separator + text(result))
                separator = between
            if advance is not None and number % _REDRAW_EVERY == 0:
                advance()
    finally:
        if close is not None:
            close()
    out_text((form.head if not summary.decided else "") + form.tail)
    return summary


def _progress(given: Input) -> tuple[Callable[[], None] | None, Callable[[], None] | None]:
    """How to draw the bar on, and how to take it away; nothing where there is no terminal or nothing to wait for."""
    drawn = None if given.single else progress_bar(given.size is not None)
    if drawn is None:
        return None, None
    task = drawn.add_task(f"screening {Path(given.name).name}", total=given.size)
    drawn.start()

    def advance() -> None:
        drawn.update(task, completed=given.position(), refresh=True)

    return advance, drawn.stop

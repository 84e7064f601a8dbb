"""`kycrisk signals`: what can be known about a signup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, loaded_ruleset, settings_of
from kycrisk.cli.terminal import Paint, note, say, visible, wrapped
from kycrisk.problems import Problems

if TYPE_CHECKING:
    from kycrisk.settings import Settings
    from kycrisk.signals import Signal


SIGNALS_PAGE_HEAD = """\
# Signals

What can be known about a signup. Rules ask about these, and about `signups(key, "24h")`, `distinct(counted, key, "7d")`
and `key in list("name")`, which are made of them. This page is written by `kycrisk signals --format markdown`.
"""


class SignalsFormat(StrEnum):
    human = "human"
    json = "json"
    markdown = "markdown"


def add_to(app: typer.Typer) -> None:
    app.command()(signals)


def signals(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Only signals with these words.")
    ] = None,
    format_: Annotated[
        SignalsFormat, typer.Option("--format", "-f", help="human, json or markdown.")
    ] = SignalsFormat.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """List the signals that rules may use, with the questions they answer.

    The attributes that the policy declares are among them.
    """
    found = [
        signal for signal in _catalogue(settings_of(ctx, config, offline)).values() if _speaks_of(signal, words or ())
    ]
    if not found:
        raise Fault(f"no signal speaks of `{' '.join(words or ())}`", "`kycrisk signals` lists them all")
    match format_:
        case SignalsFormat.human:
            say(*_lines(found, Paint.on(sys.stdout)))
        case SignalsFormat.json:
            say(json.dumps([_as_dict(signal) for signal in found], ensure_ascii=False, indent=2))
        case SignalsFormat.markdown:
            say(*_markdown(found))


def _catalogue(settings: Settings) -> Mapping[str, Signal]:
    """The signals of checks and sources and the policy's attributes; broken rules cost the attributes alone."""
    from kycrisk.sources.catalogue import signals_of_site

    try:
        return loaded_ruleset(settings).signals
    except Problems as wrong:
        note(f"the policy's attributes are left out: `kycrisk check` finds {len(wrong.problems)} problems in the rules")
        return signals_of_site(settings.sources)


def _speaks_of(signal: Signal, words: Iterable[str]) -> bool:
    text = f"{signal.name} {signal.question} {signal.check} {signal.subject.value}".lower()
    return all(word.lower() in text for word in words)


def _lines(found: Iterable[Signal], paint: Paint) -> Iterator[str]:
    check = None
    for signal in found:
        if signal.check != check:
            if check is not None:
                yield ""
            check = signal.check
            yield paint("dim", f"{check or 'attributes of the policy'}")
        yield f"  {paint('bold', signal.name)}  {signal.type.value}"
        yield from wrapped(visible(signal.question), first="      ", rest="      ")


def _as_dict(signal: Signal) -> dict[str, str]:
    return {
        "name": signal.name,
        "type": signal.type.value,
        "question": signal.question,
        "subject": signal.subject.value,
        "check": signal.check,
        "advice": signal.advice,
    }


def _markdown(found: Iterable[Signal]) -> Iterator[str]:
    """docs/signals.md."""
    yield SIGNALS_PAGE_HEAD.rstrip("\n")
    check = None
    for signal in found:
        if signal.check != check:
            check = signal.check
            yield from (
                "",
                f"## {check or 'attributes of the policy'}",
                "",
                "| signal | type | question |",
                "|---|---|---|",
            )
        yield f"| `{signal.name}` | {signal.type.value} | {signal.question.replace('|', '/')} |"

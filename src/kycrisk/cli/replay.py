"""`kycrisk replay`: stored decisions made again from their evidence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline, loaded_ruleset, settings_of
from kycrisk.cli.signup_flags import InputFormat, opened
from kycrisk.cli.terminal import Paint, note, note_problems, say, visible, wrapped
from kycrisk.problems import Problems

if TYPE_CHECKING:
    from kycrisk.decision import Decision
    from kycrisk.ruleset.evaluate import CompiledRuleset


def add_to(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="Decisions as JSON or JSON lines.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the decisions that differ.")] = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Make stored decisions again from their evidence, with the rules at hand.

    Needs no lists and no network. Exit codes: 1 when a decision differs or cannot be read.
    """
    from kycrisk.ruleset.evaluate import compile_ruleset
    from kycrisk.screening.inputs.decisions import stored_decision

    compiled = compile_ruleset(loaded_ruleset(settings_of(ctx, config, offline)))
    given = opened(ctx, source, InputFormat.auto, {})
    paint = Paint.on(sys.stdout)
    same = different = unreadable = 0
    for number, raw in given.rows:
        try:
            if isinstance(raw, Problems):
                raise raw
            decision = stored_decision(raw)
        except Problems as wrong:
            unreadable += 1
            note_problems(wrong.problems, given.place(number))
            continue
        changes = _changes(compiled, decision)
        same, different = same + (not changes), different + bool(changes)
        if changes or not quiet:
            say(*_lines(decision, changes, compiled.ruleset.version, paint))
    if not same + different + unreadable:
        raise Fault(f"`{given.name}` holds no decision")
    if same + different > 1:
        note(f"{same} the same, {different} different")
    raise typer.Exit(FINDINGS if different or unreadable else 0)


def _changes(compiled: CompiledRuleset, decision: Decision) -> list[str]:
    """In which parts the decision differs from the one that these rules make; the name of the rules is no part."""
    from kycrisk.ruleset.decide import replay as decide_again

    again = decide_again(compiled, decision)
    parts = {
        "outcome": (decision.outcome.word, again.outcome.word),
        "score": (decision.score, again.score),
        "lowest outcome": (decision.lowest.word, again.lowest.word),
        "highest outcome": (decision.highest.word, again.highest.word),
        "lowest score": (decision.lowest_score, again.lowest_score),
        "highest score": (decision.highest_score, again.highest_score),
    }
    changes = [f"{part} {was} → {now}" for part, (was, now) in parts.items() if was != now]
    was_hit, is_hit = ([each.rule for each in one.reasons] for one in (decision, again))
    changes += [f"no longer hits: {rule}" for rule in was_hit if rule not in is_hit]
    changes += [f"hits now: {rule}" for rule in is_hit if rule not in was_hit]
    if not changes and (decision.reasons, decision.undetermined, decision.shadow) != (
        again.reasons,
        again.undetermined,
        again.shadow,
    ):
        changes = ["the same outcome, in other words or with other rules in shadow or unjudged"]
    return changes


def _lines(decision: Decision, changes: list[str], version: str, paint: Paint) -> Iterator[str]:
    word = paint("red", "different") if changes else paint("green", "same     ")
    rules = "" if decision.ruleset == version else f"  (rules {decision.ruleset}, replayed with {version})"
    yield f"{word}  {decision.outcome.word:6}  {visible(decision.account_id)}  {decision.id}{rules}"
    for change in changes:
        yield from wrapped(change, first="           ", rest="             ")

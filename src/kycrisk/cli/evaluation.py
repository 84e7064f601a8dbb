"""`kycrisk eval`: one condition over facts that are given."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, loaded_ruleset, settings_of
from kycrisk.cli.terminal import Paint, say
from kycrisk.problems import Place, Problem, Problems

if TYPE_CHECKING:
    from kycrisk.ruleset.condition import SignalRef
    from kycrisk.ruleset.operands import Scope
    from kycrisk.ruleset.parse import ConditionErrors
    from kycrisk.settings import Settings
    from kycrisk.signals import Value

_STYLES = {True: "green", False: "yellow", None: "cyan"}
_WORDS = {True: "yes", False: "no", None: "unknown"}


def add_to(app: typer.Typer) -> None:
    app.command("eval")(evaluate)


def evaluate(
    ctx: typer.Context,
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="A condition, as `when:` has it.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--given", "-g", metavar="SIGNAL=VALUE", help="A fact; may be repeated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Facts in JSON: {signal: value}, or a decision.")
    ] = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Evaluate one condition over given facts: yes, no or unknown, and why. What is not given is unknown.

    Attributes and lists are those of the policy.
    """
    from kycrisk.cli.explanation import why_lines
    from kycrisk.ruleset.parse import ConditionErrors, parse_condition
    from kycrisk.ruleset.words import explain

    scope = _scope(settings_of(ctx, config, offline))
    try:
        condition = parse_condition(expression, scope)
    except ConditionErrors as errors:
        raise Problems(_problems("expression", expression, errors)) from None
    known = {**(_facts_in(file, scope) if file else {}), **_given_facts(given or (), scope)}
    explained = explain(condition, known)
    paint = Paint.on(sys.stdout)
    say(paint(_STYLES[explained.truth], _WORDS[explained.truth]))
    say(*why_lines(explained, "  "))


def _scope(settings: Settings) -> Scope:
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.ruleset.operands import Scope

    ruleset = loaded_ruleset(settings)
    return Scope(ruleset.signals, ALIASES, ruleset.policy.lists)


def _problems(where: str, text: str, errors: ConditionErrors) -> list[Problem]:
    """The errors of an expression, each with a caret under its place."""
    problems = []
    for error in errors.errors:
        before = text[: error.offset]
        line, column = before.count("\n") + 1, error.offset - (before.rfind("\n") + 1) + 1
        source = (text.splitlines() or [""])[min(line, text.count("\n") + 1) - 1]
        problems.append(Problem(Place(where, line, column, source), error.message, error.help))
    return problems


def _given_facts(given: Iterable[str], scope: Scope) -> dict[str, Value]:
    """The facts of `--given`. Raises all `Problems` at once."""
    from kycrisk.signals import FactError, fact_value
    from kycrisk.typed_text import typed_text

    known: dict[str, Value] = {}
    problems: list[Problem] = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise Fault(f"`--given {text}` is not SIGNAL=VALUE", "as in `--given ip.tor_exit=true`")
        try:
            signal = _signal(name, scope)
            known[signal.name] = fact_value(signal.type, typed_text(signal.type, value))
        except Problems as wrong:
            problems += wrong.problems
        except FactError as error:
            problems.append(Problem(f"--given {name}", str(error)))
    if problems:
        raise Problems(problems)
    return known


def _signal(name: str, scope: Scope) -> SignalRef:
    from kycrisk.ruleset.parse import ConditionErrors, parse_signal

    try:
        return parse_signal(name, scope)
    except ConditionErrors as errors:
        raise Problems(_problems(f"--given {name}", name, errors)) from None


def _facts_in(path: Path, scope: Scope) -> dict[str, Value]:
    """The facts of a JSON file: an object of values by signal, or a stored decision with its evidence."""
    from kycrisk.screening.inputs.decisions import is_decision, stored_decision
    from kycrisk.screening.inputs.json_text import read_json
    from kycrisk.signals import FactError, fact_value

    raw = read_json(path.read_bytes(), str(path))
    if not isinstance(raw, Mapping):
        raise Problems([Problem(str(path), "expected an object of values by signal")])
    if is_decision(raw):
        return dict(stored_decision(raw).evidence.known)
    known: dict[str, Value] = {}
    problems: list[Problem] = []
    for name, value in raw.items():
        try:
            signal = _signal(name, scope)
            known[signal.name] = fact_value(signal.type, value)
        except Problems as wrong:
            problems += wrong.problems
        except FactError as error:
            problems.append(Problem(f"{path}: {name}", str(error)))
    if problems:
        raise Problems(problems)
    return known

"""`kycrisk explain`: one decision in full, rule by rule and fact by fact."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kycrisk.cli import signup_flags as flags
from kycrisk.cli.app import FINDINGS, Fault
from kycrisk.cli.options import Config, Offline
from kycrisk.cli.screen import opened_screener
from kycrisk.cli.terminal import Paint, note, note_problems, say
from kycrisk.problems import Problems, did_you_mean

if TYPE_CHECKING:
    from kycrisk.decision import Decision
    from kycrisk.screening.batch import Terms
    from kycrisk.screening.inputs.rows import Input, Row
    from kycrisk.screening.screener import Screener


class ExplainFormat(StrEnum):
    human = "human"
    json = "json"


def add_to(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="A signup or a stored decision; - is standard input.")
    ] = None,
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
    pick: Annotated[
        str | None, typer.Option("--pick", metavar="ACCOUNT", help="Which account, where FILE holds many.")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only this rule.")] = None,
    customer: Annotated[
        bool, typer.Option("--customer", help="Only what the customer may be told: the redacted advice.")
    ] = False,
    format_: Annotated[ExplainFormat, typer.Option("--format", "-f", help="human or json.")] = ExplainFormat.human,
    input_format: flags.InputFormatFlag = flags.InputFormat.auto,
    ignore_unknown: flags.IgnoreUnknown = False,
    within: flags.Within = None,
    complete: flags.Complete = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Explain a decision: every rule, every fact, and the smallest changes that would lower the outcome.

    A stored decision is explained from its own evidence, with the rules as they are now.
    """
    from kycrisk.cli.explanation import customer_lines, explanation_lines
    from kycrisk.explanation import explanation_dict, explanation_of
    from kycrisk.screening.batch import Terms

    terms = Terms(flags.seconds(within), complete)
    screener = opened_screener(ctx, config, offline)
    if rule is not None and screener.ruleset.rule(rule) is None:
        known = [each.id for each in screener.ruleset.rules]
        raise Fault(f"there is no rule `{rule}`", did_you_mean(rule, known))
    with screener:
        decision = _decision(screener, flags.given_input(ctx, screener.ruleset.policy.attributes), pick, terms)
    explained = explanation_of(screener.compiled, decision, rule)
    if format_ is ExplainFormat.json:
        say(json.dumps(explanation_dict(explained), ensure_ascii=False, indent=2))
    elif customer:
        say(*customer_lines(explained))
    else:
        say(*explanation_lines(explained, Paint.on(sys.stdout), whole=rule is None))


def _decision(screener: Screener, given: Input, account: str | None, terms: Terms) -> Decision:
    """The decision to be explained: a stored one, or one made now. Ends with exit code 1 for what is no signup."""
    from kycrisk.screening.batch import signup_reader
    from kycrisk.screening.inputs.decisions import is_decision, stored_decision

    number, raw = _row(given, account)
    try:
        if isinstance(raw, Problems):
            raise raw
        if is_decision(raw):
            decision = stored_decision(raw)
            if decision.ruleset != screener.ruleset.version:
                note(f"decided with rules {decision.ruleset}, explained with rules {screener.ruleset.version}")
            return decision
        signup = signup_reader(given, screener.ruleset.policy.attributes)(raw)
        return screener.screen(signup, within=terms.within, complete=terms.complete)
    except Problems as wrong:
        note_problems(wrong.problems, given.place(number))
        raise typer.Exit(FINDINGS) from None


def _row(given: Input, account: str | None) -> Row:
    """The one row of an input, or the first of an account."""
    rows = iter(given.rows)
    if account is not None:
        for number, raw in rows:
            if not isinstance(raw, Problems) and raw.get("account_id") == account:
                return number, raw
        raise Fault(f"`{given.name}` holds no account `{account}`")
    first = next(rows, None)
    if first is None:
        raise Fault(f"`{given.name}` holds no signup")
    if next(rows, None) is not None:
        raise Fault(f"`{given.name}` holds many signups", "choose one with `--pick ACCOUNT`")
    return first

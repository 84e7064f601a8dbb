"""The flags that describe one signup on the command line, and the inputs that hold many."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from kycrisk.cli.app import Fault
from kycrisk.durations import parse_duration

if TYPE_CHECKING:
    from kycrisk.screening.inputs.rows import Input
    from kycrisk.signals import Signal


class InputFormat(StrEnum):
    auto = "auto"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    parquet = "parquet"


def _flag(name: str, help_: str) -> Any:
    return typer.Option(name, help=help_, metavar="TEXT", show_default=False)


Source = Annotated[
    str | None, typer.Argument(metavar="[FILE|-]", help="CSV, JSON, JSON lines or Parquet; - is standard input.")
]
InputFormatFlag = Annotated[InputFormat, typer.Option("--input-format", help="What FILE is; auto goes by its name.")]
IgnoreUnknown = Annotated[bool, typer.Option("--ignore-unknown", help="Leave out columns that no signup has.")]
AccountId = Annotated[str | None, _flag("--account-id", "Your name of the account; default: command-line.")]
Email = Annotated[str | None, _flag("--email", "The e-mail address, as the customer wrote it.")]
Ip = Annotated[str | None, _flag("--ip", "The address that the signup came from.")]
FirstName = Annotated[str | None, _flag("--first-name", "The first name.")]
LastName = Annotated[str | None, _flag("--last-name", "The last name.")]
Company = Annotated[str | None, _flag("--company", "The company.")]
Phone = Annotated[str | None, _flag("--phone", "The phone number.")]
Street = Annotated[str | None, _flag("--street", "The address lines.")]
City = Annotated[str | None, _flag("--city", "The city.")]
Region = Annotated[str | None, _flag("--region", "The state, canton or province.")]
PostalCode = Annotated[str | None, _flag("--postal-code", "The postal code.")]
Country = Annotated[str | None, _flag("--country", "The country, as in CH.")]
UserAgent = Annotated[str | None, _flag("--user-agent", "What the browser calls itself.")]
SubmittedAt = Annotated[str | None, _flag("--submitted-at", "When, as in 2026-11-23T10:00:00Z; default: now.")]
Attribute = Annotated[
    list[str] | None,
    typer.Option("--attribute", metavar="NAME=VALUE", help="An attribute that the policy declares; may be repeated."),
]
Within = Annotated[
    str | None,
    typer.Option("--within", metavar="TIME", help="How long the sources may take, as in 300ms; default: the policy's."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="Ask every source, also those that cannot change the outcome.")
]

_COLUMNS = {
    "account_id": "account_id",
    "email": "email",
    "ip": "ip",
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "phone": "phone",
    "street": "address.lines",
    "city": "address.city",
    "region": "address.region",
    "postal_code": "address.postal_code",
    "country": "address.country",
    "user_agent": "user_agent",
    "submitted_at": "submitted_at",
}


def flagged_row(params: Mapping[str, Any]) -> dict[str, str]:
    """The signup that the flags describe, as a row of a table; empty when there are none."""
    row = {column: params[flag] for flag, column in _COLUMNS.items() if params.get(flag) is not None}
    for given in params.get("attribute") or ():
        name, equals, value = given.partition("=")
        if not equals or not name.strip():
            raise Fault(f"`--attribute {given}` is not NAME=VALUE", "as in `--attribute plan=vps-1`")
        row[f"attributes.{name.strip().removeprefix('signup.')}"] = value
    if row:
        row.setdefault("account_id", "command-line")
    return row


def seconds(within: str | None) -> float | None:
    """The seconds that `--within` gives. Raises `Fault`."""
    if within is None:
        return None
    try:
        return parse_duration(within).total_seconds()
    except ValueError as error:
        raise Fault(f"`--within`: {error}", "as in `--within 300ms`") from None


def given_input(ctx: typer.Context, attributes: Mapping[str, Signal]) -> Input:
    """What a command line gives to screen: flags, a file or standard input. Raises `Fault` or `Problems`."""
    from kycrisk.screening.inputs.rows import Input

    params = ctx.params
    row, source = flagged_row(params), params["source"]
    if row and source is not None:
        raise Fault("a signup by flags and a file cannot be screened together", "leave out one of them")
    if row:
        return Input(name="", rows=[(1, row)], from_text=True, single=True)
    if source is None:
        raise Fault("there is no signup to look at", "name a file, `-` for standard input, or give --email and --ip")
    return opened(ctx, source, params["input_format"], attributes, ignore_unknown=params["ignore_unknown"])


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody types there."""
    return stream.isatty()


def opened(
    ctx: typer.Context,
    source: str,
    kind: InputFormat,
    attributes: Mapping[str, Signal],
    *,
    ignore_unknown: bool = False,
) -> Input:
    """The input that a file or `-` holds; it is closed with the command. Raises `Fault` or `Problems`."""
    from kycrisk.screening.inputs.opening import kind_of, open_file, text_input

    wanted = "" if kind is InputFormat.auto else kind.value
    if source == "-":
        if wanted == "parquet":
            raise Fault("Parquet cannot be read from standard input", "name a file")
        if is_terminal(sys.stdin):
            raise Fault("standard input is a terminal", "send signups into it, as in `kycrisk screen - < signups.csv`")
        return text_input(sys.stdin.buffer, "standard input", wanted, attributes, ignore_unknown=ignore_unknown)
    path = Path(source)
    found = wanted or kind_of(path)
    stream, size = open_file(path)
    ctx.call_on_close(stream.close)
    if found == "parquet":
        try:
            from kycrisk.screening.inputs.parquet import parquet_input
        except ImportError:
            raise Fault("Parquet files are read with Polars", 'pip install "kycrisk[parquet]"') from None
        return parquet_input(path, attributes, ignore_unknown)
    return text_input(stream, source, found, attributes, ignore_unknown=ignore_unknown, size=size)

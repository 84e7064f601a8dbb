"""`kycrisk fraudrecord`: report an account after a confirmed fraud, and take a report back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.terminal import note, say, visible, wrapped

if TYPE_CHECKING:
    from kycrisk.lookups.fraudrecord import FraudRecord
    from kycrisk.settings import Settings

SECONDS = 15.0  # a person waits for it
Result = TypeVar("Result")

group = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Report an account to FraudRecord, or take a report back."
)
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it is sent.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="fraudrecord")


def _field(name: str, what: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(
        f"--{name}", metavar="TEXT", help=f"{what}, hashed before it is sent."
    )
    return found


@group.command()
def report(
    ctx: typer.Context,
    kind: Annotated[str, typer.Option("--type", metavar="WORD", help="What happened, such as `chargeback`.")],
    text: Annotated[str, typer.Option("--text", help="What other providers will read. It is sent as it is.")],
    value: Annotated[int, typer.Option("--value", min=1, max=10, help="How bad it was, from 1 to 10.")],
    name: Annotated[str, _field("name", "First and last name")] = "",
    email: Annotated[str, _field("email", "The e-mail address")] = "",
    ip: Annotated[str, _field("ip", "The IP address")] = "",
    phone: Annotated[str, _field("phone", "The phone number")] = "",
    company: Annotated[str, _field("company", "The company")] = "",
    address: Annotated[str, _field("address", "The postal address")] = "",
    yes: Yes = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Report somebody after a confirmed fraud. Prints the report's code, with which it can be taken back."""
    settings = _settings(ctx, config, offline)
    fields = {"name": name, "email": email, "ip": ip, "phone": phone, "company": company, "address": address}
    person = {field: given for field, given in fields.items() if given.strip()}
    if not person:
        raise Fault("a report needs at least one field of the person", f"give one of --{', --'.join(fields)}")
    if not yes:
        note("To FraudRecord, for every provider there:")
        note(*(f"  {visible(f'{field} {given}')} (hashed)" for field, given in person.items()))
        note(*wrapped(visible(f"{kind}, {value} of 10: {text}"), first="  ", rest="  "))
        typer.confirm("Send it?", abort=True, err=True)

    async def send(client: FraudRecord, deadline: float) -> tuple[str, str]:
        code = await client.report(person, kind=kind, text=text, value=value, deadline=deadline)
        return code, client.report_url(code)

    code, url = _done(settings, send, "the report may have been made: look there before you send it again")
    say(f"{code}  {url}")


@group.command()
def delete(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The report's code.")],
    yes: Yes = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Take back a report that you have made, by its code."""
    settings = _settings(ctx, config, offline)
    if not yes:
        typer.confirm(f"Take back the report {visible(code)}?", abort=True, err=True)

    async def send(client: FraudRecord, deadline: float) -> None:
        await client.delete(code, deadline=deadline)

    _done(settings, send, "it may be gone all the same: look there")
    say(f"{code} was taken back")


def _settings(ctx: typer.Context, config: Config, offline: bool) -> Settings:
    settings = settings_of(ctx, config, offline)
    if settings.offline:
        raise Fault("FraudRecord is not spoken to without the network", "leave out --offline and `offline: true`")
    return settings


def _done(settings: Settings, send: Callable[[FraudRecord, float], Awaitable[Result]], doubt: str) -> Result:
    """What FraudRecord answers to a question that is asked with its deadline. `doubt` is what to do when nobody knows
    whether it has arrived."""
    import asyncio

    from kycrisk.lookups.asked import LookupFailure
    from kycrisk.screening.desk import now_utc
    from kycrisk.sources.fraudrecord_report import reporting

    async def spoken() -> Result:
        async with reporting(settings.sources, state=settings.state, now=now_utc, random=SystemRandom()) as client:
            return await send(client, asyncio.get_running_loop().time() + SECONDS)

    try:
        return asyncio.run(spoken())
    except LookupFailure as failure:
        raise Fault(str(failure.unknown.detail), doubt if failure.reached else "") from None
    except ValueError as error:
        raise Fault(str(error)) from None

"""`kycrisk deliveries`: what waits to be sent to webhooks, what was given up, and sending that again."""

from __future__ import annotations

import base64
import getpass
import json
import secrets
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.records import asked
from kycrisk.cli.terminal import Paint, say, visible

if TYPE_CHECKING:
    from kycrisk.store.deliveries import Delivery
    from kycrisk.store.pages import Page
    from kycrisk.store.store import Store

deliveries = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List and replay what is sent to webhooks.")


class StateWanted(StrEnum):
    waiting = "waiting"
    delivered = "delivered"
    dead = "dead"
    erased = "erased"


class Format(StrEnum):
    human = "human"
    jsonl = "jsonl"


def add_to(app: typer.Typer) -> None:
    app.add_typer(deliveries, name="deliveries")


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="human or jsonl.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the log. Default: your user name.")]


@deliveries.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[
        StateWanted | None, typer.Option("--state", help="waiting, delivered, dead (given up) or erased.")
    ] = None,
    endpoint: Annotated[str, typer.Option("--endpoint", metavar="ID", help="Only what is for this endpoint.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 100,
    format_: FormatOption = Format.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """List deliveries, the newest first."""

    async def wanted(kept: Store) -> Page[Delivery]:
        from kycrisk.store.deliveries import State

        state_ = None if state is None else State[state.value.upper()]
        return await kept.deliveries.page(state=state_, endpoint=endpoint or None, limit=limit)

    page = asked(settings_of(ctx, config, offline), wanted)
    say(*(json.dumps(_told(each)) if format_ is Format.jsonl else _line(each) for each in page.items))


@deliveries.command()
def show(
    ctx: typer.Context,
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, help="The delivery's id.", show_default=False)],
    format_: FormatOption = Format.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Show one delivery: where it goes, how often it was tried, and what came of it."""
    told = _told(asked(settings_of(ctx, config, offline), lambda kept: kept.deliveries.get(id_)))
    if format_ is Format.jsonl:
        say(json.dumps(told))
    else:
        say(
            *(
                f"{name.replace('_', ' '):<12} {visible(str(value))}"
                for name, value in told.items()
                if value is not None
            )
        )


@deliveries.command()
def replay(
    ctx: typer.Context,
    id_: Annotated[int, typer.Argument(metavar="ID", min=0, help="The delivery's id.", show_default=False)] = 0,
    dead: Annotated[bool, typer.Option("--dead", help="Everything that was given up.")] = False,
    endpoint: Annotated[str, typer.Option("--endpoint", metavar="ID", help="With --dead: of this endpoint.")] = "",
    by: By = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Send again what was given up, under the webhook-ids it had."""
    if bool(id_) == dead:
        raise Fault("name one delivery, or say --dead for all that was given up")
    settings, actor = settings_of(ctx, config, offline), by or getpass.getuser()
    if id_:
        found = asked(settings, lambda kept: kept.deliveries.replay(id_, actor))
        say(_line(found))
    else:
        count = asked(settings, lambda kept: kept.deliveries.replay_dead(actor, endpoint or None))
        say(f"{count} {'message is' if count == 1 else 'messages are'} sent again")


@deliveries.command()
def enable(
    ctx: typer.Context,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.", show_default=False)],
    by: By = "",
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Send to an endpoint again that answered that it was gone (410)."""
    actor = by or getpass.getuser()
    if not asked(settings_of(ctx, config, offline), lambda kept: kept.deliveries.enable(endpoint, actor)):
        raise Fault(f"there is no disabled endpoint `{visible(endpoint)}`")
    say(f"what waits for {visible(endpoint)} is sent again")


@deliveries.command()
def secret(config: Config = None, offline: Offline = False) -> None:
    """Make a secret for an endpoint. To change one, write the old one as `previous_secret` beside the new `secret`.

    Messages then carry a signature by each. Take `previous_secret` away when the receiver knows the new one.
    """
    say(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")


def _line(each: Delivery) -> str:
    paint = Paint.on(sys.stdout)
    colour = {"delivered": "green", "dead": "red"}.get(each.state.word, "yellow")
    tries = f"{each.attempts} {'attempt' if each.attempts == 1 else 'attempts'}"
    words = [str(each.id), paint(colour, each.state.word), each.event.value, each.decision, each.endpoint, tries]
    return "  ".join([*words, visible(each.error)]) if each.error else "  ".join(words)


def _told(each: Delivery) -> dict[str, Any]:
    from kycrisk.decision_json import moment_text
    from kycrisk.store.deliveries import State

    return {
        "id": each.id,
        "webhook_id": each.message,
        "endpoint": each.endpoint,
        "event": each.event.value,
        "decision": each.decision,
        "state": each.state.word,
        "attempts": each.attempts,
        "due_at": moment_text(each.due_at) if each.state is State.WAITING else None,
        "created_at": moment_text(each.created_at),
        "ended_at": moment_text(each.ended_at) if each.ended_at else None,
        "status": each.status,
        "error": each.error or None,
    }

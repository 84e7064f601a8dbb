"""`kycrisk keys`: the API keys of the service."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.terminal import Paint, note, say, visible

if TYPE_CHECKING:
    from kycrisk.store.api_keys import ApiKey, IssuedKey
    from kycrisk.store.store import Store

Result = TypeVar("Result")
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The API keys of the service.")


class Scope(StrEnum):
    """What a key may do."""

    screen = "screen"
    read = "read"
    lists = "lists"
    rules = "rules"
    admin = "admin"
    cases = "cases"
    review = "review"
    disclose = "disclose"


class KeysFormat(StrEnum):
    human = "human"
    json = "json"


By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it. Default: you.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id.")]
Expires = Annotated[
    str | None, typer.Option("--expires-in", metavar="DURATION", help="`90d`: it ends by itself. Default: it does not.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="keys")


@group.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is: a person or a program.")],
    scope: Annotated[list[Scope], typer.Option("--scope", "-s", help="What it may do; may be repeated.")],
    expires_in: Expires = None,
    by: By = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Make a key. Its token is printed once, to standard output, and is nowhere else."""
    from kycrisk.store.api_keys import NewKey

    async def make(store: Store) -> IssuedKey:
        ends = _ends(expires_in)
        scopes = [each.value for each in scope]
        return await store.api_keys.issue(NewKey(name=name, scopes=scopes, by=_who(by), expires_at=ends))

    _show(with_store(ctx, config, offline, make))


@group.command("list")
def list_(
    ctx: typer.Context,
    format_: Annotated[KeysFormat, typer.Option("--format", "-f", help="human or json.")] = KeysFormat.human,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """List the keys, the newest first."""

    async def all_(store: Store) -> tuple[ApiKey, ...]:
        return await store.api_keys.all()

    keys = with_store(ctx, config, offline, all_)
    if format_ is KeysFormat.json:
        say(json.dumps([_told(each) for each in keys], ensure_ascii=False, indent=2))
        return
    paint, now = Paint.on(sys.stdout), _now()
    for each in keys:
        state = "revoked" if each.revoked_at else "expired" if each.expires_at and each.expires_at <= now else "good"
        until = f", until {each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at else ""
        name = paint("bold", visible(each.name))
        say(f"{each.id}  {state:<8}{name}  {', '.join(sorted(each.scopes))}{until}")


@group.command()
def rotate(
    ctx: typer.Context,
    id: Id,
    overlap: Annotated[str, typer.Option("--overlap", metavar="DURATION", help="How long the old one goes on.")] = "7d",
    expires_in: Expires = None,
    by: By = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Make a successor of a key, with its name and scopes. The old one ends after the overlap."""

    async def turn(store: Store) -> IssuedKey:
        still = _duration(overlap, least=timedelta(0))
        return await store.api_keys.rotate(id, _who(by), overlap=still, expires_at=_ends(expires_in))

    _show(with_store(ctx, config, offline, turn))


@group.command()
def revoke(ctx: typer.Context, id: Id, by: By = None, config: Config = None, offline: Offline = False) -> None:
    """End a key. Running services know it within five seconds."""

    async def end(store: Store) -> ApiKey:
        return await store.api_keys.revoke(id, _who(by))

    note(visible(f"key {id} of {with_store(ctx, config, offline, end).name} is revoked"))


def with_store(ctx: typer.Context, config: object, offline: bool, ask: Callable[[Store], Awaitable[Result]]) -> Result:
    """What a question to the site's store answers. Its refusals become messages."""
    import asyncio

    try:
        from kycrisk.store.sealing import make_site_key
        from kycrisk.store.store import Store
    except ModuleNotFoundError as missing:
        help_ = 'pip install "kycrisk[service]"'
        raise Fault(f"the store needs `{missing.name}`, which is not installed", help_) from None
    from kycrisk.store.failure import StoreError

    settings = settings_of(ctx, config, offline)  # type: ignore[arg-type]

    async def asked() -> Result:
        key = make_site_key(settings.site_key)
        async with await Store.open(settings.database, site_key=key) as store:
            return await ask(store)

    try:
        return asyncio.run(asked())
    except StoreError as error:
        raise Fault(error.message, error.help) from None


def _show(issued: IssuedKey) -> None:
    say(issued.token)
    scopes = ", ".join(sorted(issued.key.scopes))
    note(visible(f"key {issued.key.id} of {issued.key.name}: {scopes}"), "Keep it now: it is not shown again.")


def _told(key: ApiKey) -> dict[str, object]:
    from kycrisk.decision_json import moment_text

    def text(moment: datetime | None) -> str | None:
        return None if moment is None else moment_text(moment)

    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": text(key.created_at),
        "created_by": key.created_by,
        "expires_at": text(key.expires_at),
        "revoked_at": text(key.revoked_at),
        "follows": key.follows,
    }


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _now() -> datetime:
    from kycrisk.screening.desk import now_utc

    return now_utc()


def _ends(expires_in: str | None) -> datetime | None:
    return None if expires_in is None else _now() + _duration(expires_in, least=timedelta(microseconds=1))


def _duration(text: str, *, least: timedelta) -> timedelta:
    from kycrisk.durations import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise Fault(str(error)) from None
    if found < least:
        raise Fault(f"`{text}` is too short")
    return found

"""`kycrisk support dump`: what somebody who is to help needs to know, without secrets and without customers' data."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kycrisk.cli.options import Config, Offline, settings_of
from kycrisk.cli.terminal import note, say
from kycrisk.problems import Problems

if TYPE_CHECKING:
    from kycrisk.settings import Settings

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Help for those who are to help.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="support")


@group.callback()
def _group() -> None:
    """Help for those who are to help."""


@group.command()
def dump(
    ctx: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here.")] = None,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Write versions, settings without secrets, the state of rules, lists and store: JSON to send with a question.

    It holds no key, no password, no entry of a list and nothing about a customer.
    """
    text = json.dumps(_dump(settings_of(ctx, config, offline)), indent=2, ensure_ascii=False, default=str)
    if output is None:
        say(text)
    else:
        output.write_text(text + "\n")
        note(f"wrote {output}")


def _dump(settings: Settings) -> dict[str, Any]:
    return {
        "kycrisk": {each.metadata["Name"]: each.version for each in sorted(distributions(), key=_name)},
        "python": sys.version,
        "platform": platform.platform(),
        "settings": _settings(settings),
        "rules": _told(lambda: _rules(settings)),
        "lists": _told(lambda: _lists(settings)),
        "store": _told(lambda: _store(settings)),
    }


def _name(distribution: Any) -> str:
    return str(distribution.metadata["Name"]).lower()


def _told(ask: Callable[[], Any]) -> Any:
    """What was found out, or why not; one broken part must not hide the others."""
    try:
        return ask()
    except Problems as wrong:
        # The source lines of problems may hold what an operator wrote about a customer: places and words only.
        return {"problems": [f"{problem.place}: {problem.message}" for problem in wrong.problems[:50]]}
    except ModuleNotFoundError as missing:
        return {"not installed": missing.name}


def _settings(settings: Settings) -> dict[str, Any]:
    service = settings.service
    return {
        "file": settings.file,
        "rules": settings.rules,
        "state": settings.state,
        "catalogues": settings.catalogues,
        "offline": settings.offline,
        "sources": sorted(settings.sources.sources),
        "source_problems": [f"{each.place}: {each.message}" for each in settings.sources.problems],
        "webhooks": len(settings.webhooks.endpoints),
        "webhook_problems": [f"{each.place}: {each.message}" for each in settings.webhooks.problems],
        "jobs": settings.jobs.model_dump(),
        "service": {
            "listen": f"{service.host}:{service.port}",
            "database": settings.database.partition(":")[0],
            "limits": service.limits.model_dump(),
        },
    }


def _rules(settings: Settings) -> dict[str, Any]:
    from kycrisk.screening.site import read_site

    site = read_site(settings)
    statuses = [rule.status.value for rule in site.ruleset.rules]
    return {
        "version": site.ruleset.version,
        "rules": {status: statuses.count(status) for status in sorted(set(statuses))},
        "lists": {name: getattr(each, "count", str(each)) for name, each in site.lists.items()},
    }


def _lists(settings: Settings) -> list[dict[str, Any]]:
    from kycrisk.feeds.catalogue import read_catalogues
    from kycrisk.feeds.standing import feed_standings
    from kycrisk.screening.desk import now_utc

    found = feed_standings(read_catalogues(settings.catalogues), settings.snapshots, now_utc())
    return [
        {
            "name": each.feed.name,
            "state": each.state,
            "as_of": each.header and each.header.as_of,
            "held": [reason.kind for reason in each.held.reasons] if each.held else None,
        }
        for each in found
    ]


def _store(settings: Settings) -> dict[str, Any]:
    import asyncio

    from kycrisk.store.failure import StoreError
    from kycrisk.store.sealing import read_site_key
    from kycrisk.store.store import Store
    from kycrisk.store.upgrade import newest

    async def asked() -> dict[str, Any]:
        async with await Store.open(settings.database, site_key=read_site_key(settings.site_key)) as store:
            current = await store.rulesets.current()
            return {
                "version": newest(),
                "rows": await store.read(_counts),
                "published": current and current.version,
                "waiting_for": dict(await store.rechecks.missing()),
            }

    try:
        return asyncio.run(asked())
    except StoreError as error:
        return {"problem": type(error).__name__, "reason": getattr(error, "reason", "")}


def _counts(connection: Any) -> dict[str, int]:
    from sqlalchemy import func, select

    from kycrisk.store.schema import METADATA

    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in METADATA.sorted_tables
    }

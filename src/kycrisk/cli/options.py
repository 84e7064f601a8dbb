"""Options that every command takes, before or after its name, and the working folder they lead to."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kycrisk.ruleset.model import Ruleset
    from kycrisk.settings import Settings


class Format(StrEnum):
    """The forms in which decisions are written."""

    human = "human"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="PATH", help="Settings file or working folder. Default: the current folder."
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Use no network.")]


def config_path(ctx: typer.Context, config: Path | None) -> Path | None:
    """What `--config` says, behind the command's name or before it; None when neither does."""
    given = config or ctx.find_root().params.get("config")
    return Path(given) if given else None


def settings_of(ctx: typer.Context, config: Path | None, offline: bool) -> Settings:
    """The settings of the working folder. Raises `Problems`."""
    from kycrisk.settings import read_settings

    settings = read_settings(config_path(ctx, config) or Path())
    if offline or ctx.find_root().params.get("offline"):
        return replace(settings, offline=True)
    return settings


def loaded_ruleset(settings: Settings) -> Ruleset:
    """The rules of the working folder. Raises `Problems`."""
    from kycrisk.checks.catalogue import ALIASES
    from kycrisk.problems import Problems
    from kycrisk.ruleset.load import load_ruleset
    from kycrisk.sources.catalogue import signals_of_site
    from kycrisk.sources.undeclared import lookups_first

    try:
        return load_ruleset(settings.rules, signals=signals_of_site(settings.sources), aliases=ALIASES)
    except Problems as wrong:
        raise Problems(lookups_first(wrong.problems, settings.sources)) from None


def near(path: Path) -> Path:
    """A path as people write it: relative where it lies below the current folder."""
    relative = Path(os.path.relpath(path))
    return path if ".." in relative.parts else relative

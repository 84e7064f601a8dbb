"""`kycrisk completion` and `kycrisk version`: about the program itself."""

from __future__ import annotations

import platform
from enum import StrEnum
from importlib.metadata import version as installed
from typing import Annotated

import typer

from kycrisk.cli.options import Config, Offline
from kycrisk.cli.terminal import say


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def add_to(app: typer.Typer) -> None:
    app.command()(completion)
    app.command()(version)


def completion(
    shell: Annotated[Shell, typer.Argument(help="Your shell.", show_default=False)],
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Print the completion script of a shell.

    For bash: kycrisk completion bash > ~/.local/share/bash-completion/completions/kycrisk
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    say(get_completion_script(prog_name="kycrisk", complete_var="_KYCRISK_COMPLETE", shell=shell.value))


def version(config: Config = None, offline: Offline = False) -> None:
    """Print the version."""
    say(f"kycrisk {installed('kycrisk')}, Python {platform.python_version()}")

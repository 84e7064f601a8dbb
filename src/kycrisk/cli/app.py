"""The root command: options before the commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kycrisk.cli.options import Config, Offline
from kycrisk.cli.terminal import note, note_problems, visible
from kycrisk.problems import Problems

FINDINGS = 1  # problems found, tests failed, rows refused
USAGE = 2  # the command line or the settings are wrong
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
PIPE_CLOSED = 141  # 128 + SIGPIPE

_SECTIONS = {
    "A working folder": ("init", "check", "test", "fmt", "doctor"),
    "Signups": ("screen", "explain", "replay", "backtest", "eval", "recheck", "rescreen"),
    "The store": ("accounts", "labels", "audit", "archive", "store"),
    "Lists, signals, sources": ("feeds", "signals", "schema", "fraudrecord"),
    "The service": ("serve", "worker", "deliveries", "keys", "support"),
    "This program": ("completion", "version"),
}


class Fault(Exception):
    """What keeps a command from its work, for people; `help_` says what they can do. Ends with exit code 2."""

    def __init__(self, message: str, help_: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help_


@contextmanager
def door() -> Iterator[None]:
    """Errors of users become messages and exit codes; only errors of ours show a traceback."""
    try:
        yield
        sys.stdout.flush()
    except Problems as wrong:
        note_problems(wrong.problems)
        raise typer.Exit(USAGE) from None
    except Fault as fault:
        note(visible(f"kycrisk: {fault.message}"), *([f"help: {fault.help}"] if fault.help else []))
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        note("kycrisk: interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read the output has left (`| head`). What is still buffered must go somewhere quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        note(visible(f"kycrisk: {where}{(error.strerror or str(error)).lower()}"))
        raise typer.Exit(USAGE) from None


class Root(TyperGroup):
    """The root command, with its commands in sections."""

    def invoke(self, ctx: Any) -> Any:
        with door():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, names in _SECTIONS.items():
            commands = {name: self.get_command(ctx, name) for name in names}
            rows = [(name, found.get_short_help_str(60)) for name, found in commands.items() if found]
            with formatter.section(title):
                formatter.write_dl(rows)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kycrisk {version('kycrisk')}")
        raise typer.Exit


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,  # `kycrisk completion` does it, without two more options in every help
    rich_markup_mode=None,  # rich's help takes 60 ms more to load
    pretty_exceptions_enable=False,  # they show local variables, which hold customers' data
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


@app.callback()
def root(
    config: Config = None,
    offline: Offline = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Decide, while a customer signs up, whether the account must verify its identity.

    Every command takes --config and --offline, before or after its name. Exit codes: 0 fine, 1 findings, 2 usage or
    configuration.
    """

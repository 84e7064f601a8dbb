"""The command line: one module a group of commands. Heavy imports come late, so that `kycrisk --help` is quick."""

from __future__ import annotations

import os

from kycrisk.cli import (
    backtest,
    deliveries,
    doctor,
    evaluation,
    explain,
    feeds,
    folder,
    fraudrecord,
    keys,
    labels,
    program,
    recheck,
    records,
    replay,
    rescreen,
    rules,
    screen,
    serve,
    signals,
    support,
    worker,
)
from kycrisk.cli.app import app
from kycrisk.cli.terminal import note

__all__ = ["app", "main"]

_GROUPS = (
    folder, rules, doctor, screen, explain, replay, backtest, evaluation, recheck, rescreen, records, labels, feeds,
    signals, fraudrecord, serve, worker, deliveries, keys, support, program,
)  # fmt: skip
for _group in _GROUPS:
    _group.add_to(app)


def main() -> None:
    """The `kycrisk` command."""
    if "_KYCRISK_COMPLETE" in os.environ:  # a shell asks for completions
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        app(prog_name="kycrisk")
    except KeyboardInterrupt:  # before the command has begun
        note("kycrisk: interrupted")
        raise SystemExit(130) from None

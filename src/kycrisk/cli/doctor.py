"""`kycrisk check`, `test`, `fmt` and `schema`: what an analyst runs while writing rules."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None: ...

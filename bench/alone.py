"""Running one script alone: its figures on the terminal, nothing written."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.figure import Options, Section


def show(run: Callable[[Options], Section]) -> None:
    """Run a script as the command line asks (`--quick`) and print what it found; exit 1 if engines disagree."""
    section = run(Options(quick="--quick" in sys.argv[1:]))
    print("\n".join(str(figure) for figure in section.figures))
    if section.failures:
        sys.exit("\n".join(section.failures))

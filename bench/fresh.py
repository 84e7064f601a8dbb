"""Measurements that need a process of their own: what was loaded before would blur them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: Processes find compiled modules, as those of an installed package do.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def in_fresh_processes(code: str, arguments: Sequence[str], times: int) -> list[dict[str, Any]]:
    """Run a Python text that prints one JSON object, several times. Raises `CalledProcessError`."""
    return [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", code, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(times)
    ]


def seconds_of(command: Sequence[str], times: int) -> float:
    """The median wall time of a command, start and end included. Raises `CalledProcessError`."""
    taken = []
    for _ in range(times):
        begun = perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=ENVIRONMENT)
        taken.append(perf_counter() - begun)
    return median(taken)


def middle(answers: Sequence[dict[str, Any]], key: str) -> float:
    """The median of one number of the answers."""
    return float(median(answer[key] for answer in answers))

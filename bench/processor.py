"""Processor time of processes, as Linux tells it: what a request costs, however busy the machine is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor time: of a process's main thread, of its other threads, and of its children.

    Where the system does not tell it, nothing was spent.
    """

    main: float = 0.0
    others: float = 0.0
    children: float = 0.0

    def __sub__(self, before: Spent) -> Spent:
        return Spent(self.main - before.main, self.others - before.others, self.children - before.children)

    @property
    def whole(self) -> float:
        return self.main + self.others + self.children


def spent_by(process: int | None) -> Spent:
    """What a process has spent until now, its children that still run included."""
    if process is None:
        return Spent()
    threads = {task.name: _seconds(task) for task in (PROCESSES / str(process) / "task").glob("*")}
    main = threads.pop(str(process), 0.0)
    return Spent(main, sum(threads.values()), sum(_whole(child) for child in _children(process)))


def postmaster(url: str) -> int | None:
    """The first process of the PostgreSQL server whose files lie where its socket is; None when that cannot be told."""
    found = re.search(r"host=([^&]+)", url)
    file = Path(found[1].replace("%2F", "/")) / "postmaster.pid" if found else None
    return int(file.read_text().split()[0]) if file and file.exists() else None


def _whole(process: int) -> float:
    return sum(_seconds(task) for task in (PROCESSES / str(process) / "task").glob("*"))


def _children(process: int) -> list[int]:
    found = []
    for task in (PROCESSES / str(process) / "task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def _seconds(task: Path) -> float:
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError):  # it has ended, or this system keeps no such account
        return 0.0

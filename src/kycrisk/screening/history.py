"""What was screened before: the counts behind `signups(...)` and `distinct(...)`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from kycrisk.ruleset.condition import Velocity
from kycrisk.signals import Value


class History(Protocol):
    """Earlier signups. A signup sees those submitted within its window, up to its own moment, never itself."""

    source: str

    def count(self, velocity: Velocity, known: Mapping[str, Value], at: datetime) -> int:
        """The answer to a velocity signal for a signup with these facts, submitted at this moment."""
        ...

    def add(self, known: Mapping[str, Value], at: datetime) -> None:
        """Remember a signup."""
        ...


class RunHistory:
    """The signups of one run, in memory and exact, whatever order they come in.

    It keeps only what the ruleset's velocity signals ask for: per key value the moments, and the counted values.
    """

    source = "this run"

    def __init__(self, velocities: Iterable[Velocity]) -> None:
        self._kept = tuple(dict.fromkeys((velocity.key, velocity.counted) for velocity in velocities))
        self._seen: dict[tuple[str, str, Value], list[tuple[float, str]]] = {}

    def count(self, velocity: Velocity, known: Mapping[str, Value], at: datetime) -> int:
        value = known[velocity.key]
        if value == "":  # what was not given is shared with nobody
            return 0
        seen = self._seen.get((velocity.key, velocity.counted, value))
        if not seen:
            return 0
        now = at.timestamp()
        first = bisect_left(seen, (now - velocity.window.total_seconds(), ""))
        last = bisect_right(seen, (now, "\U0010ffff"))
        if not velocity.counted:
            return last - first
        return len({counted for _, counted in seen[first:last] if counted})

    def add(self, known: Mapping[str, Value], at: datetime) -> None:
        moment = at.timestamp()
        for key, counted in self._kept:
            if key in known and (not counted or counted in known):
                entry = (moment, str(known[counted]) if counted else "")
                seen = self._seen.setdefault((key, counted, known[key]), [])
                if not seen or entry >= seen[-1]:
                    seen.append(entry)
                else:
                    insort(seen, entry)

"""What was screened before: the counts behind `signups(...)` and `distinct(...)`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Protocol

from kycrisk.ruleset.condition import Velocity
from kycrisk.signals import Value

ACCOUNT = "signup.account_id"
_Seen = tuple[float, str, Value | None]  # when, what is counted, and of which account
_moment: Callable[[_Seen], float] = itemgetter(0)


class History(Protocol):
    """Earlier signups. A signup sees those of other accounts submitted within its window, up to its own moment.

    The account is the fact `signup.account_id`; without it every signup is somebody else's.
    """

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
        self._seen: dict[tuple[str, str, Value], list[_Seen]] = {}
        self._own: dict[tuple[str, Value, Value], list[float]] = {}  # by key, its value and account

    def count(self, velocity: Velocity, known: Mapping[str, Value], at: datetime) -> int:
        value = known[velocity.key]
        if value == "":  # what was not given is shared with nobody
            return 0
        seen = self._seen.get((velocity.key, velocity.counted, value))
        if not seen:
            return 0
        now = at.timestamp()
        since, account = now - velocity.window.total_seconds(), known.get(ACCOUNT)
        first = bisect_left(seen, since, key=_moment)
        last = bisect_right(seen, now, key=_moment)
        if velocity.counted:
            return len({what for _, what, whose in seen[first:last] if what and (whose is None or whose != account)})
        own = self._own.get((velocity.key, value, account), ()) if account else ()
        return last - first - (bisect_right(own, now) - bisect_left(own, since))

    def add(self, known: Mapping[str, Value], at: datetime) -> None:
        moment, account = at.timestamp(), known.get(ACCOUNT)
        for key, counted in self._kept:
            if key not in known or (counted and counted not in known):
                continue
            value = known[key]
            entry = (moment, str(known[counted]) if counted else "", account)
            seen = self._seen.setdefault((key, counted, value), [])
            if not seen or moment >= seen[-1][0]:
                seen.append(entry)
            else:
                insort(seen, entry, key=_moment)
            if account and not counted:
                insort(self._own.setdefault((key, value, account), []), moment)

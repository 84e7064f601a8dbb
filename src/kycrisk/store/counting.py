"""What signups that are registered together count, in one statement for all of them.

Nearly all signups ask the same: the velocity signals of the rules in force. So these are one statement, made once, with
a row for each signup: its moment and its pseudonyms go in, and its counts come out side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from kycrisk.ruleset.condition import Velocity
from kycrisk.store.driver import Driver
from kycrisk.store.moments import micros
from kycrisk.store.velocity import DAY, SAME_MOMENT, Asked, Counts, Signals, count_new, whole_days

_GRACE = SAME_MOMENT // timedelta(microseconds=1)
Ats = Mapping[bytes, Sequence[tuple[int, int]]]  # the facts of signups that are being registered: moments and signups


def count_together(
    connection: Connection, driver: Driver, signals: Signals, asked: Sequence[Asked], ats: Ats
) -> list[Counts]:
    """The counts of signups that are being registered: what `count_new` says, for many that ask the same at once."""
    counts: list[Counts | None] = [None] * len(asked)
    alike: dict[tuple[Velocity, ...], list[int]] = {}
    for index, each in enumerate(asked):
        alike.setdefault(tuple(each.velocities), []).append(index)
    for velocities, indexes in alike.items():
        chosen = [asked[index] for index in indexes]
        if velocities:
            numbers = tuple(signals.counted(connection, velocity) for velocity in velocities)
            found = _Plan.of(velocities, numbers).counts(driver, chosen, ats)
        else:
            found = count_new(connection, signals, chosen, ats)
        for index, told in zip(indexes, found, strict=True):
            counts[index] = told
    return [each for each in counts if each is not None]


class _Plan:
    """Velocity signals as one statement. `numbers` are those of the signals that they count (`Signals.counted`)."""

    def __init__(self, velocities: tuple[Velocity, ...], numbers: tuple[int | None, ...]) -> None:
        self._velocities = velocities
        self._keys = tuple(dict.fromkeys(each.key for each in velocities))
        place = {key: f"asked.k{number}" for number, key in enumerate(self._keys)}
        self._by_days = [
            (at, each, window)
            for at, each in enumerate(velocities)
            if not each.counted and (window := _micros(each.window)) + _GRACE >= DAY
        ]
        days = {at for at, _, _ in self._by_days}
        columns = [
            _count(place[each.key], _micros(each.window), number, by_days=at in days)
            for at, (each, number) in enumerate(zip(velocities, numbers, strict=True))
        ]
        names = ", ".join(["n", "at", "below", *(name.partition(".")[2] for name in place.values())])
        self._kinds = ("integer", "bigint", "bigint", *["bytea"] * len(self._keys))
        self._blank = (-1, 0, 0, *[None] * len(self._keys))
        self._columns, self._names = ", ".join(columns), names
        self._texts: dict[str, str] = {}

    @staticmethod
    @lru_cache(maxsize=32)
    def of(velocities: tuple[Velocity, ...], numbers: tuple[int | None, ...]) -> _Plan:
        return _Plan(velocities, numbers)

    def counts(self, driver: Driver, asked: Sequence[Asked], ats: Ats) -> list[dict[Velocity, int]]:
        moments = [micros(each.at) for each in asked]
        rows = [
            (number, at, each.before, *[each.digests.get(key) or None for key in self._keys])
            for number, (at, each) in enumerate(zip(moments, asked, strict=True))
        ]
        found: list[dict[Velocity, int]] = [{}] * len(asked)
        for number, *counts in driver.ask(self._question, self._kinds, rows, self._blank):
            if number >= 0:
                found[number] = dict(zip(self._velocities, counts, strict=True))
        repeated = {digest for digest, seen in ats.items() if len(seen) > 1}
        for at, each, counted in zip(moments, asked, found, strict=True):
            if len(each.digests) < len(self._keys) or not each.digests.keys() >= set(self._keys):
                for velocity in [velocity for velocity in counted if velocity.key not in each.digests]:
                    del counted[velocity]  # its key is not known at all
            for _, velocity, window in self._by_days if repeated else ():
                here = each.digests.get(velocity.key)
                if here in repeated:  # what came with it is in no day yet
                    first, last = whole_days(max(at - window, 0), at + _GRACE)
                    counted[velocity] += sum(
                        first <= when // DAY < last and id_ < each.before for when, id_ in ats[here]
                    )
        return found

    def _question(self, place: str) -> str:
        text = self._texts.get(place)
        if text is None:
            asked = f"WITH asked({self._names}) AS (SELECT * FROM {place})"
            text = self._texts[place] = f"{asked} SELECT n, {self._columns} FROM asked"  # noqa: S608 - names of ours
        return text


def _micros(window: timedelta) -> int:
    return window // timedelta(microseconds=1)


def _count(key: str, window: int, counted: int | None, *, by_days: bool) -> str:
    """One count as a column: of signups (0), of different values of a signal, or of what no signup ever carried."""
    since, latest = f"(asked.at - {window})", f"(asked.at + {_GRACE})"
    same = f"facts.digest = {key}"
    below = "facts.signup < asked.below"
    if counted is None:
        return "0"
    if counted:
        return (
            "(SELECT count(DISTINCT other.digest) FROM facts"
            f" JOIN facts AS other ON other.signup = facts.signup AND other.signal = {counted}"
            f" WHERE {same} AND facts.at BETWEEN {since} AND {latest} AND {below})"
        )
    if not by_days:
        return f"(SELECT count(*) FROM facts WHERE {same} AND facts.at BETWEEN {since} AND {latest} AND {below})"
    # A window of so many days holds a whole one, whenever it ends: the days are read, and what is left at both ends.
    first, last = f"(({since} + {DAY - 1}) / {DAY})", f"(({latest} + 1) / {DAY})"
    return (
        f"(SELECT count(*) FROM facts WHERE {same} AND facts.at >= {since} AND facts.at < {first} * {DAY} AND {below})"
        " + (SELECT CAST(coalesce(sum(fact_days.count), 0) AS BIGINT) FROM fact_days"
        f" WHERE fact_days.digest = {key} AND fact_days.day >= {first} AND fact_days.day < {last})"
        f" + (SELECT count(*) FROM facts WHERE {same}"
        f" AND facts.at >= {last} * {DAY} AND facts.at <= {latest} AND {below})"
    )

"""What signups that are registered together count, in one statement for all of them.

Nearly all signups ask the same: the velocity signals of the rules in force. So these are one statement, made once, with
a row for each signup: its moment and its pseudonyms go in, and its counts come out side by side.

A count over weeks must not read every signup of a large mailbox provider. Where a value was met often, `fact_days` says
how often on each day (UTC), and whole days are read from there. A value has a row for every day of its facts, or none:
most values are met a few times, and to keep days of them all would be half of what a signup writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache

from sqlalchemy import Connection

from kycrisk.ruleset.condition import Velocity
from kycrisk.store.driver import Driver
from kycrisk.store.moments import micros
from kycrisk.store.schema import FACT_DAYS
from kycrisk.store.velocity import SAME_MOMENT, Asked, Counts, FactRow, Signals

DAY = 86_400_000_000  # microseconds
#: From so many facts within a window on, a value's days are kept.
OFTEN = 256
_MICROSECOND = timedelta(microseconds=1)
_GRACE = SAME_MOMENT // _MICROSECOND
_Seen = Mapping[bytes, Sequence[tuple[int, int]]]  # by pseudonym: moments and signups


def count_registered(
    connection: Connection,
    driver: Driver,
    signals: Signals,
    asked: Sequence[Asked],
    facts: Sequence[FactRow],
    often: int = OFTEN,
) -> list[Counts]:
    """The counts of signups that are being registered, whose `facts` are stored and not yet counted in days.

    They are counted there now. What `count_all` says of the same signups is the same.
    """
    by_days = _by_days(driver, {digest for _, _, digest, _ in facts})
    seen: dict[bytes, list[tuple[int, int]]] = {}
    for signup, _, digest, at in facts if by_days else ():
        if digest in by_days:
            seen.setdefault(digest, []).append((at, signup))
    counts: list[Counts] = [{}] * len(asked)
    now_often: set[bytes] = set()
    alike: dict[tuple[tuple[Velocity, ...], bool], list[int]] = {}
    for index, each in enumerate(asked):
        alike.setdefault((tuple(each.velocities), each.account is not None), []).append(index)
    for (velocities, own), indexes in alike.items():
        if not velocities:
            continue
        plan = _Plan.of(velocities, tuple(signals.counted(connection, each) for each in velocities), own)
        chosen = [asked[index] for index in indexes]
        for index, told in zip(indexes, plan.counts(driver, chosen, seen), strict=True):
            counts[index] = told
            now_often |= plan.met_often(asked[index], told, often) - by_days
    _add_days(driver, seen)
    _begin_days(driver, now_often)
    return counts


def _by_days(driver: Driver, digests: Collection[bytes]) -> frozenset[bytes]:
    """Of these, the values whose days are kept."""
    found = driver.ask(_kept, ("bytea",), [(each,) for each in digests], (None,)) if digests else ()
    return frozenset(digest for (digest,) in found)


def _kept(place: str) -> str:
    return (
        f"WITH asked(digest) AS (SELECT * FROM {place}) SELECT digest FROM asked"
        " WHERE EXISTS (SELECT 1 FROM fact_days WHERE fact_days.digest = asked.digest)"
    )


def _add_days(driver: Driver, seen: _Seen) -> None:
    """Count new facts in their days."""
    days = Counter([(digest, at // DAY) for digest, facts in seen.items() for at, _ in facts])
    added = " ON CONFLICT (digest, day) DO UPDATE SET count = fact_days.count + excluded.count"
    driver.insert(FACT_DAYS, _DAY_COLUMNS, [(*day, count) for day, count in days.items()], added)


def _begin_days(driver: Driver, digests: Collection[bytes]) -> None:
    """Keep the days of more values from now on."""
    counted = f"SELECT digest, at / {DAY}, count(*) FROM facts WHERE digest = {driver.mark} GROUP BY digest, at / {DAY}"
    for digest in digests:
        driver.insert(FACT_DAYS, _DAY_COLUMNS, driver.execute(counted, (digest,)))


_DAY_COLUMNS = ("digest", "day", "count")


class _Plan:
    """Velocity signals as one statement. `numbers` are those of the signals that they count (`Signals.counted`); with
    `own`, what the account itself did is left out."""

    def __init__(self, velocities: tuple[Velocity, ...], numbers: tuple[int | None, ...], own: bool) -> None:
        self._velocities, self._own = velocities, own
        self._over_days = tuple(
            (each, window)
            for each in velocities
            if not each.counted and (window := each.window // _MICROSECOND) + _GRACE >= DAY
        )
        self._keys = tuple(dict.fromkeys(each.key for each in velocities))
        self._by_day_keys = tuple(dict.fromkeys(each.key for each, _ in self._over_days))
        places = {key: f"asked.k{number}" for number, key in enumerate(self._keys)}
        by_day = {key: f"asked.d{number}" for number, key in enumerate(self._by_day_keys)}
        over_days = {each for each, _ in self._over_days}
        self._columns = ", ".join(
            _count(places[each.key], by_day[each.key] if each in over_days else "", each, number, own)
            for each, number in zip(velocities, numbers, strict=True)
        )
        names = ("n", "at", "below", *(("account",) if own else ()), *places.values(), *by_day.values())
        self._names = ", ".join(name.removeprefix("asked.") for name in names)
        pseudonyms = len(places) + len(by_day)
        self._kinds = ("integer", *["bigint"] * (3 if own else 2), *["bytea"] * pseudonyms)
        self._blank = (-1, *[0] * (3 if own else 2), *[None] * pseudonyms)
        self._texts: dict[str, str] = {}

    @staticmethod
    @lru_cache(maxsize=32)
    def of(velocities: tuple[Velocity, ...], numbers: tuple[int | None, ...], own: bool) -> _Plan:
        return _Plan(velocities, numbers, own)

    def counts(self, driver: Driver, asked: Sequence[Asked], seen: _Seen) -> list[dict[Velocity, int]]:
        """The counts of signups. `seen` are the facts that came with them, of values whose days are kept."""
        moments = [micros(each.at) for each in asked]
        rows = [self._row(*each, seen) for each in zip(range(len(asked)), moments, asked, strict=True)]
        found: list[dict[Velocity, int]] = [{}] * len(asked)
        for number, *counts in driver.ask(self._question, self._kinds, rows, self._blank):
            if number >= 0:
                found[number] = dict(zip(self._velocities, counts, strict=True))
        for at, each, counted in zip(moments, asked, found, strict=True):
            for velocity in self._velocities if any(key not in each.digests for key in self._keys) else ():
                if velocity.key not in each.digests:
                    del counted[velocity]  # it is not known what to count
            for velocity, window in self._over_days if seen else ():
                here = seen.get(each.digests.get(velocity.key, b""), ())
                if len(here) > 1:  # what came with it is in no day yet
                    first, last = days_read(max(at - window, 0), at + _GRACE)
                    counted[velocity] += sum(first <= when // DAY < last and id_ < each.before for when, id_ in here)
        return found

    def met_often(self, each: Asked, counts: Counts, often: int) -> set[bytes]:
        """The values of a signup that were met so often that their days are worth keeping."""
        return {each.digests[velocity.key] for velocity, _ in self._over_days if counts.get(velocity, 0) >= often}

    def _row(self, number: int, at: int, each: Asked, seen: _Seen) -> tuple[int | bytes | None, ...]:
        """Pseudonyms whose days are kept stand in their own places, so that each count is taken in one way."""
        values = [each.digests.get(key) or None for key in self._keys]
        days = [value if (value := each.digests.get(key)) in seen else None for key in self._by_day_keys]
        return (number, at, each.before, *((each.account,) if self._own else ()), *values, *days)

    def _question(self, place: str) -> str:
        text = self._texts.get(place)
        if text is None:
            asked = f"WITH asked({self._names}) AS (SELECT * FROM {place})"
            text = self._texts[place] = f"{asked} SELECT n, {self._columns} FROM asked"
        return text


def days_read(since: int, latest: int) -> tuple[int, int]:
    """The first day that begins within a window, and the day after its last.

    The last day is read as a whole although the window ends within it: what came later is taken off, and signups come
    nearly in their order, so that is next to nothing, while that day's earlier facts may be hundreds of thousands.
    """
    return -(-since // DAY), latest // DAY + 1


def _count(key: str, day_key: str, velocity: Velocity, number: int | None, own: bool) -> str:
    """One count as a column: of signups (0), of different values of a signal, or of what no signup ever carried."""
    window = velocity.window // _MICROSECOND
    since, latest = f"(asked.at - {window})", f"(asked.at + {_GRACE})"
    within = f"facts.digest = {key} AND facts.at BETWEEN {since} AND {latest}"
    below = "facts.signup < asked.below"
    if number is None:
        return "0"
    if number:
        mine = "signups.id = facts.signup AND signups.account = asked.account"
        others = f" AND NOT EXISTS (SELECT 1 FROM signups WHERE {mine})" if own else ""
        return (
            "(SELECT count(DISTINCT other.digest) FROM facts"
            f" JOIN facts AS other ON other.signup = facts.signup AND other.signal = {number}"
            f" WHERE {within} AND {below}{others})"
        )
    # The account's own signups are few: they come first, however often the value was seen. `coalesce` keeps the index
    # by digest out of it, in which SQLite would read all that was seen of the value for each of them.
    mine = (
        " - (SELECT count(*) FROM signups CROSS JOIN facts WHERE signups.account = asked.account"
        " AND signups.id < asked.below AND facts.signup = signups.id"
        f" AND coalesce(facts.digest, facts.digest) = {key} AND facts.at BETWEEN {since} AND {latest})"
    )
    if not day_key:
        return f"(SELECT count(*) FROM facts WHERE {within} AND {below}){mine if own else ''}"
    first, last = f"(({since} + {DAY - 1}) / {DAY})", f"({latest} / {DAY} + 1)"  # as `days_read` has them
    same = f"facts.digest = {day_key}"
    return (
        f"CASE WHEN {day_key} IS NULL THEN (SELECT count(*) FROM facts WHERE {within} AND {below}) ELSE"
        f" (SELECT count(*) FROM facts WHERE {same} AND facts.at >= {since} AND facts.at < {first} * {DAY} AND {below})"
        " + (SELECT CAST(coalesce(sum(fact_days.count), 0) AS BIGINT) FROM fact_days"
        f" WHERE fact_days.digest = {day_key} AND fact_days.day >= {first} AND fact_days.day < {last})"
        f" - (SELECT count(*) FROM facts WHERE {same}"
        f" AND facts.at > {latest} AND facts.at < {last} * {DAY} AND {below}) END{mine if own else ''}"
    )

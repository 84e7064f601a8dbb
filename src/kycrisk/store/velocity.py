"""Counts over what was screened: `signups(key, window)` and `distinct(counted, key, window)`, exact, by index.

A signup's facts are stored as pseudonyms when it is registered, and a signup counts those that were registered before
it. Writers come one after the other (see `head`), so of two signups that arrive at the same instant, in whatever
process, exactly one counts the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select

from kycrisk.decision_json import value_json
from kycrisk.ruleset.condition import Velocity
from kycrisk.signals import Value
from kycrisk.store.driver import Driver
from kycrisk.store.moments import micros
from kycrisk.store.reader import Reader
from kycrisk.store.schema import FACT_DAYS, SIGNALS
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import Transaction

Counts = Mapping[Velocity, int]
Facts = Mapping[str, Value]
Digests = Mapping[str, bytes]  # by signal; empty for what was not given

#: Kept for every signup, so that a new rule finds its past, beside what the rules in force ask for.
ALWAYS = frozenset(
    {
        "ip.address",
        "ip.network",
        "email.address",
        "email.canonical",
        "email.domain",
        "email.registrable",
        "phone.e164",
    }
)
#: Signups are submitted, and reach the store, in slightly different orders; clocks differ too. Of two whose moments
#: are this near, the one that was registered first is the earlier one.
SAME_MOMENT = timedelta(seconds=5)
NO_COUNTS: Counts = MappingProxyType({})


def countable(known: Facts, asked: Iterable[Velocity]) -> dict[str, Value]:
    """The facts of a signup that are to be counted: those always kept, and those that velocity signals name."""
    names = ALWAYS.union(name for each in asked for name in (each.key, each.counted))
    return {name: known[name] for name in known if name in names}


@dataclass(frozen=True, slots=True)
class Asked:
    """One signup's velocity signals. It sees what was registered before it, within each window up to its moment."""

    digests: Digests
    velocities: Sequence[Velocity]
    at: datetime
    before: int  # the signup's id


class Signals:
    """The numbers of signals in the table of facts, remembered."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def known(self, connection: Connection, name: str) -> int | None:
        """The number of a signal; None when no signup ever carried it."""
        if name not in self._ids:
            found = connection.execute(select(SIGNALS.c.id).where(SIGNALS.c.name == name)).scalar()
            if found is None:
                return None
            self._ids[name] = found
        return self._ids[name]

    def taken(self, tx: Transaction, name: str) -> int:
        """The number of a signal, given now when it has none."""
        found = self._ids.get(name) or self.known(tx.connection, name)
        if found is None:
            [found] = tx.connection.execute(SIGNALS.insert().values(name=name).returning(SIGNALS.c.id)).one()
            self._ids[name] = found
            tx.undone.append(lambda: self._forget(name))
        return found

    def counted(self, connection: Connection, velocity: Velocity) -> int | None:
        """The number of the signal that a velocity counts; 0 for signups, None for what no signup ever carried."""
        return self.known(connection, velocity.counted) if velocity.counted else 0

    def _forget(self, name: str) -> None:
        self._ids.pop(name, None)


def digest(site: SiteKey, signal: str, value: Value) -> bytes:
    """The pseudonym of a signal's value; empty for what was not given, which is shared with nobody."""
    if isinstance(value, str):
        return site.pseudonym(signal, value) if value else b""
    return site.pseudonym(signal, value_json(value))


def digests_of(site: SiteKey, facts: Facts) -> Digests:
    """The pseudonyms of facts."""
    return {name: digest(site, name, value) for name, value in facts.items()}


FACT_COLUMNS = ("signup", "signal", "digest", "at")
FactRow = tuple[int, int, bytes, int]


def fact_rows(tx: Transaction, signals: Signals, signup: int, digests: Digests, at: int) -> list[FactRow]:
    """The rows of a signup's facts."""
    return [(signup, signals.taken(tx, name), value, at) for name, value in digests.items() if value]


_MICROSECOND = timedelta(microseconds=1)
_Question = tuple[dict[Velocity, int], Velocity, tuple[bytes, int, int, int, int]]
_AT_ONCE = 512

DAY = 86_400_000_000  # microseconds
_ADD_DAY = " ON CONFLICT (digest, day) DO UPDATE SET count = fact_days.count + excluded.count"
_SIGNUPS = """
WITH asked(n, digest, since, latest, below, counted) AS (VALUES {rows})
SELECT n, (
  SELECT count(*) FROM facts
  WHERE facts.digest = asked.digest AND facts.at BETWEEN asked.since AND asked.latest AND facts.signup < asked.below
) FROM asked
"""
_DISTINCT = """
WITH asked(n, digest, since, latest, below, counted) AS (VALUES {rows})
SELECT n, (
  SELECT count(DISTINCT other.digest) FROM facts
  JOIN facts AS other ON other.signup = facts.signup AND other.signal = asked.counted
  WHERE facts.digest = asked.digest AND facts.at BETWEEN asked.since AND asked.latest AND facts.signup < asked.below
) FROM asked
"""
_BY_DAYS = """
WITH asked(n, digest, since, latest, below, counted) AS (VALUES {rows}),
spans AS (
  SELECT n, digest, since, latest, below, (since + DAY - 1) / DAY AS first, (latest + 1) / DAY AS last FROM asked
)
SELECT n, CASE WHEN first >= last THEN (
  SELECT count(*) FROM facts
  WHERE facts.digest = spans.digest AND facts.at BETWEEN spans.since AND spans.latest AND facts.signup < spans.below
) ELSE (
  SELECT count(*) FROM facts
  WHERE facts.digest = spans.digest AND facts.at >= spans.since AND facts.at < first * DAY
    AND facts.signup < spans.below
) + (
  SELECT CAST(coalesce(sum(fact_days.count), 0) AS BIGINT) FROM fact_days
  WHERE fact_days.digest = spans.digest AND fact_days.day >= first AND fact_days.day < last
) + (
  SELECT count(*) FROM facts
  WHERE facts.digest = spans.digest AND facts.at >= last * DAY AND facts.at <= spans.latest
    AND facts.signup < spans.below
) END FROM spans
""".replace("DAY", str(DAY))


@dataclass(frozen=True, slots=True)
class Ways:
    """How the two kinds of counts are asked for."""

    signups: str
    distinct: str


EXACTLY = Ways(_SIGNUPS, _DISTINCT)
BY_DAYS = Ways(_BY_DAYS, _DISTINCT)


def count_all(
    connection: Connection,
    signals: Signals,
    asked: Sequence[Asked],
    same_moment: timedelta = SAME_MOMENT,
    ways: Ways = EXACTLY,
) -> list[dict[Velocity, int]]:
    """The answers for several signups, in a few queries for all. A velocity whose key is no fact is left out."""
    found: list[dict[Velocity, int]] = []
    signups: list[_Question] = []
    distinct: list[_Question] = []
    plans: dict[int, list[tuple[Velocity, str, int, int | None]]] = {}
    grace = same_moment // _MICROSECOND
    for each in asked:
        at, digests, counts = micros(each.at), each.digests, dict[Velocity, int]()
        found.append(counts)
        plan = plans.get(id(each.velocities))
        if plan is None:
            plan = plans[id(each.velocities)] = [
                (velocity, velocity.key, velocity.window // _MICROSECOND, signals.counted(connection, velocity))
                for velocity in each.velocities
            ]
        for velocity, key, window, counted in plan:
            value = digests.get(key)
            if not value or counted is None:
                if value is not None:
                    counts[velocity] = 0
                continue
            question = (value, max(at - window, 0), at + grace, each.before, counted)
            (distinct if counted else signups).append((counts, velocity, question))
    _answer(connection, ways.signups, signups)
    _answer(connection, ways.distinct, distinct)
    return found


def count_new(
    connection: Connection, signals: Signals, asked: Sequence[Asked], ats: Mapping[bytes, Sequence[tuple[int, int]]]
) -> list[dict[Velocity, int]]:
    """The same for signups that are being registered, reading whole days from `fact_days`, which `add_days` has not
    yet told of them. `ats` are their facts: by pseudonym the moments and signups, which the days lack.
    """
    found = count_all(connection, signals, asked, ways=BY_DAYS)
    grace = SAME_MOMENT // _MICROSECOND
    for each, counts in zip(asked, found, strict=True):
        at = micros(each.at)
        for velocity in counts:
            here = ats.get(each.digests[velocity.key], ())
            if velocity.counted or len(here) < 2:  # its own fact alone
                continue
            first, last = whole_days(max(at - velocity.window // _MICROSECOND, 0), at + grace)
            counts[velocity] += sum(first <= when // DAY < last and id_ < each.before for when, id_ in here)
    return found


def whole_days(since: int, latest: int) -> tuple[int, int]:
    """The first day that lies within a window as a whole, and the first one after it that does not."""
    return -(-since // DAY), (latest + 1) // DAY


def add_days(driver: Driver, rows: Sequence[FactRow]) -> None:
    """Count new facts in their days."""
    counted = Counter([(digest, at // DAY) for _, _, digest, at in rows])
    given = [(digest, day, count) for (digest, day), count in counted.items()]
    driver.insert(FACT_DAYS, ("digest", "day", "count"), given, _ADD_DAY)


def _answer(connection: Connection, sql: str, questions: list[_Question]) -> None:
    """Put the answers where the questions say."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * 6)})"
    for start in range(0, len(questions), _AT_ONCE):
        part = questions[start : start + _AT_ONCE]
        # A power of two of rows, so that the database meets few different statements and keeps them prepared.
        size = 1 << (len(part) - 1).bit_length()
        given: list[object] = []
        for n, (_, _, question) in enumerate(part):
            given += (n, *question)
        given += (-1, b"", 0, 0, 0, 0) * (size - len(part))
        text = sql.format(rows=", ".join([row] * size))
        for n, count in connection.exec_driver_sql(text, tuple(given)).all():
            if n >= 0:
                counts, velocity, _ = part[n]
                counts[velocity] = count


class VelocityCounts:
    """Questions about the past that belong to no signup of now: previews, rules that are being written."""

    def __init__(self, reader: Reader, site: SiteKey, signals: Signals) -> None:
        self._reader, self._site, self._signals = reader, site, signals

    async def count(self, facts: Facts, velocities: Sequence[Velocity], at: datetime) -> Counts:
        """How often was that seen up to a moment?"""
        asked = [Asked(digests_of(self._site, facts), velocities, at, 2**62)]
        [found] = await self._reader.read(count_all, self._signals, asked, timedelta(0))
        return found


class StoreHistory:
    """The history of a `Screener` that stands on the store: it gives the counts that the store has taken already.

    `with history.seeing(counts): decision = screener.screen(signup)`; each thread and task sees its own.
    """

    source = "signups in the store"

    def __init__(self) -> None:
        self._seen: ContextVar[Counts] = ContextVar("kycrisk_counts", default=NO_COUNTS)

    @contextmanager
    def seeing(self, counts: Counts) -> Iterator[None]:
        token = self._seen.set(counts)
        try:
            yield
        finally:
            self._seen.reset(token)

    def count(self, velocity: Velocity, known: Mapping[str, Value], at: datetime) -> int:
        """The count of this velocity. Raises `KeyError` when the store was not asked for it."""
        return self._seen.get()[velocity]

    def add(self, known: Mapping[str, Value], at: datetime) -> None:
        """Nothing: the store remembers signups itself."""

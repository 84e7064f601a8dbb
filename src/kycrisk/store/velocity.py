"""Counts over what was screened: `signups(key, window)` and `distinct(counted, key, window)`, exact, by index.

A signup's facts are stored as pseudonyms when it is registered, and a signup counts those of other accounts that were
registered before it: whoever is screened again, or tried again after a crash, does not meet itself. Writers come one
after the other (see `head`), so of two signups that arrive at the same instant, in whatever process, exactly one counts
the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

from sqlalchemy import Connection, select

from kycrisk.decision_json import value_json
from kycrisk.quickly_made import quickly_made
from kycrisk.ruleset.condition import Velocity
from kycrisk.signals import Value
from kycrisk.store.moments import micros
from kycrisk.store.reader import Reader
from kycrisk.store.schema import SIGNALS
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
        "person.name_address",
    }
)
#: Signups are submitted, and reach the store, in slightly different orders; clocks differ too. Of two whose moments
#: are this near, the one that was registered first is the earlier one.
SAME_MOMENT = timedelta(seconds=5)
NO_COUNTS: Counts = MappingProxyType({})


def countable(known: Facts, asked: tuple[Velocity, ...]) -> dict[str, Value]:
    """The facts of a signup that are to be counted: those always kept, and those that velocity signals name."""
    return {name: known[name] for name in _names(asked) if name in known}


@lru_cache(maxsize=32)
def _names(asked: tuple[Velocity, ...]) -> tuple[str, ...]:
    return tuple(sorted(ALWAYS.union(name for each in asked for name in (each.key, each.counted))))


@quickly_made
@dataclass(frozen=True, slots=True)
class Asked:
    """One signup's velocity signals. It sees what others registered before it, within each window up to its moment."""

    digests: Digests
    velocities: Sequence[Velocity]
    at: datetime
    before: int  # the signup's id
    account: int | None = None  # whose signups are left out; None where it is known to have no others


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
_Question = tuple[dict[Velocity, int], Velocity, tuple[bytes | int, ...]]
_AT_ONCE = 512

_SIGNUPS = """
WITH asked(n, digest, since, latest, below) AS (VALUES {rows})
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
# Those of the account itself, to be taken off: its few signups come first, however often the value was seen.
_OWN = """
WITH asked(n, digest, since, latest, below, account) AS (VALUES {rows})
SELECT n, (
  SELECT count(*) FROM signups CROSS JOIN facts
  WHERE signups.account = asked.account AND signups.id < asked.below AND facts.signup = signups.id
    AND facts.digest = asked.digest AND facts.at BETWEEN asked.since AND asked.latest
) FROM asked
"""
_DISTINCT_OF_OTHERS = """
WITH asked(n, digest, since, latest, below, counted, account) AS (VALUES {rows})
SELECT n, (
  SELECT count(DISTINCT other.digest) FROM facts
  JOIN facts AS other ON other.signup = facts.signup AND other.signal = asked.counted
  WHERE facts.digest = asked.digest AND facts.at BETWEEN asked.since AND asked.latest AND facts.signup < asked.below
    AND NOT EXISTS (SELECT 1 FROM signups WHERE signups.id = facts.signup AND signups.account = asked.account)
) FROM asked
"""


def count_all(
    connection: Connection,
    signals: Signals,
    asked: Sequence[Asked],
    same_moment: timedelta = SAME_MOMENT,
) -> list[dict[Velocity, int]]:
    """The answers for several signups, in a few queries for all. A velocity whose key is no fact is left out."""
    found: list[dict[Velocity, int]] = []
    signups: list[_Question] = []
    own: list[_Question] = []
    distinct: list[_Question] = []
    distinct_of_others: list[_Question] = []
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
            question = (value, max(at - window, 0), at + grace, each.before)
            if not counted:
                signups.append((counts, velocity, question))
                if each.account is not None:
                    own.append((counts, velocity, (*question, each.account)))
            elif each.account is None:
                distinct.append((counts, velocity, (*question, counted)))
            else:
                distinct_of_others.append((counts, velocity, (*question, counted, each.account)))
    for sql, questions in ((_SIGNUPS, signups), (_DISTINCT, distinct), (_DISTINCT_OF_OTHERS, distinct_of_others)):
        for (counts, velocity, _), count in _answered(connection, sql, questions):
            counts[velocity] = count
    for (counts, velocity, _), count in _answered(connection, _OWN, own):
        counts[velocity] -= count
    return found


def _answered(connection: Connection, sql: str, questions: list[_Question]) -> Iterator[tuple[_Question, int]]:
    """The questions, each with its answer."""
    if not questions:
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    columns = len(questions[0][2])
    row = f"({', '.join([mark] * (columns + 1))})"
    for start in range(0, len(questions), _AT_ONCE):
        part = questions[start : start + _AT_ONCE]
        # A power of two of rows, so that the database meets few different statements and keeps them prepared.
        size = 1 << (len(part) - 1).bit_length()
        given: list[object] = []
        for n, (_, _, question) in enumerate(part):
            given += (n, *question)
        given += (-1, b"", *[0] * (columns - 1)) * (size - len(part))
        text = sql.format(rows=", ".join([row] * size))
        for n, count in connection.exec_driver_sql(text, tuple(given)).all():
            if n >= 0:
                yield part[n], count


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

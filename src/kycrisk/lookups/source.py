"""A source: a client behind its caches, its single flight, its circuit breaker and the budgets."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from kycrisk.decision_json import value_json
from kycrisk.lookups.asked import Asked, Client, LookupFailure, all_unknown
from kycrisk.lookups.breaker import DEFAULT_TERMS, Breaker, BreakerTerms, Ticket
from kycrisk.lookups.budget import Budget
from kycrisk.lookups.cache import CacheTerms, Kept, KeptResults, TtlCache
from kycrisk.lookups.single_flight import Abandoned, SingleFlight
from kycrisk.money import FREE, Money
from kycrisk.signals import NOTHING, FactError, Signal, Unknown, Value, Why, fact_value

Key = TypeVar("Key")

#: Those who wait for a shared query leave this much later than the client itself should have given up, in seconds.
GRACE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTerms:
    """How a source is dealt with.

    `keep` is how long an answer counts; with `across_restarts` it is kept in the site's results too. `linger`: a
    question whose askers had to decide without it may take this much longer, and its answer is kept for the next time;
    zero for sources that may be asked again at no cost.
    """

    keep: timedelta
    across_restarts: bool = False
    linger: timedelta = timedelta(0)
    breaker: BreakerTerms = DEFAULT_TERMS
    entries: int = 10_000


class Consulted(NamedTuple):
    """What a source says: each of its signals stands in one of the first two.

    `as_of` is when the source said so (None: it said nothing); `asked` is false for what was kept from before and for
    what was not asked. `cost` is what this very call cost.
    """

    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown] = NOTHING
    cost: Money = FREE
    as_of: datetime | None = None
    asked: bool = True


class _Kept(NamedTuple):
    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown]
    as_of: datetime
    consulted: Consulted

    @classmethod
    def of(cls, known: Mapping[str, Value], unknown: Mapping[str, Unknown], as_of: datetime) -> _Kept:
        return cls(known, unknown, as_of, Consulted(known, unknown, as_of=as_of, asked=False))


class _Lapse:
    """Tells the circuit breaker how a question went: in time, or as a failure as soon as its askers have left.

    A lingering question must not keep the breaker waiting, or a hung source would collect questions meanwhile.
    """

    __slots__ = ("_breaker", "_handle", "_late", "_ticket")

    def __init__(self, breaker: Breaker, ticket: Ticket, until: float) -> None:
        self._breaker, self._ticket, self._late = breaker, ticket, False
        self._handle = asyncio.get_running_loop().call_at(until, self._lapsed)

    def _lapsed(self) -> None:
        self._late = True
        self._breaker.failed(self._ticket)

    def ended(self, *, failed: bool, retry_after: float = 0.0) -> None:
        self._handle.cancel()
        if failed and (retry_after > 0 or not self._late):
            self._breaker.failed(self._ticket, retry_after)
        elif not self._late:
            self._breaker.succeeded(self._ticket)

    def cancelled(self) -> None:
        self._handle.cancel()
        self._breaker.let_go(self._ticket)


class Source(Generic[Key]):
    """One client, asked as seldom as can be. It belongs to one event loop; close it with `aclose`.

    `now` is the wall clock, `clock` one that never jumps; `kept` is where answers outlive the process, by a digest of
    the key, so that nobody reads addresses off it; with a `pepper` (a secret of the site, 64 bytes at most) nobody can
    try addresses on it either.
    """

    def __init__(
        self,
        client: Client[Key],
        terms: SourceTerms,
        *,
        budget: Budget,
        kept: KeptResults,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        pepper: bytes = b"",
    ) -> None:
        self.client, self.terms = client, terms
        self._budget, self._kept, self._now, self._pepper = budget, kept, now, pepper
        most = terms.keep.total_seconds()
        self._cache: TtlCache[str, _Kept] = TtlCache(clock, CacheTerms(entries=terms.entries, most=most))
        self._flights: SingleFlight[str, Consulted] = SingleFlight(linger=bool(terms.linger))
        self.breaker = Breaker(clock, terms.breaker)
        self._ages = type(client).aged is not Client.aged
        self._types = {signal.name: signal.type for signal in client.signals}

    @property
    def name(self) -> str:
        return self.client.name

    @property
    def signals(self) -> tuple[Signal, ...]:
        return self.client.signals

    async def ask(self, key: Key, deadline: float, *, again: bool = False) -> Consulted:
        """What the source says about a key, by `deadline`. It never raises for the network.

        `again` asks even though an answer is kept: for a person who wants to see today's.
        """
        text = self.client.cache_key(key)
        kept = None if again else self._cache.get(text)
        if kept is not None:
            return self._from(kept)
        began: list[bool] = []

        def begin() -> Coroutine[Any, Any, Consulted]:
            began.append(True)
            return self._consult(key, text, deadline, again)

        try:
            consulted = await self._flights.share(text, begin, deadline + GRACE)
        except TimeoutError:
            return self._nothing(Unknown(Why.TIMEOUT, f"{self.name} did not answer in time"))
        except Abandoned:
            return self._nothing(Unknown(Why.SKIPPED, "the program is closing"))
        return consulted if began else consulted._replace(cost=FREE)  # who began the question is who pays

    def kept(self, key: Key) -> Consulted | None:
        """What is kept about a key in memory, at once; None when nothing is."""
        kept = self._cache.get(self.client.cache_key(key))
        return self._from(kept) if kept is not None else None

    async def peek(self, key: Key) -> Consulted | None:
        """What is kept about a key; None when the source would have to be asked."""
        text = self.client.cache_key(key)
        kept = self._cache.get(text) or await self._recall(text)
        return self._from(kept) if kept else None

    async def aclose(self) -> None:
        """Give up what is under way."""
        await self._flights.aclose()

    async def _consult(self, key: Key, text: str, deadline: float, again: bool) -> Consulted:
        kept = None if again else await self._recall(text)
        if kept is not None:
            return self._from(kept)
        ticket = self.breaker.admit()
        if ticket is None:
            seconds = self.breaker.seconds_left()
            return self._nothing(
                Unknown(Why.CIRCUIT_OPEN, f"{self.name} kept failing and is left alone for {seconds:.0f} s"),
                asked=False,
            )
        reserved = await self._budget.reserve(self.name, self.client.price, self.client.sends)
        if isinstance(reserved, Unknown):
            self.breaker.let_go(ticket)
            return self._nothing(reserved, asked=False)
        lapse = _Lapse(self.breaker, ticket, deadline + GRACE)
        try:
            asked = await self.client.query(key, deadline + self.terms.linger.total_seconds())
        except LookupFailure as failure:
            lapse.ended(failed=failure.against_source, retry_after=failure.retry_after)
            await self._budget.settle(reserved, failure.cost if failure.reached else None)
            return self._nothing(failure.unknown, failure.cost)
        except asyncio.CancelledError:
            lapse.cancelled()  # the question may have arrived: its place in the budget stays taken
            raise
        lapse.ended(failed=False)
        await self._budget.settle(reserved, asked.cost)
        as_of = self._now()
        await self._keep(text, asked, as_of)
        return Consulted(*self.client.aged(asked, as_of), as_of)

    def _from(self, kept: _Kept) -> Consulted:
        if not self._ages:
            return kept.consulted  # the same object each time, by which others find what they made of it
        known, unknown, cost = self.client.aged(Asked(kept.known, kept.unknown), self._now())
        return Consulted(known, unknown, cost, kept.as_of, asked=False)

    def _nothing(self, unknown: Unknown, cost: Money = FREE, *, asked: bool = True) -> Consulted:
        return Consulted(*all_unknown(self.signals, unknown, cost), as_of=None, asked=asked)

    # keeping

    async def _keep(self, text: str, asked: Asked, as_of: datetime) -> None:
        """Keep an answer that asking again would not better: what is missing in it, the source does not have."""
        if any(unknown.why is not Why.NOT_PUBLISHED for unknown in asked.unknown.values()):
            return
        self._cache.put(text, _Kept.of(asked.known, asked.unknown, as_of), self.terms.keep.total_seconds())
        if self.terms.across_restarts:
            written = _written(asked, as_of)
            await self._kept.put(self.name, self._digest(text), Kept(written, as_of + self.terms.keep))

    async def _recall(self, text: str) -> _Kept | None:
        if not self.terms.across_restarts:
            return None
        written = await self._kept.get(self.name, self._digest(text))
        now = self._now()
        if written is None or written.until is None or written.until <= now:
            return None
        kept = self._read(written.text)
        if kept is not None:
            self._cache.put(text, kept, (written.until - now).total_seconds())
        return kept

    def _digest(self, text: str) -> str:
        return hashlib.blake2b(text.encode(), digest_size=20, key=self._pepper).hexdigest()

    def _read(self, written: str) -> _Kept | None:
        """A kept answer; None when it was written for other signals than today's."""
        try:
            raw = json.loads(written)
            known = {name: fact_value(self._types[name], value) for name, value in raw["known"].items()}
            unknown = {name: Unknown(Why(why), detail) for name, (why, detail) in raw["unknown"].items()}
            as_of = datetime.fromisoformat(raw["as_of"])
        except (ValueError, KeyError, TypeError, AttributeError, FactError):
            return None
        return _Kept.of(known, unknown, as_of) if known.keys() | unknown.keys() == self._types.keys() else None


def _written(asked: Asked, as_of: datetime) -> str:
    known = ",".join(f"{json.dumps(name)}:{value_json(value)}" for name, value in asked.known.items())
    unknown = json.dumps({name: [why.why.value, why.detail] for name, why in asked.unknown.items()})
    return f'{{"as_of":"{as_of.isoformat()}","known":{{{known}}},"unknown":{unknown}}}'

"""What a client says when it was asked, and how it says that it could not find out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from kycrisk.lookups.secrets import Redactor
from kycrisk.money import FREE, Money
from kycrisk.signals import NOTHING, Signal, Unknown, Value, Why

Key = TypeVar("Key")


class Asked(NamedTuple):
    """What a client says about one key: each of its signals stands in exactly one of the first two.

    `cost` is what this answer cost, `FREE` when nothing was charged.
    """

    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown] = NOTHING
    cost: Money = FREE


class LookupFailure(Exception):
    """Nothing could be found out: why, and what the source asks of those who come again.

    `against_source` says that the source failed, so that its circuit breaker counts it; a refusal of one key, or
    something missing on our side, says nothing about the source. `reached` is false when the question surely never
    left the house, so that it does not count against a quota. `retry_after` is how many seconds the source wants to be
    left alone, 0 when it does not say. `cost` is what the attempt cost all the same.
    """

    def __init__(
        self,
        why: Why,
        detail: str,
        *,
        against_source: bool = True,
        reached: bool = True,
        retry_after: float = 0.0,
        status: int = 0,
        cost: Money = FREE,
    ) -> None:
        super().__init__(detail)
        self.unknown = Unknown(why, detail)
        self.against_source, self.reached = against_source, reached
        self.retry_after = retry_after
        self.status = status  # of HTTP; 0 when there was no answer
        self.cost = cost

    def redacted(self, redactor: Redactor) -> LookupFailure:
        """The same without secrets in its words."""
        return LookupFailure(
            self.unknown.why,
            redactor.redact(self.unknown.detail),
            against_source=self.against_source,
            reached=self.reached,
            retry_after=self.retry_after,
            status=self.status,
            cost=self.cost,
        )


def all_unknown(signals: tuple[Signal, ...], unknown: Unknown, cost: Money = FREE) -> Asked:
    """The answer when nothing could be found out."""
    return Asked({}, {signal.name: unknown for signal in signals}, cost)


def without_secrets(asked: Asked, redactor: Redactor) -> Asked:
    """The answer without secrets: a service may well echo the key that it was sent."""
    known = {
        name: redactor.redact(value)
        if isinstance(value, str)
        else frozenset(redactor.redact(item) if isinstance(item, str) else item for item in value)
        if isinstance(value, frozenset)
        else value
        for name, value in asked.known.items()
    }
    unknown = {name: Unknown(each.why, redactor.redact(each.detail)) for name, each in asked.unknown.items()}
    return Asked(known, unknown, asked.cost)


class Client(Generic[Key]):
    """A client of one source. `query` speaks to the source, `ask` is the same without exceptions.

    What comes out of both holds no secret of the `redactor`, whatever the source said.

    `price` is what one question costs at most; `sends` names the personal data that a question carries out of the
    house (see `kycrisk.personal_data.Personal`).
    """

    name: str
    signals: tuple[Signal, ...]
    price: Money = FREE
    sends: frozenset[str] = frozenset()
    redactor: Redactor

    def cache_key(self, key: Key) -> str:
        """The key as text: equal texts are one question to the source."""
        raise NotImplementedError

    def aged(self, asked: Asked, now: datetime) -> Asked:
        """An answer as it reads at `now`: what follows from the time that has passed is worked out here."""
        return asked

    async def query(self, key: Key, deadline: float) -> Asked:
        """Ask the source, to be done at `deadline` (a moment of the event loop's clock). Raises `LookupFailure`."""
        try:
            return without_secrets(await self._query(key, deadline), self.redactor)
        except LookupFailure as failure:
            raise failure.redacted(self.redactor) from None

    async def _query(self, key: Key, deadline: float) -> Asked:
        raise NotImplementedError

    async def ask(self, key: Key, deadline: float) -> Asked:
        """Ask the source; what could not be found out is unknown, with the reason."""
        try:
            return await self.query(key, deadline)
        except LookupFailure as failure:
            return all_unknown(self.signals, failure.unknown, failure.cost)

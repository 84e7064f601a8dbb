"""Answers that are kept: in memory with each answer's own lifetime, and across restarts through a port."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTerms:
    """How many answers are kept, and between which bounds (seconds) the lifetime that an answer names is taken."""

    entries: int = 10_000
    least: float = 0.0
    most: float = 86_400.0

    def __post_init__(self) -> None:
        if self.entries < 1 or not 0 <= self.least <= self.most:
            raise ValueError("a cache keeps at least one entry, and `least` is between 0 and `most`")


DEFAULT_TERMS = CacheTerms()


class TtlCache(Generic[Key, Value]):
    """A bounded map whose entries end. The one that was used longest ago goes first."""

    __slots__ = ("_clock", "_entries", "terms")

    def __init__(self, clock: Callable[[], float], terms: CacheTerms = DEFAULT_TERMS) -> None:
        self._clock, self.terms = clock, terms
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """What is kept for a key; None when nothing is, or not any more."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Key, value: Value, ttl: float) -> None:
        """Keep a value for `ttl` seconds, within the terms; with 0 or less after that it is not kept."""
        ttl = min(max(ttl, self.terms.least), self.terms.most)
        if ttl <= 0:
            self._entries.pop(key, None)
            return
        self._entries[key] = (self._clock() + ttl, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self.terms.entries:
            self._entries.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Forget a key."""
        self._entries.pop(key, None)


class Kept(NamedTuple):
    """A text that is kept across restarts until a moment (None: for good)."""

    text: str
    until: datetime | None = None


#: What is to be kept in place of what is; None leaves it as it is. It is quick, and perhaps called twice.
Change = Callable[[Kept | None], Kept | None]


class KeptResults(Protocol):
    """Where results are kept across restarts: texts by a space (`fraudrecord`, `budget`) and a key."""

    async def get(self, space: str, key: str) -> Kept | None:
        """What is kept, None when nothing is. What is past its `until` may still be given."""

    async def put(self, space: str, key: str, kept: Kept) -> None:
        """Keep a text in place of what was there."""

    async def alter(self, space: str, key: str, change: Change) -> None:
        """Keep what `change` makes of what is kept. Nobody comes in between, in whatever process that shares it."""


class MemoryResults:
    """Results that end with the process: for tests, and for sites that keep nothing."""

    def __init__(self, entries: int = 100_000) -> None:
        self._limit = entries
        self._entries: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    async def get(self, space: str, key: str) -> Kept | None:
        """What is kept, None when nothing is."""
        return self._entries.get((space, key))

    async def put(self, space: str, key: str, kept: Kept) -> None:
        """Keep a text; beyond the limit the oldest goes."""
        self._entries[space, key] = kept
        self._entries.move_to_end((space, key))
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    async def alter(self, space: str, key: str, change: Change) -> None:
        """Keep what `change` makes of what is kept."""
        made = change(self._entries.get((space, key)))
        if made is not None:
            await self.put(space, key, made)

"""The catalogue of list sources: where each list comes from, what it is for, how far it is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Trust = Literal["trusted", "corroborating"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source of one list.

    `lineage` names the upstream whose knowledge this is; feeds of one lineage are one witness, however many list
    something. `copies` names further lineages that the upstream takes entries from: where one of those also lists
    something, this feed adds nothing (see `independent_lineages`).
    `copy_of` names a feed that carries the same list by another road: while either is fresh, nothing is missing.
    `minimum` is the number of entries below which what came cannot be the list; `max_bytes` bounds its size, packed
    and unpacked.
    """

    name: str
    title: str
    purpose: str
    kind: str
    url: str
    licence: str
    lineage: str
    trust: Trust
    refresh: timedelta
    max_age: timedelta
    enabled: bool = True
    copies: tuple[str, ...] = ()
    copy_of: str = ""
    minimum: int = 1
    max_bytes: int = 64 * 1024 * 1024
    credit: str = ""


def independent_lineages(feeds: Iterable[Feed]) -> tuple[str, ...]:
    """The lineages among these feeds that did not take their knowledge from another one among them, sorted.

    A domain that stands in a list and in two aggregates of that list is one witness, not three.
    """
    named = sorted({feed.lineage for feed in feeds})
    sources = {feed.lineage: set(feed.copies) - {feed.lineage} for feed in feeds}
    independent = [lineage for lineage in named if not sources[lineage] & set(named)]
    return tuple(independent or named[:1])  # lineages that all copy each other are one witness


def by_name(feeds: Sequence[Feed]) -> dict[str, Feed]:
    """The feeds under their names."""
    return {feed.name: feed for feed in feeds}

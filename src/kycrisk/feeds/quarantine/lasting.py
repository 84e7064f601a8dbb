"""Entries that have been in a list for long: who removes many of them at once removes what was known to be right.

Lists of addresses are renewed by half overnight, and what comes and goes is the young half. So what stood for a month
is watched apart. No list is remembered in full for that: the 400 entries with the smallest checksums are a sample that
stays the same while the list does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from ipaddress import ip_network
from types import MappingProxyType
from zlib import crc32

from kycrisk.feeds.match import AnySet, NetworkSet

#: Entries of a list that are remembered, each with the day (since 1970) on which it was seen first.
SAMPLE = 400
#: Days from which on an entry has been there for long.
LONG = 30
#: Fewer of them than this tell nothing.
FEWEST = 30
_SECONDS = 86_400

Sample = Mapping[str, int]
NO_SAMPLE: Sample = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Of the sampled entries so many have been there for long, and so many of these are gone."""

    there: int
    gone: int
    examples: tuple[str, ...] = ()


def day_of(moment: datetime) -> int:
    """Days since 1970 (UTC)."""
    return int(moment.timestamp() // _SECONDS)


def order(entry: str) -> tuple[int, str]:
    """Entries with the smallest of these are the sample."""
    return crc32(entry.encode()), entry


def sampled(names: Iterable[str], known: Sample, today: int) -> dict[str, int]:
    """The sample of a version by the names of its entries, given that of the version before."""
    return {name: known.get(name, today) for name in nsmallest(SAMPLE, names, key=order)}


def names_of(entries: AnySet) -> Iterable[str]:
    """The entries as texts."""
    return map(str, entries) if isinstance(entries, NetworkSet) else entries.entries


def lasting(known: Sample, today: int, has: Callable[[str], bool]) -> Lasting | None:
    """What became of entries that have been there for long; None where they are too few to tell."""
    old = [name for name, since in known.items() if today - since >= LONG]
    if len(old) < FEWEST:
        return None
    gone = [name for name in old if not has(name)]
    return Lasting(there=len(old), gone=len(gone), examples=tuple(gone[:10]))


def holder(entries: AnySet) -> Callable[[str], bool]:
    """Whether a version holds an entry, a network also as a part of others."""
    if not isinstance(entries, NetworkSet):
        return entries.entries.__contains__

    def has(name: str) -> bool:
        network = ip_network(name)
        return all(entries.find(end) is not None for end in (network.network_address, network.broadcast_address))

    return has

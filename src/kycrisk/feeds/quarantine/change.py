"""What is different between two versions of a list."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise

from kycrisk.feeds.match import AnySet, Network, NetworkSet, pieces
from kycrisk.feeds.quarantine.popular import named_networks

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How many entries a version adds and removes, with some of both.

    For networks the addresses count too: `covered` is how many the old version covers, in IPv4 addresses and IPv6 /64s.
    `popular` are the networks that many stand behind and that only the new version covers.
    """

    size: int
    added: int
    removed: int
    added_examples: tuple[str, ...] = ()
    removed_examples: tuple[str, ...] = ()
    covered: int = 0
    newly_covered: int = 0
    no_longer_covered: int = 0
    popular: tuple[str, ...] = ()


def change_between(old: AnySet, new: AnySet) -> Change:
    """What the new version changes. Of networks the widest are shown, of names the shortest."""
    if isinstance(old, NetworkSet) and isinstance(new, NetworkSet):
        return _of_networks(old, new)
    if isinstance(old, NetworkSet) or isinstance(new, NetworkSet):
        raise TypeError("a list of names cannot be compared with a list of networks")
    added, removed = new.entries - old.entries, old.entries - new.entries
    return Change(
        size=len(old),
        added=len(added),
        removed=len(removed),
        added_examples=tuple(nsmallest(SHOWN, added, key=_short)),
        removed_examples=tuple(nsmallest(SHOWN, removed, key=_short)),
    )


def _short(name: str) -> tuple[int, str]:
    return len(name), name


def _of_networks(old: NetworkSet, new: NetworkSet) -> Change:
    before, after = set(old), set(new)
    added, removed = after - before, before - after
    covered, gone, come = (sum(numbers) for numbers in zip(_cover(old, new, 4), _cover(old, new, 6), strict=True))
    return Change(
        size=len(before),
        added=len(added),
        removed=len(removed),
        added_examples=tuple(map(str, nsmallest(SHOWN, added, key=_wide))),
        removed_examples=tuple(map(str, nsmallest(SHOWN, removed, key=_wide))),
        covered=covered,
        newly_covered=come,
        no_longer_covered=gone,
        popular=tuple(map(str, sorted(named_networks(new) - named_networks(old), key=_wide))),
    )


def _wide(network: Network) -> tuple[int, int, int]:
    return network.version, network.prefixlen, int(network.network_address)


def _cover(old: NetworkSet, new: NetworkSet, version: int) -> tuple[int, int, int]:
    """How much the old set covers, how much of it is gone, and how much has come."""
    starts, held = pieces([old.blocks(version), new.blocks(version)])
    sizes = [0, 0, 0, 0]  # by who covers: nobody, the old one, the new one, both
    for (start, end), who in zip(pairwise(starts), held, strict=False):  # nobody covers what is behind the last cut
        sizes[who] += end - start
    if version == 6:
        sizes = [size >> 64 for size in sizes]
    return sizes[1] + sizes[3], sizes[1], sizes[2]

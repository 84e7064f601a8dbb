"""What many people stand behind: the largest mailbox providers, public resolvers, the networks of clouds."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from ipaddress import ip_network

from kycrisk.feeds.hygiene import with_parents
from kycrisk.feeds.match import Network, NetworkSet
from kycrisk.shipped import shipped_entries


@lru_cache(maxsize=1)
def popular_domains() -> frozenset[str]:
    """The largest mailbox providers, with their parents."""
    return with_parents(shipped_entries("data/lists/popular_domain.txt"))


@lru_cache(maxsize=1)
def popular_networks() -> tuple[Network, ...]:
    """Public resolvers and root name servers, each an address, and large networks of clouds."""
    return tuple(map(ip_network, shipped_entries("data/lists/popular_network.txt")))


def named_networks(entries: NetworkSet) -> frozenset[Network]:
    """The popular networks of which a list covers more than half. What it names within them by the way counts as little
    as it is."""
    found: set[Network] = set()
    for version in (4, 6):
        blocks = list(entries.blocks(version))
        ends = [end for _, end in blocks]
        for network in popular_networks():
            if network.version == version and 2 * _covered(blocks, ends, network) > network.num_addresses:
                found.add(network)
    return frozenset(found)


def _covered(blocks: list[tuple[int, int]], ends: list[int], network: Network) -> int:
    """How many addresses of a network disjoint blocks cover; `ends` are where they end, in order."""
    first, behind = int(network.network_address), int(network.broadcast_address) + 1
    covered = 0
    for index in range(bisect_left(ends, first + 1), len(blocks)):
        start, end = blocks[index]
        if start >= behind:
            break
        covered += min(end, behind) - max(start, first)
    return covered

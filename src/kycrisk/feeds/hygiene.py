"""What no upstream may list, however it got there: public suffixes, protected domains, special-purpose networks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    summarize_address_range,
)

import publicsuffixlist

from kycrisk.feeds.match import Network
from kycrisk.special_networks import SEGMENTS_V4, SEGMENTS_V6

#: No real list names more than a /8 of IPv4 or a /16 of IPv6 at once (the widest seen are /9 and /24); an entry
#: beyond that is an accident that would accuse a continent.
WIDEST_V4 = 8
WIDEST_V6 = 16


class Suffixes:
    """The names on or above a public suffix: listing one would accuse everybody who registered below it.

    A rule `*.ck` makes every name right below `ck` a suffix; `!www.ck` takes one out again. Names above a suffix
    (`uk` above `co.uk`, `amazonaws.com` above `s3.amazonaws.com`) are shared in the same way.
    """

    def __init__(self, rules: Iterable[str]) -> None:
        named: set[str] = set()
        wildcards: set[str] = set()
        exceptions: set[str] = set()
        for rule in rules:
            if rule.startswith("!"):
                exceptions.add(rule[1:])
            elif rule.startswith("*."):
                wildcards.add(rule[2:])
                named.add(rule[2:])
            else:
                named.add(rule)
        for rule in tuple(named):
            while (dot := rule.find(".")) > 0:
                rule = rule[dot + 1 :]
                named.add(rule)
        self._named = frozenset(named)
        self._wildcards = frozenset(wildcards)
        self._exceptions = frozenset(exceptions)

    def shared(self, domain: str) -> bool:
        """Is this domain on or above a public suffix? A single label always is."""
        if domain in self._named:
            return True
        parent = domain.partition(".")[2]
        return not parent or (parent in self._wildcards and domain not in self._exceptions)

    def named(self, domain: str) -> bool:
        """Is this domain a suffix, or above one, by the list itself? A name such as `localhost` is not."""
        return domain in self._named


@lru_cache(maxsize=2)
def suffixes(*, registries_only: bool = False) -> Suffixes:
    """The public suffixes that ship with `publicsuffixlist`; of registries only, or of providers as well."""
    rules: list[str] = []
    with open(publicsuffixlist.PSLFILE, encoding="utf-8") as file:
        for line in file:
            if registries_only and line.startswith("// ===END ICANN DOMAINS==="):
                break
            rule = line.split(maxsplit=1)[0] if not line.isspace() else "//"
            if not rule.startswith("//"):
                rules.append(rule if rule.isascii() else _a_labels(rule))
    return Suffixes(rules)


def _a_labels(rule: str) -> str:
    # Python's codec speaks IDNA 2003, which agrees with the current one on every name in the list of 2026-10-23.
    return rule.encode("idna").decode("ascii")


def with_parents(domains: Iterable[str]) -> frozenset[str]:
    """Domains and everything above them: an entry on any of these would also catch the domain."""
    names: set[str] = set()
    for domain in domains:
        while domain and domain not in names:
            names.add(domain)
            domain = domain.partition(".")[2]
    return frozenset(names)


def public_parts(network: Network) -> tuple[Network, ...]:
    """What of a network may be listed: all of it, nothing, or the public parts around special-purpose blocks.

    A block inside a documentation range is kept, so that examples and samples can be listed; an entry that covers
    the whole range is a bogon list's and is not.
    """
    starts, kinds = SEGMENTS_V4 if network.version == 4 else SEGMENTS_V6
    first, last = int(network.network_address), int(network.broadcast_address)
    from_, to = bisect_right(starts, first) - 1, bisect_right(starts, last) - 1
    if from_ == to:
        end = starts[from_ + 1] - 1 if from_ + 1 < len(starts) else last
        inside = (first, last) != (starts[from_], end)
        return (network,) if not kinds[from_] or (kinds[from_] == "documentation" and inside) else ()
    parts: list[Network] = []
    for index in range(from_, to + 1):
        if kinds[index]:
            continue
        low = max(first, starts[index])
        high = min(last, starts[index + 1] - 1) if index < to else last
        parts += _blocks(network.version, low, high)
    return tuple(parts)


def _blocks(version: int, low: int, high: int) -> Iterable[Network]:
    if version == 4:
        return summarize_address_range(IPv4Address(low), IPv4Address(high))
    return summarize_address_range(IPv6Address(low), IPv6Address(high))


def too_wide(network: Network) -> bool:
    """Does the network name more of the Internet than any list has a reason to?"""
    match network:
        case IPv4Network():
            return network.prefixlen < WIDEST_V4
        case IPv6Network():
            return network.prefixlen < WIDEST_V6


def holds_whole_block(network: Network) -> bool:
    """Is this special-purpose network a block such as 10.0.0.0/8, and not an address that strayed into a list?"""
    return network.prefixlen <= (16 if network.version == 4 else 32)

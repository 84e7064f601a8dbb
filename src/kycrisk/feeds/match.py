"""Is this domain, address or network in the list? Compiled sets that answer in a microsecond."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import accumulate
from operator import xor

from kycrisk.signals import IP

Network = IPv4Network | IPv6Network
_LOW = 2**64 - 1


@dataclass(frozen=True, slots=True)
class DomainSet:
    """Domains that stand for themselves and everything below them; lower-case A-labels."""

    entries: frozenset[str]

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, key: str | IP) -> str | None:
        """The closest entry on or above a domain, on label boundaries: `a.b.example` finds `b.example`."""
        if not isinstance(key, str):
            raise TypeError(f"a list of domains cannot be asked about {key!r}")
        entries = self.entries
        while key not in entries:
            dot = key.find(".")
            if dot < 0:
                return None
            key = key[dot + 1 :]
        return key


def names_above(domain: str) -> tuple[str, ...]:
    """A domain and all that it lies below, on label boundaries: where a `DomainSet` finds it."""
    names, dot = [domain], domain.find(".")
    while dot >= 0:
        names.append(domain[dot + 1 :])
        dot = domain.find(".", dot + 1)
    return tuple(names)


@dataclass(frozen=True, slots=True)
class AddressSet:
    """Exact e-mail addresses, in lower case."""

    entries: frozenset[str]

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, key: str | IP) -> str | None:
        """The address itself when it is listed; case does not count."""
        if not isinstance(key, str):
            raise TypeError(f"a list of e-mail addresses cannot be asked about {key!r}")
        folded = key.lower()
        return folded if folded in self.entries else None


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """IPv4 and IPv6 networks, none inside another, sorted by their first address.

    CIDR blocks either nest or are disjoint, so dropping the nested ones leaves disjoint blocks and one bisection
    finds the only candidate. IPv6 starts are kept as two 64-bit columns, which bisect reads without a Python call.
    """

    starts_v4: array[int]  # 'I'
    prefixes_v4: bytes
    high_v6: array[int]  # 'Q'
    low_v6: array[int]  # 'Q'
    prefixes_v6: bytes

    @classmethod
    def of(cls, networks: Iterable[Network]) -> NetworkSet:
        """The set of these networks; blocks inside a listed block are dropped, as they add nothing."""
        v4: set[tuple[int, int]] = set()
        v6: set[tuple[int, int]] = set()
        for network in networks:
            (v4 if network.version == 4 else v6).add((int(network.network_address), network.prefixlen))
        kept_v4 = list(_outermost(v4, 32))
        kept_v6 = list(_outermost(v6, 128))
        return cls(
            array("I", [start for start, _ in kept_v4]),
            bytes(prefix for _, prefix in kept_v4),
            array("Q", [start >> 64 for start, _ in kept_v6]),
            array("Q", [start & _LOW for start, _ in kept_v6]),
            bytes(prefix for _, prefix in kept_v6),
        )

    def __len__(self) -> int:
        return len(self.prefixes_v4) + len(self.prefixes_v6)

    def __iter__(self) -> Iterator[Network]:
        for start, prefix in zip(self.starts_v4, self.prefixes_v4, strict=True):
            yield IPv4Network((start, prefix))
        for high, low, prefix in zip(self.high_v6, self.low_v6, self.prefixes_v6, strict=True):
            yield IPv6Network((high << 64 | low, prefix))

    def blocks(self, version: int) -> Iterator[tuple[int, int]]:
        """The networks of an IP version as (first address, the one behind the last), in order."""
        if version == 4:
            for start, prefix in zip(self.starts_v4, self.prefixes_v4, strict=True):
                yield start, start + (1 << (32 - prefix))
        else:
            for high, low, prefix in zip(self.high_v6, self.low_v6, self.prefixes_v6, strict=True):
                yield high << 64 | low, (high << 64 | low) + (1 << (128 - prefix))

    def find(self, key: str | IP) -> str | None:
        """The listed network that holds an address, as text; a single address is written without its prefix."""
        if isinstance(key, IPv4Address):
            number = int(key)
            index = bisect_right(self.starts_v4, number) - 1
            if index < 0:
                return None
            start, prefix = self.starts_v4[index], self.prefixes_v4[index]
            if (number ^ start) >> (32 - prefix):
                return None
            return str(key) if prefix == 32 else f"{IPv4Address(start)}/{prefix}"
        if isinstance(key, IPv6Address):
            return self._find_v6(int(key))
        raise TypeError(f"a list of networks cannot be asked about {key!r}")

    def _find_v6(self, number: int) -> str | None:
        high, low = number >> 64, number & _LOW
        index = bisect_right(self.high_v6, high)
        if index and self.high_v6[index - 1] == high:  # several blocks may share their upper half
            first = bisect_left(self.high_v6, high, 0, index)
            index = bisect_right(self.low_v6, low, first, index)
        index -= 1
        if index < 0:
            return None
        start, prefix = self.high_v6[index] << 64 | self.low_v6[index], self.prefixes_v6[index]
        if (number ^ start) >> (128 - prefix):
            return None
        return str(IPv6Address(start)) if prefix == 128 else f"{IPv6Address(start)}/{prefix}"


class NetworkIndex:
    """Many sets of networks in one: which of them hold an address, by a single bisection.

    The address space is cut wherever a network of any set begins or ends; each piece knows the sets that cover it.
    The pieces of IPv4 that start in one /16 are found by its number, which leaves a few of them to bisect.
    """

    __slots__ = ("_behind_v4", "_v4", "_v6")

    def __init__(self, sets: Sequence[NetworkSet]) -> None:
        self._v4 = pieces([each.blocks(4) for each in sets])
        self._v6 = pieces([each.blocks(6) for each in sets])
        starts = self._v4[0]
        #: How many pieces start before each /16.
        self._behind_v4 = array("I", [bisect_left(starts, block << 16) for block in range(2**16 + 1)])

    def holding(self, ip: IP) -> int:
        """The sets that hold an address: bit 0 for the first, bit 1 for the second, and so on."""
        number = int(ip)
        if isinstance(ip, IPv4Address):
            starts, held = self._v4
            block = number >> 16
            piece = bisect_right(starts, number, self._behind_v4[block], self._behind_v4[block + 1]) - 1
        else:
            starts, held = self._v6
            piece = bisect_right(starts, number) - 1
        return held[piece] if piece >= 0 else 0


def pieces(sets: Sequence[Iterable[tuple[int, int]]]) -> tuple[list[int], list[int]]:
    """Where each piece of the address space starts, and the sets that cover it. Blocks are (first, behind the last).

    The blocks of a set are disjoint, so each of their ends switches the set's bit.
    """
    switched: dict[int, int] = {}
    for number, blocks in enumerate(sets):
        bit = 1 << number
        for first, behind in blocks:
            switched[first] = switched.get(first, 0) ^ bit
            switched[behind] = switched.get(behind, 0) ^ bit
    starts = sorted(switched)
    return starts, list(accumulate([switched[start] for start in starts], xor))


AnySet = DomainSet | AddressSet | NetworkSet


def _outermost(blocks: Iterable[tuple[int, int]], bits: int) -> Iterator[tuple[int, int]]:
    end = -1
    for start, prefix in sorted(blocks):  # at one start the widest comes first
        if start > end:
            yield start, prefix
            end = start + (1 << (bits - prefix)) - 1


def column(typecode: str, raw: bytes) -> array[int]:
    """A column of little-endian numbers, as they lie on disk."""
    numbers: array[int] = array(typecode)
    numbers.frombytes(raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def raw_column(numbers: array[int]) -> bytes:
    """The inverse of `column`."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()

"""From keys to the rows of accounts that have them: sorted distinct keys, and the rows of each behind one another.

Domains are sorted by their labels from the right, each with a dot behind it, so everything on and below a domain is
one range: `com.example.` and `com.example.mail.` lie together, and `com.example-mail.` does not lie between them.
Addresses are numbers, so a network is a range. Everything else is looked up as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from kycrisk.feeds.match import Network

_NO_ROWS = pl.Series([], dtype=pl.UInt32)
_V4, _V6 = pl.UInt32, pl.UInt128


@dataclass(frozen=True, slots=True)
class SortedKeys:
    """Distinct keys in order; the rows of key n are those from `offsets[n]` to `offsets[n + 1]`, ascending."""

    keys: pl.Series
    offsets: pl.Series
    rows: pl.Series

    @classmethod
    def of(cls, keys: pl.Series) -> SortedKeys:
        """The keys of a column. A row without a key is found by none."""
        rows = pl.int_range(len(keys), dtype=pl.UInt32, eager=True)
        table = pl.DataFrame({"key": keys, "row": rows}).drop_nulls("key").sort("key", "row")
        runs = table["key"].rle().struct.unnest()
        return cls(runs["value"], _offsets(runs["len"]), table["row"])

    @classmethod
    def read_as(cls, given: pl.Series, distinct: pl.Series, keys: pl.Series) -> SortedKeys:
        """The index of a column by what its values are read as: `keys` has the key of each of the distinct values.

        The column itself is sorted by the numbers of its keys, which is faster than by texts.
        """
        key_of = pl.DataFrame({"given": distinct, "key": keys}).sort("key")
        rows = pl.int_range(len(given), dtype=pl.UInt32, eager=True)
        numbered = key_of.select("given").with_row_index("number")
        table = pl.DataFrame({"given": given, "row": rows}).join(numbered, on="given").sort("number", "row")
        return cls(key_of["key"], _offsets(table["number"].rle().struct.field("len")), table["row"])

    def between(self, first: pl.Series, behind: pl.Series) -> pl.Series:
        """The rows of the keys from each `first` up to its `behind`, without that; ascending, each once."""
        return self._rows(self.keys.search_sorted(first), self.keys.search_sorted(behind))

    def through(self, first: pl.Series, last: pl.Series) -> pl.Series:
        """The rows of the keys from each `first` to its `last`; ascending, each once."""
        return self._rows(self.keys.search_sorted(first), self.keys.search_sorted(last, side="right"))

    def _rows(self, first: pl.Series, behind: pl.Series) -> pl.Series:
        spans = pl.DataFrame({"first": self.offsets.gather(first), "behind": self.offsets.gather(behind)})
        spans = spans.filter(pl.col("first") < pl.col("behind"))
        if not spans.height:
            return _NO_ROWS
        places = spans.select(pl.int_ranges("first", "behind")).to_series().explode()
        return self.rows.gather(places).unique().sort()


def _offsets(lengths: pl.Series) -> pl.Series:
    return pl.concat([pl.Series([0], dtype=pl.Int64), lengths.cast(pl.Int64).cum_sum()])


@dataclass(frozen=True, slots=True)
class DomainKeys:
    """The rows of e-mail domains."""

    sorted: SortedKeys

    @classmethod
    def of(cls, domains: pl.Series) -> DomainKeys:
        """The index of a column of domains; null and the empty text are nobody's."""
        distinct = domains.drop_nulls().unique()
        distinct = distinct.filter(distinct != "")
        return cls(SortedKeys.read_as(domains, distinct, _from_the_right(distinct)))

    def under(self, entries: Iterable[str]) -> pl.Series:
        """The rows whose domain is one of these or below one; ascending, each once."""
        names = sorted(".".join(reversed(entry.split("."))) for entry in entries)
        first = pl.Series([f"{name}." for name in names], dtype=pl.String)
        return self.sorted.between(first, pl.Series([f"{name}/" for name in names], dtype=pl.String))  # next to the dot


def _from_the_right(domains: pl.Series) -> pl.Series:
    return domains.str.split(".").list.reverse().list.join(".") + "."


@dataclass(frozen=True, slots=True)
class AddressKeys:
    """The rows of IP addresses, IPv4 and IPv6 apart. A zone does not count: no list knows one."""

    v4: SortedKeys
    v6: SortedKeys

    @classmethod
    def of(cls, addresses: pl.Series) -> AddressKeys:
        """The index of a column of octets."""
        table = pl.DataFrame({"octets": addresses}).with_columns(size=pl.col("octets").bin.size())
        four, six = (
            table.select(pl.when(of_version).then(pl.col("octets").bin.slice(0, length))).to_series()
            for of_version, length in ((pl.col("size") == 4, 4), (pl.col("size") > 4, 16))
        )
        return cls(SortedKeys.of(_numbers(four, _V4)), SortedKeys.of(_numbers(six, _V6)))

    def inside(self, blocks: Mapping[int, Iterable[tuple[int, int]]]) -> pl.Series:
        """The rows in these blocks, given by IP version as (first address, the one behind the last)."""
        found = []
        for version, keys, dtype in ((4, self.v4, _V4), (6, self.v6, _V6)):
            ends = sorted(blocks.get(version, ()))
            first = pl.Series([start for start, _ in ends], dtype=dtype)
            found.append(keys.through(first, pl.Series([behind - 1 for _, behind in ends], dtype=dtype)))
        return pl.concat(found).unique().sort()


def blocks_of(networks: Iterable[Network]) -> dict[int, list[tuple[int, int]]]:
    """Networks as blocks of numbers, by IP version."""
    found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    for network in networks:
        start = int(network.network_address)
        found[network.version].append((start, start + network.num_addresses))
    return found


def _numbers(octets: pl.Series, dtype: type[pl.DataType]) -> pl.Series:
    return octets.bin.reinterpret(dtype=dtype, endianness="big")


@dataclass(frozen=True, slots=True)
class TextKeys:
    """The rows of texts that are compared as a whole: mailboxes, telephone numbers, hashes, accounts."""

    sorted: SortedKeys

    @classmethod
    def of(cls, texts: pl.Series) -> TextKeys:
        return cls(SortedKeys.of(texts))

    def equal(self, texts: Iterable[str]) -> pl.Series:
        """The rows that have one of these; ascending, each once."""
        wanted = pl.Series(sorted(texts), dtype=pl.String)
        return self.sorted.through(wanted, wanted)

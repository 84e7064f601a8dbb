"""Which lists hold the keys of a column? Asked of all distinct keys at once, by joins (needs Polars).

Keys that the same lists hold are one class: whatever lists say of a key, they say of every key of its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

import polars as pl

from kycrisk.feeds.match import NetworkSet
from kycrisk.signals import IP
from kycrisk.special_networks import SEGMENTS_V4, SEGMENTS_V6

#: Lists that are told apart; each is one bit of a number.
MOST_LISTS = 63


class DomainClasses:
    """Sets of domains, asked together. Each entry stands for itself and everything below it."""

    __slots__ = ("_entries", "_fewest_dots")

    def __init__(self, sets: Sequence[Iterable[str]]) -> None:
        _check(len(sets))
        named = [
            pl.DataFrame({"name": pl.Series(list(entries), dtype=pl.String)}).with_columns(
                held=pl.lit(1 << number, pl.UInt64)
            )
            for number, entries in enumerate(sets)
        ]
        empty = pl.DataFrame(schema={"name": pl.String, "held": pl.UInt64})
        self._entries = pl.concat([empty, *named]).group_by("name").agg(pl.col("held").bitwise_or())
        dots = self._entries["name"].str.count_matches(".", literal=True).min()
        self._fewest_dots = dots if isinstance(dots, int) else 0

    def holding(self, domains: pl.Series) -> pl.Series:
        """For each domain the sets that hold it: bit 0 for the first, bit 1 for the second. Null is in none.

        Each round looks the names up and takes the first labels off those that are still longer than some entry.
        """
        dots = pl.col("name").str.count_matches(".", literal=True)
        names = pl.DataFrame({"name": domains}).with_row_index("row")
        found = [names.join(self._entries, on="name").select("row", "held")]
        names = names.with_columns(dots=dots).filter(pl.col("dots") > self._fewest_dots)
        while names.height:
            names = names.with_columns(
                name=pl.col("name").str.splitn(".", 2).struct.field("field_1"), dots=pl.col("dots") - 1
            )
            found.append(names.join(self._entries, on="name").select("row", "held"))
            names = names.filter(pl.col("dots") > self._fewest_dots)
        listed = pl.concat(found).group_by("row").agg(pl.col("held").bitwise_or())
        return pl.zeros(len(domains), pl.UInt64, eager=True).scatter(listed["row"], listed["held"])


class AddressClasses:
    """Sets of networks, asked together, and what kind of address each is.

    The address space is cut wherever a network of any set or a special-purpose block begins or ends. Pieces of the
    same kind that the same sets hold are one class; `members` has an address of each, by its number.
    """

    __slots__ = ("_v4", "_v6", "members")

    def __init__(self, sets: Sequence[NetworkSet]) -> None:
        _check(len(sets))
        self.members: list[IP] = []
        self._v4, self._v6 = (self._pieces(sets, version) for version in (4, 6))

    def _pieces(self, sets: Sequence[NetworkSet], version: int) -> tuple[pl.Series, pl.Series]:
        """Where each piece begins, and the number of its class."""
        special = SEGMENTS_V4 if version == 4 else SEGMENTS_V6
        codes = {kind: code for code, kind in enumerate(dict.fromkeys(special.kinds))}
        begins = pl.Series(special.starts, dtype=pl.UInt128)
        switches = [pl.DataFrame({"at": begins, "held": pl.zeros(len(begins), pl.Int64, eager=True)})]
        switches += [each for number, one in enumerate(sets) for each in _switches(one, version, 1 << number)]
        cuts = pl.concat(switches).sort("at").with_columns(pl.col("held").cum_sum())
        cuts = cuts.filter(pl.col("at").ne_missing(pl.col("at").shift(-1)))  # all that is switched at one address
        kinds = pl.Series([codes[kind] for kind in special.kinds], dtype=pl.UInt32)
        kind = kinds.gather(begins.search_sorted(cuts["at"], side="right") - 1)
        cuts = cuts.with_columns(kind.alias("kind")).filter(
            pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in ("held", "kind"))
        )
        classes = cuts.group_by("held", "kind", maintain_order=True).agg(pl.col("at").first())
        numbers = pl.int_range(classes.height, dtype=pl.UInt32, eager=True) + len(self.members)
        self.members += [IPv4Address(at) if version == 4 else IPv6Address(at) for at in classes["at"]]
        found = cuts.join(
            classes.select("held", "kind", number=numbers), on=["held", "kind"], how="left", maintain_order="left"
        )
        return found["at"].cast(pl.UInt32 if version == 4 else pl.UInt128), found["number"]

    def of(self, addresses: pl.Series) -> pl.Series:
        """The class of each address of a column of octets; null stays null."""
        size = addresses.bin.size()
        found = pl.Series([None], dtype=pl.UInt32).new_from_index(0, len(addresses))
        for rows, width, (starts, classes) in (
            ((size == 4).arg_true(), pl.UInt32, self._v4),
            ((size > 4).arg_true(), pl.UInt128, self._v6),
        ):
            octets = addresses.gather(rows).bin.slice(0, 16)  # a zone stands behind them
            pieces_ = starts.search_sorted(octets.bin.reinterpret(dtype=width, endianness="big"), side="right") - 1
            found = found.scatter(rows, classes.gather(pieces_))
        return found


def _switches(networks: NetworkSet, version: int, bit: int) -> Iterator[pl.DataFrame]:
    """Where a set begins to hold addresses, and where it ceases to. Its networks are disjoint, so what its bit is added
    to and taken off sums up to the bits of all sets that hold an address."""
    bits = 32 if version == 4 else 128
    prefixes = networks.prefixes_v4 if version == 4 else networks.prefixes_v6
    if not prefixes:
        return
    if version == 4:
        first = pl.Series(list(networks.starts_v4), dtype=pl.UInt32).cast(pl.UInt128)
    else:
        high, low = (pl.Series(list(half), dtype=pl.UInt64) for half in (networks.high_v6, networks.low_v6))
        first = pl.select(high.cast(pl.UInt128) * pl.lit(1 << 64, pl.UInt128) + low.cast(pl.UInt128)).to_series()
    sizes = pl.Series([(1 << (bits - prefix)) - 1 for prefix in range(bits + 1)], dtype=pl.UInt128)
    last = first + sizes.gather(pl.Series(list(prefixes), dtype=pl.UInt32))
    behind = last.filter(last < (1 << bits) - 1) + pl.Series([1], dtype=pl.UInt128)
    for at, switched in ((first, bit), (behind, -bit)):
        yield pl.DataFrame({"at": at}).with_columns(held=pl.lit(switched, pl.Int64))


def _check(lists: int) -> None:
    if lists > MOST_LISTS:
        raise ValueError(f"{lists} lists of one kind cannot be told apart in columns, at most {MOST_LISTS}")

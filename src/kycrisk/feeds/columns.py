"""Which lists hold the keys of a column? Asked of all distinct keys at once, by joins (needs Polars).

Keys that the same lists hold are one class: whatever lists say of a key, they say of every key of its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

import polars as pl

from kycrisk.feeds.match import NetworkSet, pieces
from kycrisk.signals import IP
from kycrisk.special_networks import SEGMENTS_V4, SEGMENTS_V6

Told = TypeVar("Told")

#: Lists that are told apart; each is one bit of a number.
MOST_LISTS = 63


class DomainClasses:
    """Sets of domains, asked together. Each entry stands for itself and everything below it."""

    __slots__ = ("_entries", "_fewest_dots")

    def __init__(self, sets: Sequence[Iterable[str]]) -> None:
        _check(len(sets))
        held: dict[str, int] = {}
        for number, entries in enumerate(sets):
            bit = 1 << number
            for entry in entries:
                held[entry] = held.get(entry, 0) | bit
        self._entries = pl.DataFrame(
            {"name": list(held), "held": list(held.values())}, schema={"name": pl.String, "held": pl.UInt64}
        )
        self._fewest_dots = min((entry.count(".") for entry in held), default=0)

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
        numbers: dict[tuple[int, int, str], int] = {}
        self.members: list[IP] = []
        self._v4, self._v6 = (self._pieces(sets, version, numbers) for version in (4, 6))

    def _pieces(
        self, sets: Sequence[NetworkSet], version: int, numbers: dict[tuple[int, int, str], int]
    ) -> tuple[pl.Series, pl.Series]:
        """Where each piece begins, and the number of its class."""
        special = SEGMENTS_V4 if version == 4 else SEGMENTS_V6
        top = 1 << (32 if version == 4 else 128)
        listed = pieces([list(each.blocks(version)) for each in sets])
        cuts = sorted({*special.starts, *(start for start in listed[0] if start < top)})
        starts: list[int] = []
        classes: list[int] = []
        for cut, held, kind in zip(cuts, _at(cuts, *listed, 0), _at(cuts, *special, ""), strict=True):
            key = (version, held, kind)
            if key not in numbers:
                numbers[key] = len(self.members)
                self.members.append(IPv4Address(cut) if version == 4 else IPv6Address(cut))
            if not classes or classes[-1] != numbers[key]:
                starts.append(cut)
                classes.append(numbers[key])
        width = pl.UInt32 if version == 4 else pl.UInt128
        return pl.Series(starts, dtype=width), pl.Series(classes, dtype=pl.UInt32)

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


def _at(cuts: Sequence[int], starts: Sequence[int], told: Sequence[Told], before: Told) -> list[Told]:
    """What holds at each cut, told by where it begins to hold; both ascend."""
    found: list[Told] = []
    index, now = 0, before
    for cut in cuts:
        while index < len(starts) and starts[index] <= cut:
            now = told[index]
            index += 1
        found.append(now)
    return found


def _check(lists: int) -> None:
    if lists > MOST_LISTS:
        raise ValueError(f"{lists} lists of one kind cannot be told apart in columns, at most {MOST_LISTS}")

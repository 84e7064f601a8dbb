"""Which lists hold the keys of a column? Asked of all distinct keys at once, by joins (needs Polars).

Keys that the same lists hold are one class: whatever lists say of a key, they say of every key of its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

    __slots__ = ("_entries",)

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

    def holding(self, domains: pl.Series) -> pl.Series:
        """For each of these distinct domains the sets that hold it: bit 0 for the first, bit 1 for the second.

        Each round looks the names up and takes their first labels off; names are the fewer the shorter they are.
        """
        names = pl.DataFrame({"domain": domains}).with_row_index("key").with_columns(name=pl.col("domain"))
        found: list[pl.DataFrame] = []
        while names.height:
            distinct = names.select("name").unique()
            listed = distinct.join(self._entries, on="name")
            if listed.height:
                found.append(names.join(listed, on="name").select("key", "held"))
            names = names.filter(pl.col("name").str.contains(".", literal=True)).with_columns(
                name=pl.col("name").str.splitn(".", 2).struct.field("field_1")
            )
        if not found:
            return pl.zeros(len(domains), pl.UInt64, eager=True)
        keys = pl.concat(found).group_by("key").agg(pl.col("held").bitwise_or())
        every = pl.DataFrame({"key": pl.int_range(len(domains), dtype=pl.get_index_type(), eager=True)})
        return every.join(keys, on="key", how="left", maintain_order="left")["held"].fill_null(0)


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
    ) -> pl.DataFrame:
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
        schema: Mapping[str, pl.DataType] = {"at": pl.UInt32() if version == 4 else pl.UInt128(), "class": pl.UInt32()}
        return pl.DataFrame({"at": starts, "class": classes}, schema=schema).set_sorted("at")

    def of(self, addresses: pl.Series) -> pl.Series:
        """The class of each address of a column of octets; null stays null."""
        frame = pl.DataFrame({"ip": addresses}).with_row_index("row")
        size = pl.col("ip").bin.size()
        four = frame.filter(size == 4).select("row", at=pl.col("ip").bin.reinterpret(dtype=pl.UInt32, endianness="big"))
        six = frame.filter(size > 4).select(
            "row", at=pl.col("ip").bin.slice(0, 16).bin.reinterpret(dtype=pl.UInt128, endianness="big")
        )
        found = [
            keys.sort("at").join_asof(starts, on="at").select("row", "class")
            for keys, starts in ((four, self._v4), (six, self._v6))
            if keys.height
        ]
        if not found:
            return pl.Series([None], dtype=pl.UInt32).new_from_index(0, len(addresses))
        return frame.select("row").join(pl.concat(found), on="row", how="left", maintain_order="left")["class"]


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

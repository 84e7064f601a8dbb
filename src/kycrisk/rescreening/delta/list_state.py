"""What the lists hold at a moment, and what is different at another: the entries that came and went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.lists import Lists
from kycrisk.feeds.match import AnySet, DomainSet, NetworkSet
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.ruleset.model import ListKind
from kycrisk.screening.analyst_lists import Entries
from kycrisk.signals import Unknown

Blocks = Mapping[int, frozenset[tuple[int, int]]]  # by IP version: first address, the one behind the last
_NONE: frozenset[Any] = frozenset()


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list that can be asked: what it counts as, and its entries."""

    purpose: str
    trust: str
    lineage: str
    copies: tuple[str, ...]
    entries: AnySet

    @property
    def counts_as(self) -> tuple[str, str, str, tuple[str, ...]]:
        return self.purpose, self.trust, self.lineage, self.copies


@dataclass(frozen=True, slots=True)
class OwnList:
    """A list that the operator keeps; its entries in normal form."""

    kind: ListKind
    entries: frozenset[object]


@dataclass(frozen=True, slots=True)
class ListState:
    """The lists at a moment. `gaps` are purposes and trusts of which "not listed" cannot be said.

    An operator's list that cannot be asked is None. `lost` are lists of which is no longer known what they held, each
    with its purpose.
    """

    lists: Mapping[str, KeptList]
    gaps: frozenset[tuple[str, str]]
    own: Mapping[str, OwnList | None]
    lost: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, lists: Lists, own: Mapping[str, Entries | Unknown]) -> ListState:
        fresh = (one for purpose in PURPOSES for one in lists.fresh(purpose))
        return cls(
            lists={one.feed.name: _kept(one.feed, one.entries) for one in fresh},
            gaps=frozenset(
                (purpose, trust or "")
                for purpose in PURPOSES
                for trust in ("trusted", None)
                if lists.unknown(purpose, trust) is not None
            ),
            own={
                name: None if isinstance(each, Unknown) else OwnList(each.kind, each.exactly)
                for name, each in own.items()
            },
        )


def _kept(feed: Feed, entries: AnySet) -> KeptList:
    return KeptList(feed.purpose, feed.trust, feed.lineage, feed.copies, entries)


@dataclass(frozen=True, slots=True)
class ListChange:
    """What is different between two states of the lists.

    `domains` and `blocks` are the entries that came or went, by purpose: whoever is under none of them is told the
    same as before. `everywhere` are the purposes whose silence means something else now. `own` has the changed entries
    of the operator's lists, None where the whole list is another.
    """

    domains: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    blocks: Mapping[str, Blocks] = field(default_factory=lambda: MappingProxyType({}))
    everywhere: frozenset[str] = _NONE
    own: Mapping[str, frozenset[object] | None] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def entries(self) -> int:
        """How many entries came or went."""
        networks = sum(len(some) for blocks in self.blocks.values() for some in blocks.values())
        return sum(map(len, self.domains.values())) + networks + sum(len(each or ()) for each in self.own.values())


def list_change(before: ListState, now: ListState) -> ListChange:
    """The difference between two states. Order does not matter: what came and what went are treated alike."""
    domains: dict[str, frozenset[str]] = {}
    blocks: dict[str, dict[int, frozenset[tuple[int, int]]]] = {}
    for name in before.lists.keys() | now.lists.keys():
        old, new = before.lists.get(name), now.lists.get(name)
        if old == new:
            continue
        alike = old is not None and new is not None and old.counts_as == new.counts_as
        for purpose in {each.purpose for each in (old, new) if each is not None}:
            names = _differing(_domains(old, purpose), _domains(new, purpose), alike)
            if names:
                domains[purpose] = domains.get(purpose, _NONE) | names
            for version in (4, 6):
                some = _differing(_blocks(old, purpose, version), _blocks(new, purpose, version), alike)
                if some:
                    by_version = blocks.setdefault(purpose, {})
                    by_version[version] = by_version.get(version, _NONE) | some
    own = {
        name: _own_difference(before.own.get(name), now.own.get(name))
        for name in before.own.keys() | now.own.keys()
        if before.own.get(name) != now.own.get(name)
    }
    everywhere = {purpose for purpose, _ in before.gaps ^ now.gaps}
    return ListChange(domains, blocks, frozenset({*everywhere, *before.lost.values(), *now.lost.values()}), own)


def _differing(old: frozenset[Any], new: frozenset[Any], alike: bool) -> frozenset[Any]:
    """Of a list that counts as something else now every entry is another."""
    return old ^ new if alike else old | new


def _domains(each: KeptList | None, purpose: str) -> frozenset[str]:
    if each is None or each.purpose != purpose or not isinstance(each.entries, DomainSet):
        return _NONE
    return each.entries.entries


def _blocks(each: KeptList | None, purpose: str, version: int) -> frozenset[tuple[int, int]]:
    if each is None or each.purpose != purpose or not isinstance(each.entries, NetworkSet):
        return _NONE
    return frozenset(each.entries.blocks(version))


def _own_difference(old: OwnList | None, new: OwnList | None) -> frozenset[object] | None:
    if old is None or new is None or old.kind is not new.kind:
        return None
    return old.entries ^ new.entries

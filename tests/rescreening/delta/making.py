"""Worlds whose lists change from one moment to the next, and accounts whose keys meet them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from kycrisk.checks.world import World
from kycrisk.rescreening.delta.list_state import ListState
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import ListKind
from kycrisk.screening.analyst_lists import Entries, entries_of, list_entry
from kycrisk.screening.columns.table import TableScreener
from kycrisk.signals import Unknown, Why
from tests.checks.making import feed, world
from tests.screening.columns.making import LISTED, NETWORKS, Site, full_world, near, raw_signups

_LABELS = ["mail", "mx", "trash", "example", "co", "uk", "com", "net", "dynamic", "org", "b-1", "spam"]
DOMAINS = [
    *LISTED,
    "dynamic.org",
    "partner.example",
    "agency.co.uk",
    "gmail.com",
    "example.com",
    "mx.trash.example.net",
]
FEEDS = {
    "throwaway": ("disposable_domain", "trusted"),
    "throwaway-2": ("disposable_domain", "corroborating"),
    "providers": ("mail_provider", "trusted"),
    "protected": ("protected_domain", "trusted"),
    "dynamic": ("dynamic_dns", "trusted"),
    "spam": ("forum_spam_domain", "trusted"),
    "tor": ("tor_exit", "trusted"),
    "drop": ("drop", "trusted"),
    "attackers": ("blocklist", "trusted"),
    "attackers-2": ("blocklist", "corroborating"),
    "hosting": ("datacenter", "trusted"),
    "vpn": ("vpn", "trusted"),
}
_NETWORKS = {"tor_exit", "drop", "blocklist", "datacenter", "vpn"}


@dataclass(frozen=True)
class Moment:
    """The entries of each list at a moment; a list that is None cannot be asked. `own` are the operator's."""

    lists: Mapping[str, frozenset[str] | None]
    own: Mapping[str, frozenset[str] | None]
    counts_as: Mapping[str, str] = field(default_factory=dict)

    def world(self, geo_of: World) -> World:
        feeds = {
            name: feed(
                name,
                purpose,
                trust=trust,
                lineage=self.counts_as.get(name, name),
                kind="networks" if purpose in _NETWORKS else "domains",
            )
            for name, (purpose, trust) in FEEDS.items()
        }
        given = {feeds[name]: sorted(each) for name, each in self.lists.items() if each is not None}
        missing = {feeds[name]: Unknown(Why.STALE_LIST) for name, each in self.lists.items() if each is None}
        return replace(world(given, missing), geo=geo_of.geo)

    def own_lists(self, kinds: Mapping[str, ListKind]) -> dict[str, Entries | Unknown]:
        return {
            name: Unknown(Why.NOT_CONFIGURED)
            if each is None
            else entries_of(name, kinds[name], {list_entry(kinds[name], entry) for entry in each})
            for name, each in self.own.items()
        }


OWN = {
    "partners": ["partner.example", "agency.co.uk", "example.com", "co.uk"],
    "blocked-domains": ["trash.example.net", "mx.trash.example.net", "gmail.com", "example.net"],
    "blocked-networks": ["5.5.0.0/16", "2a00:1450:4001:8::/64", "10.0.0.0/8", "93.184.216.34"],
    "office": ["198.51.100.7", "198.51.100.0/24"],
    "known-customers": ["jane.doe@gmail.com", "bob@partner.example", "info@mailinator.com"],
    "blocked-phones": ["+442079460000", "+41446681800"],
}


def first_moment(source: random.Random) -> Moment:
    empty: Moment = Moment(dict.fromkeys(FEEDS, frozenset()), dict.fromkeys(OWN, frozenset()))
    for _ in range(8):
        empty = next_moment(source, empty, gaps=False)
    return empty


def next_moment(source: random.Random, now: Moment, *, gaps: bool = True) -> Moment:
    """Some entries come and go; now and then a list vanishes or comes back, or counts as another lineage."""
    lists, own, counts_as = dict(now.lists), dict(now.own), dict(now.counts_as)
    for name in source.sample(sorted(FEEDS), k=source.randrange(1, 4)):
        pool = NETWORK_POOL if FEEDS[name][0] in _NETWORKS else DOMAIN_POOL
        if gaps and source.random() < 0.08:
            lists[name] = None
        else:
            lists[name] = _changed(source, lists[name] or frozenset(), pool)
    if source.random() < 0.5:
        name = source.choice(sorted(OWN))
        own[name] = None if gaps and source.random() < 0.1 else _changed(source, own[name] or frozenset(), OWN[name])
    if gaps and source.random() < 0.05:
        counts_as["attackers-2"] = source.choice(["attackers", "attackers-2"])
    return Moment(lists, own, counts_as)


def _changed(source: random.Random, entries: frozenset[str], pool: list[str]) -> frozenset[str]:
    gone = {each for each in entries if source.random() < 0.2}
    return (entries - gone) | set(source.sample(pool, k=min(len(pool), source.randrange(4))))


_SOURCE = random.Random("pools")
DOMAIN_POOL = [*DOMAINS, "example.net", "y.dynamic.org"] + [
    ".".join(_SOURCE.choices(_LABELS, k=_SOURCE.randrange(2, 5))) for _ in range(40)
]
NETWORK_POOL = [*NETWORKS, "5.5.5.0/24", "5.5.5.5", "0.0.0.0/0", "::/0", "93.184.0.0/15", "2a00::/12", "10.0.0.0/8"]


class Accounts:
    """A site whose lists change, and accounts as facts."""

    def __init__(self, folder: Path, count: int, seed: int = 0) -> None:
        self.site = Site(folder, full_world(folder))
        self.kinds = {name: each.kind for name, each in self.site.compiled.ruleset.policy.lists.items()}
        screener = TableScreener(self.site.compiled, self.site.world, self.site.lists)
        table = pl.DataFrame(
            raw_signups(random.Random(seed), count), schema_overrides={"attributes.seats": pl.Int64},
            infer_schema_length=None,
        )  # fmt: skip
        found = screener.screen(table, facts=True).verdicts.unique("account_id", keep="first", maintain_order=True)
        facts = found.select("account_id", *(name for name in found.columns if name in screener.needed))
        exempt = [["disposable-email", "tor-exit"] if row % 17 == 3 else None for row in range(facts.height)]
        self.facts = facts.with_columns(pl.Series("exempt", exempt, dtype=pl.List(pl.String)))

    def screener(self, at: Moment, compiled: CompiledRuleset | None = None) -> TableScreener:
        return TableScreener(compiled or self.site.compiled, at.world(self.site.world), at.own_lists(self.kinds))


def state_of(screener: TableScreener) -> ListState:
    return ListState.of(screener.world.lists, screener.lists)


__all__ = ["Accounts", "Moment", "first_moment", "near", "next_moment", "state_of"]

"""Facts that a list decides, once for each class of keys that the same lists hold.

One key of each class is asked of the ordinary checks, so that what a list's word means stands in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

import polars as pl

from kycrisk.checks import CHECKS, ip
from kycrisk.checks.check import Answer, AnyCheck
from kycrisk.checks.world import World
from kycrisk.feeds.columns import AddressClasses, DomainClasses
from kycrisk.feeds.lists import ActiveList
from kycrisk.feeds.match import DomainSet, NetworkSet
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.ruleset.columns.values import column
from kycrisk.ruleset.condition import Membership
from kycrisk.ruleset.model import ListKind
from kycrisk.screening.analyst_lists import Entries
from kycrisk.signals import Signal, Subject, Type, Value

DOMAIN, ADDRESS = "email.domain", "ip.address"

#: The checks that nothing but lists answers.
LISTED: tuple[AnyCheck, ...] = tuple(
    check for check in CHECKS if {signal.name for signal in check.signals} == check.purposes.keys()
)
#: What follows from the kind of an address, which its class has, too.
_OF_THE_KIND = ("ip.version", "ip.kind", "ip.public")

_NO_DOMAIN = 1 << 63  # the class of no domain at all: no list holds it, and none is asked

Ask = Callable[[Any], Mapping[str, Value]]
Lists = Mapping[str, tuple[Membership, Entries]]  # the operator's lists by the text of the signal that asks them


class DomainFacts:
    """What lists say of e-mail domains. What it takes a while to build is built by the first question."""

    def __init__(self, world: World, lists: Lists) -> None:
        mine = {name: each for name, each in lists.items() if _fits(each, DOMAIN, ListKind.DOMAIN)}
        checks = [check for check in LISTED if check.subject is Subject.DOMAIN]
        self.types = _types([signal for check in checks for signal in check.signals], mine)
        self._ask = _asked(checks, world, mine)
        self._fresh, self._mine = _fresh(world, checks), mine
        self._known: dict[int, Mapping[str, Value]] = {}
        self._building = Lock()
        self._classes: DomainClasses | None = None

    def _built(self) -> DomainClasses:
        with self._building:
            if self._classes is None:
                fresh = [one.entries.entries for one in self._fresh if isinstance(one.entries, DomainSet)]
                mine = (map(str, entries.exactly) for _, entries in self._mine.values())
                self._classes = DomainClasses([*fresh, *mine])
            return self._classes

    def of(self, domains: pl.Series, wanted: Collection[str]) -> list[pl.Series]:
        """The wanted signals of each domain; unknown where the domain is."""
        held = pl.DataFrame({"domain": domains, "held": self._built().holding(domains)}).select(
            "domain",
            held=pl.when(pl.col("domain") == "")
            .then(pl.lit(_NO_DOMAIN, pl.UInt64))
            .when(pl.col("domain").is_not_null())
            .then("held"),
        )
        classes = held.drop_nulls().group_by("held").agg(pl.col("domain").first())
        for number, domain in classes.iter_rows():
            if number not in self._known:
                self._known[number] = self._ask(domain)
        facts = _facts([self._known[number] for number in classes["held"]], self.types, wanted)
        by_class = classes.select("held").hstack(facts)
        return (
            held.select("held").join(by_class, on="held", how="left", maintain_order="left").drop("held").get_columns()
        )


class _AskedClasses(NamedTuple):
    """Classes of addresses, and what is known of each."""

    classes: AddressClasses
    facts: pl.DataFrame


class AddressFacts:
    """What lists and the registries of special-purpose networks say of IP addresses, built by the first question."""

    def __init__(self, world: World, lists: Lists) -> None:
        mine = {name: each for name, each in lists.items() if _fits(each, ADDRESS, ListKind.NETWORK)}
        checks = [check for check in LISTED if check.subject is Subject.IP]
        kinds = [signal for signal in ip.CHECK.signals if signal.name in _OF_THE_KIND]
        self.types = _types([*(signal for check in checks for signal in check.signals), *kinds], mine)
        self._world, self._mine = world, mine
        self._building = Lock()
        self._asked_classes: _AskedClasses | None = None

    def _built(self) -> _AskedClasses:
        with self._building:
            if self._asked_classes is None:
                checks = [check for check in LISTED if check.subject is Subject.IP]
                sets = [one.entries for one in _fresh(self._world, checks) if isinstance(one.entries, NetworkSet)]
                sets += [NetworkSet.of(entries.exactly) for _, entries in self._mine.values()]  # type: ignore[arg-type]
                classes, ask = AddressClasses(sets), _asked([*checks, ip.CHECK], self._world, self._mine)
                facts = _facts([ask(member) for member in classes.members], self.types, self.types)
                self._asked_classes = _AskedClasses(classes, facts)
            return self._asked_classes

    def of(self, addresses: pl.Series, wanted: Collection[str]) -> list[pl.Series]:
        """The wanted signals of each address; unknown where the address is."""
        built = self._built()
        classes = built.classes.of(addresses)
        return built.facts.select(pl.col(name).gather(classes) for name in self.types if name in wanted).get_columns()


def _fits(asked: tuple[Membership, Entries], signal: str, kind: ListKind) -> bool:
    membership, entries = asked
    return membership.signal == signal and entries.kind is kind


def _types(signals: Sequence[Signal], mine: Lists) -> dict[str, Type]:
    return {**{signal.name: signal.type for signal in signals}, **dict.fromkeys(mine, Type.BOOL)}


def _fresh(world: World, checks: Sequence[AnyCheck]) -> list[ActiveList]:
    """The lists that the checks ask, in whatever state of trust."""
    purposes = dict.fromkeys(purpose for check in checks for purpose in check.purposes.values())
    return [one for purpose in PURPOSES if purpose in purposes for one in world.lists.fresh(purpose)]


def _asked(checks: Sequence[AnyCheck], world: World, mine: Lists) -> Ask:
    """The function that says everything that is known of a key."""
    asks: list[Callable[[Any], Answer]] = [check.prepare(world) for check in checks]

    def ask(key: Any) -> Mapping[str, Value]:
        known: dict[str, Value] = {}
        for each in asks:
            known |= each(key).known
        return known | {name: entries.holds(key) for name, (_, entries) in mine.items()}

    return ask


def _facts(known: Sequence[Mapping[str, Value]], types: Mapping[str, Type], wanted: Collection[str]) -> pl.DataFrame:
    return pl.DataFrame(
        [column(name, type_, [each.get(name) for each in known]) for name, type_ in types.items() if name in wanted]
    )

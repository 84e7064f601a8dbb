"""Is a key on the lists of a purpose? What every check that asks lists has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kycrisk.checks.check import Answer, Said
from kycrisk.checks.world import World
from kycrisk.feeds.catalogue import Feed, independent_lineages
from kycrisk.feeds.lists import ActiveList, ListedNetworks
from kycrisk.feeds.match import DomainSet, names_above
from kycrisk.feeds.purposes import PURPOSES, Shape
from kycrisk.signals import IP, Origin, Unknown, Value
from kycrisk.signup import Signup
from kycrisk.special_networks import special_kind

Key = TypeVar("Key", bound="str | IP")
Purposes = Mapping[str, str]  # signal → purpose


def ip_of(signup: Signup, said: Said) -> IP:
    """The key of checks that ask lists of networks."""
    return signup.ip


def domain_of(signup: Signup, said: Said) -> str:
    """The key of checks that ask lists of domains."""
    return signup.email.domain


def nowhere(ip: IP) -> bool:
    """Whether an address is special-purpose and so on no list. Documentation addresses are for samples, hence asked."""
    kind = special_kind(ip)
    return kind != "" and kind != "documentation"


def no_domain(domain: str) -> bool:
    """Whether there is no domain to ask about: a broken address is on no list."""
    return not domain


def on_lists(world: World, purposes: Purposes, spared: Callable[[Key], bool]) -> Callable[[Key], Answer]:
    """The function that says for each signal whether a trusted list of its purpose holds the key.

    One fresh list that holds it is enough for true; false needs every enabled trusted list, otherwise it is unknown.
    What is `spared` is listed nowhere, whatever a list says or cannot say.
    """
    signals = tuple(purposes)
    fresh = world.lists.fresh
    lists = [(at, one) for at, signal in enumerate(signals) for one in fresh(purposes[signal], "trusted")]
    missing = gaps(world, purposes)

    def answer(hits: Sequence[int]) -> Answer:
        listed = {signals[hit] for hit in hits}
        unknown = {signal: why for signal, why in missing.items() if signal not in listed}
        return _with_gaps({signal: signal in listed for signal in signals}, unknown)

    return _asked(world, purposes.values(), lists, answer, Answer(dict.fromkeys(signals, False)), spared)


def witnesses(
    world: World, purpose: str, listed: str, count: str, spared: Callable[[Key], bool]
) -> Callable[[Key], Answer]:
    """The function that says whether a trusted list holds the key, and how many independent lineages do.

    The count is exact or unknown: a list that cannot answer might be one more.
    """
    fresh = world.lists.fresh(purpose)
    trusted_gap, any_gap = world.lists.unknown(purpose, "trusted"), world.lists.unknown(purpose)

    def answer(hits: Sequence[int]) -> Answer:
        return _witnessed(listed, count, trusted_gap, any_gap, [fresh[hit].feed for hit in hits])

    return _asked(world, (purpose,), list(enumerate(fresh)), answer, Answer({listed: False, count: 0}), spared)


@dataclass(frozen=True, slots=True)
class AskNetworks:
    """Asks one check's lists of networks about an address, by the index of all lists as soon as there is one.

    `bits` are these lists in the index, and `by_bits` says what follows from those of them that hold the address.
    `spares` is false where silence is a plain no, so that nothing needs to be spared from it.
    """

    index: ListedNetworks
    bits: int
    by_bits: Callable[[int], Answer]
    one_by_one: Callable[[IP], Answer]
    unlisted: Answer
    spared: Callable[[IP], bool]
    spares: bool

    def __call__(self, ip: IP) -> Answer:
        held = self.index.holding(ip)
        if held is None:
            return self.one_by_one(ip)
        held &= self.bits
        return self.unlisted if (held or self.spares) and self.spared(ip) else self.by_bits(held)


def _asked(
    world: World,
    purposes: Iterable[str],
    lists: Sequence[tuple[int, ActiveList]],
    answer: Callable[[Sequence[int]], Answer],
    unlisted: Answer,
    spared: Callable[[Any], bool],
) -> Callable[[Any], Answer]:
    """The function that asks lists about a key; `answer` says what follows from the numbers of those that hold it.

    Few combinations of lists occur, so each combination's answer is made once and stays.
    """
    silent = answer(())
    spares = bool(silent.unknown)
    kept: dict[tuple[int, ...], Answer] = {(): silent}

    def after(hits: tuple[int, ...]) -> Answer:
        found = kept.get(hits)
        if found is None:
            found = kept[hits] = answer(hits)
        return found

    found_by = _found_by(lists)

    def ask(key: Any) -> Answer:
        hits = found_by(key)
        return unlisted if (hits or spares) and spared(key) else after(hits)

    if any(PURPOSES[purpose].shape is not Shape.NETWORK for purpose in purposes):
        return ask
    index = world.lists.networks
    numbered = [(number, index.bits[one.feed.name]) for number, one in lists]

    def by_bits(held: int) -> Answer:
        return after(tuple([number for number, bit in numbered if held & bit]))

    bits = sum({bit for _, bit in numbered})
    return AskNetworks(index, bits, by_bits, ask, unlisted, spared, spares)


def _found_by(lists: Sequence[tuple[int, ActiveList]]) -> Callable[[Any], tuple[int, ...]]:
    """The function that gives the numbers of the lists that hold a key."""
    domains = [(number, one.entries.entries) for number, one in lists if isinstance(one.entries, DomainSet)]
    if domains and len(domains) == len(lists):  # where a domain can be listed is worked out once for all of them
        return lambda domain: _of_domains(domains, names_above(domain))
    rows = [(number, one.find) for number, one in lists]
    return lambda key: tuple([number for number, find in rows if find(key) is not None])


def _of_domains(lists: Sequence[tuple[int, frozenset[str]]], names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple([number for number, entries in lists if not entries.isdisjoint(names)])


def _witnessed(
    listed: str, count: str, trusted_gap: Unknown | None, any_gap: Unknown | None, hits: list[Feed]
) -> Answer:
    believed = any(feed.trust == "trusted" for feed in hits)
    lineages = len(independent_lineages(hits)) if hits else 0
    missing = {} if believed or trusted_gap is None else {listed: trusted_gap}
    if any_gap is not None:
        missing[count] = any_gap
    return _with_gaps({listed: believed, count: lineages}, missing)


def _with_gaps(known: Mapping[str, Value], missing: Mapping[str, Unknown]) -> Answer:
    return Answer({signal: value for signal, value in known.items() if signal not in missing}, missing)


def gaps(world: World, purposes: Purposes) -> dict[str, Unknown]:
    """The signals that cannot be answered with no, and why."""
    found = ((signal, world.lists.unknown(purpose, "trusted")) for signal, purpose in purposes.items())
    return {signal: unknown for signal, unknown in found if unknown is not None}


def origins(world: World, purposes: Purposes) -> dict[str, Origin]:
    """The lists that each signal is read from."""
    return {signal: world.lists.origin(purpose, "trusted") for signal, purpose in purposes.items()}


def witness_gaps(world: World, purpose: str, listed: str, count: str) -> dict[str, Unknown]:
    """Why "not listed" and "by none" cannot be said."""
    found = {listed: world.lists.unknown(purpose, "trusted"), count: world.lists.unknown(purpose)}
    return {signal: unknown for signal, unknown in found.items() if unknown is not None}


def witness_origins(world: World, purpose: str, listed: str, count: str) -> dict[str, Origin]:
    """The trusted lists for the one, all lists for the other."""
    return {listed: world.lists.origin(purpose, "trusted"), count: world.lists.origin(purpose)}

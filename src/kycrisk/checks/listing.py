"""Is a key on the lists of a purpose? What every check that asks lists has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kycrisk.checks.check import Answer
from kycrisk.checks.world import World
from kycrisk.feeds.catalogue import Feed, independent_lineages
from kycrisk.feeds.lists import ActiveList
from kycrisk.signals import IP, Origin, Unknown, Value
from kycrisk.special_networks import special_kind

Key = TypeVar("Key", bound="str | IP")
Purposes = Mapping[str, str]  # signal → purpose


def nowhere(ip: IP) -> bool:
    """Whether an address is special-purpose and so on no list. Documentation addresses are for samples, hence asked."""
    return special_kind(ip) not in ("", "documentation")


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

    return _asked(world, lists, answer, Answer(dict.fromkeys(signals, False)), spared)


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

    return _asked(world, list(enumerate(fresh)), answer, Answer({listed: False, count: 0}), spared)


def _asked(
    world: World,
    lists: Sequence[tuple[int, ActiveList]],
    answer: Callable[[Sequence[int]], Answer],
    unlisted: Answer,
    spared: Callable[[Key], bool],
) -> Callable[[Key], Answer]:
    """The function that asks lists about a key; `answer` says what follows from the numbers of those that hold it.

    Few combinations of lists occur, so each combination's answer is made once. Lists of networks are asked together.
    """
    rows = [(number, one.find) for number, one in lists]
    silent = answer(())
    spares = bool(silent.unknown)  # where silence is a plain no, nothing needs to be spared from it
    kept: dict[object, Answer] = {}

    def ask(key: Key) -> Answer:
        hits = tuple([number for number, find in rows if find(key) is not None])
        if not hits:
            return unlisted if spares and spared(key) else silent
        if hits not in kept:
            kept[hits] = answer(hits)
        return unlisted if spared(key) else kept[hits]

    networks = world.lists.networks
    bits = [networks.bits.get(one.feed.name, 0) for _, one in lists]
    if not lists or not all(bits):
        return ask
    together, held_kept = sum(set(bits)), {0: silent}

    def ask_together(key: Key) -> Answer:
        held = networks.holding(key) if not isinstance(key, str) else None
        if held is None:
            return ask(key)
        held &= together
        found = held_kept.get(held)
        if found is None:
            holding = [number for (number, _), bit in zip(lists, bits, strict=True) if held & bit]
            found = held_kept[held] = answer(holding)
        return unlisted if (held or spares) and spared(key) else found

    return ask_together


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

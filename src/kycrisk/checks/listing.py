"""Is a key on the lists of a purpose? What every check that asks lists has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from kycrisk.checks.check import Answer
from kycrisk.checks.world import World
from kycrisk.feeds.catalogue import Feed, independent_lineages
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
    rows = [(signal, one.find) for signal, purpose in purposes.items() for one in world.lists.fresh(purpose, "trusted")]
    unlisted = Answer(dict.fromkeys(purposes, False))
    silent = _with_gaps(dict.fromkeys(purposes, False), gaps(world, purposes))
    complete = not silent.unknown
    finds = tuple(find for _, find in rows)
    seen: dict[tuple[str, ...], Answer] = {}  # the few combinations of signals that occur

    def ask(key: Key) -> Answer:
        for find in finds:
            if find(key) is not None:
                return unlisted if spared(key) else listed(key)
        return silent if complete or not spared(key) else unlisted

    def listed(key: Key) -> Answer:
        combination = tuple(signal for signal, find in rows if find(key) is not None)
        if combination not in seen:
            missing = {signal: why for signal, why in silent.unknown.items() if signal not in combination}
            seen[combination] = Answer({**silent.known, **dict.fromkeys(combination, True)}, missing)
        return seen[combination]

    return ask


def witnesses(
    world: World, purpose: str, listed: str, count: str, spared: Callable[[Key], bool]
) -> Callable[[Key], Answer]:
    """The function that says whether a trusted list holds the key, and how many independent lineages do.

    The count is exact or unknown: a list that cannot answer might be one more.
    """
    rows = [(one.feed, one.find) for one in world.lists.fresh(purpose)]
    trusted_gap, any_gap = world.lists.unknown(purpose, "trusted"), world.lists.unknown(purpose)
    unlisted = Answer({listed: False, count: 0})
    silent = _witnessed(listed, count, trusted_gap, any_gap, [])
    complete = not silent.unknown
    finds = tuple(find for _, find in rows)

    def ask(key: Key) -> Answer:
        for find in finds:
            if find(key) is not None:
                break
        else:
            return silent if complete or not spared(key) else unlisted
        if spared(key):
            return unlisted
        hits = [feed for feed, find in rows if find(key) is not None]
        return _witnessed(listed, count, trusted_gap, any_gap, hits)

    return ask


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

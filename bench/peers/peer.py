"""What a peer is: an engine that takes the same rules, run the way its users run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.translate import flat
from bench.workload import Facts
from kycrisk.ruleset.model import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An engine with the rules loaded.

    `prepare` puts a fact set into the engine's own shape and is not timed. `run` judges one; it is what is timed.
    `fired` reads the ids of the rules that fired off what `run` returned.
    """

    prepare: Callable[[Facts], Any]
    run: Callable[[Any], Any]
    fired: Callable[[Any], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A way to run an engine. `usual` is false for a faster way than the one its documentation shows.
    `isolated` engines get a process of their own, because they can crash it.
    """

    name: str
    distribution: str
    way: str
    load: Callable[[Sequence[Rule]], Loaded]
    usual: bool = True
    isolated: bool = False


def flattened(facts: Facts) -> dict[str, Any]:
    """A fact set under names without dots."""
    return {flat(name): value for name, value in facts.items()}


def as_list(fired: Sequence[str]) -> Sequence[str]:
    """For engines whose answer already is the list of ids."""
    return fired

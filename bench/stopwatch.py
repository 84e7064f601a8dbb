"""Times of several contestants, taken in turns (A, B, C, A, B, C, …), so that a drift of the machine hits all alike."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Protocol

#: How long one contestant's turn should take, in seconds.
TURN = 0.05


class Contestant(Protocol):
    """Something that can be timed over a part of the inputs."""

    def seconds(self, start: int, count: int) -> float:
        """How long the inputs from `start` on take, in seconds."""


@dataclass(frozen=True, slots=True)
class InProcess:
    """A function over inputs that are already in the shape that it takes."""

    run: Callable[[Any], Any]
    inputs: Sequence[Any]

    def seconds(self, start: int, count: int) -> float:
        run, inputs = self.run, self.inputs[start : start + count]
        begun = perf_counter()
        for each in inputs:
            run(each)
        return perf_counter() - begun


@dataclass(frozen=True, slots=True)
class FreshEachTurn:
    """An engine that remembers what it has answered: it is made anew for each turn, or it would be timed on inputs
    that it knows from the turn before. `warm_up` is other inputs, for what it builds when first used."""

    make: Callable[[], Callable[[Any], Any]]
    inputs: Sequence[Any]
    warm_up: Sequence[Any]

    def seconds(self, start: int, count: int) -> float:
        run = self.make()
        for each in self.warm_up:
            run(each)
        return InProcess(run, self.inputs).seconds(start, count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Microseconds an input: the median of the turns, the fastest and the slowest of them."""

    median: float
    fastest: float
    slowest: float
    turns: int
    inputs_a_turn: int

    def as_json(self) -> dict[str, float | int]:
        return {
            "us_median": round(self.median, 3),
            "us_fastest": round(self.fastest, 3),
            "us_slowest": round(self.slowest, 3),
            "turns": self.turns,
            "inputs_a_turn": self.inputs_a_turn,
        }


def race(contestants: Mapping[str, Contestant], inputs: int, turns: int) -> dict[str, Timing]:
    """The times of all contestants. Each turn goes on with the next inputs, so that none is measured on a few only."""
    counts = {name: _calibrated(contestant, inputs) for name, contestant in contestants.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.freeze()  # what is loaded is not garbage; the contestants' own garbage is collected as in production
    for turn in range(turns):
        for name, contestant in contestants.items():
            count = counts[name]
            start = turn * count % max(inputs - count, 1)
            taken[name].append(contestant.seconds(start, count) / count * 1e6)
    gc.unfreeze()
    return {
        name: Timing(
            median=median(times), fastest=min(times), slowest=max(times), turns=turns, inputs_a_turn=counts[name]
        )
        for name, times in taken.items()
    }


def _calibrated(contestant: Contestant, inputs: int) -> int:
    """As many inputs as fit into a turn, from a first, unrecorded one that also warms the contestant up."""
    count = min(20, inputs)
    contestant.seconds(0, count)
    each = contestant.seconds(0, count) / count
    return max(5, min(inputs, int(TURN / each)))

"""Accidents made by hand, put into the past of a list at many moments: which of them are held?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bench.list_history import Names, Replay, Version, replayed

#: What is put in: given a list before a version, why the accident would be held at that moment.
Accident = Callable[[Replay, Version], bool]


def cut_off(kept: float) -> Accident:
    """A download of which only so much came."""

    def held(replay: Replay, version: Version) -> bool:
        gone = round(replay.size * (1 - kept))
        return bool(replay.reasons(version.at, come=0, gone=gone, shared=_part(replay.shared, kept)))

    return held


def merged(share: float) -> Accident:
    """Another list in it besides, of so much of its size."""

    def held(replay: Replay, version: Version) -> bool:
        come = round(replay.size * share)
        return bool(replay.reasons(version.at, come=come, gone=0, shared=replay.shared))

    return held


def another(size: int) -> Accident:
    """Another list in its place."""

    def held(replay: Replay, version: Version) -> bool:
        return bool(replay.reasons(version.at, come=size, gone=replay.size, shared=()))

    return held


def naming(names: Iterable[str]) -> Accident:
    """So many names more, as they stand in a list of other things."""
    names = frozenset(names)

    def held(replay: Replay, version: Version) -> bool:
        kept, shared = replay.compiled(names)
        come = len(kept - replay.names)
        return bool(replay.reasons(version.at, come=come, gone=0, shared=replay.shared | shared))

    return held


def _part(names: Iterable[str], share: float) -> Names:
    ordered = sorted(names)
    return frozenset(ordered[: round(len(ordered) * share)])


@dataclass(slots=True)
class Tally:
    """How often an accident was put in, and how often it was held."""

    put: int = 0
    held: int = 0
    missed_at: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.held / self.put


def tried(
    past: Iterable[Version], guard: Names, accidents: dict[str, Accident], *, every: int, after: int = 0
) -> dict[str, Tally]:
    """Each accident put in before every so many versions of a past, beginning after so many."""
    tallies = {name: Tally() for name in accidents}
    seen = _counter()

    def before(replay: Replay, version: Version) -> None:
        number = next(seen)
        if replay.active_at is None or number < max(after, 1) or number % every:
            return
        for name, accident in accidents.items():
            held = accident(replay, version)
            tallies[name].put += 1
            tallies[name].held += held
            if not held:
                tallies[name].missed_at.append(version.day)

    replayed(past, guard, before=before)
    return tallies


def _counter() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1

"""Replaying the past of a list: each version offered, held or taken, as an operator with good judgement would do."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kycrisk.feeds.catalogue import NEVER, Feed, default_catalogue, read_catalogues
from kycrisk.feeds.compile import clean
from kycrisk.feeds.match import DomainSet
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.feeds.quarantine.change import Change
from kycrisk.feeds.quarantine.expectation import Step
from kycrisk.feeds.quarantine.judge import Site, reasons_to_hold, taken_step
from kycrisk.feeds.quarantine.lasting import NO_SAMPLE, SAMPLE, Lasting, Sample, day_of, lasting, order, sampled
from kycrisk.feeds.quarantine.reasons import Reason
from kycrisk.feeds.snapshot import Header, Snapshot
from kycrisk.feeds.taking import protected_by

HISTORY = Path(__file__).resolve().parents[2] / "shared" / "data" / "history" / "disposable_2017-2021.jsonl.gz"
#: The accidents that are known of the real history, by day.
ACCIDENTS = ("2018-06-01", "2019-05-29", "2021-02-03", "2021-03-17")
AGGREGATE = Feed(
    name="aggregate",
    title="An aggregate of disposable domains",
    purpose="disposable_domain",
    kind="domains",
    url="/nowhere",
    licence="MIT",
    lineage="aggregate",
    trust="corroborating",
    refresh=timedelta(days=1),
    max_age=NEVER,
)
Names = frozenset[str]
_BEHIND_ALL = (2**32, "")


@dataclass(frozen=True, slots=True)
class Version:
    """A version as a history file has it: when it came, and what it changed of the one before."""

    at: datetime
    added: Names
    removed: Names

    @property
    def day(self) -> str:
        return f"{self.at:%Y-%m-%d}"


def versions(path: Path = HISTORY) -> Iterator[Version]:
    """The versions of a history file, the oldest first."""
    with gzip.open(path) as file:
        for line in file:
            told = json.loads(line)
            at = datetime.fromisoformat(told["at"]).astimezone(UTC)
            yield Version(at, frozenset(told["added"]), frozenset(told["removed"]))


def protected() -> Names:
    """What the shipped lists protect."""
    return protected_by(read_catalogues([default_catalogue()]), Path("/nowhere"), now=datetime(2026, 1, 1, tzinfo=UTC))


class Replay:
    """A list whose versions come one after the other. Only differences are handled, so that years take seconds.

    `names` are the entries that count of the newest version, `shared` what is left out of it as everybody's. `come`
    and `gone` are how the newest version differs from the active one, which has `size` entries and names
    `active_shared`.
    """

    def __init__(self, guard: Names) -> None:
        self._guard = guard
        self.names: set[str] = set()
        self.shared: set[str] = set()
        self.come: set[str] = set()
        self.gone: set[str] = set()
        self.size = 0
        self.active_shared: Names = frozenset()
        self.active_at: datetime | None = None
        self.steps: list[Step] = []
        self._sample: Sample = NO_SAMPLE
        self._last = _BEHIND_ALL

    def move(self, version: Version) -> None:
        """Make this the newest version."""
        kept, shared = self.compiled(version.added)
        for name in version.removed & self.names:
            self.names.discard(name)
            (self.come.discard if name in self.come else self.gone.add)(name)
        for name in kept - self.names:
            self.names.add(name)
            (self.gone.discard if name in self.gone else self.come.add)(name)
        self.shared = (self.shared - version.removed) | shared

    def compiled(self, names: Names) -> tuple[Names, Names]:
        """What of these names counts, and what is left out as everybody's."""
        shared: set[str] = set()
        found = clean(names, PURPOSES[AGGREGATE.purpose], self._guard, Counter(), shared)
        assert isinstance(found, DomainSet)
        return found.entries, frozenset(shared)

    def reasons(self, at: datetime, *, come: int, gone: int, shared: Iterable[str]) -> tuple[Reason, ...]:
        """Why a version would be held that differs so much from the active one."""
        if self.active_at is None:
            return self._judged(at, None, shared)
        return self._judged(at, Change(size=self.size, added=come, removed=gone), shared)

    def lasting(self, at: datetime) -> Lasting | None:
        """What becomes of entries that have been in the active version for long."""
        return lasting(self._sample, day_of(at), self.names.__contains__)

    def _judged(
        self, at: datetime, change: Change | None, shared: Iterable[str], kept: Lasting | None = None
    ) -> tuple[Reason, ...]:
        return reasons_to_hold(
            AGGREGATE,
            Snapshot(_header(at, shared), DomainSet(frozenset())),
            last=_header(self.active_at, self.active_shared) if self.active_at else None,
            change=change,
            history=self.steps[-400:],
            days=self._days(at),
            flips=None,
            site=Site(),
            lasting=kept,
        )

    def _days(self, at: datetime) -> float:
        return (at - self.active_at).total_seconds() / 86_400 if self.active_at else 0.0

    def offer(self, version: Version, *, is_accident: bool) -> tuple[Reason, ...]:
        """The next version: why it is held, nothing when it is taken by itself. A held accident is refused."""
        self.move(version)
        come, gone, kept = len(self.come), len(self.gone), self.lasting(version.at)
        change = Change(size=self.size, added=come, removed=gone) if self.active_at is not None else None
        reasons = self._judged(version.at, change, self.shared, kept)
        if reasons and is_accident:
            return reasons
        if change is not None and come + gone:
            self.steps.append(taken_step(change, self._days(version.at), released=bool(reasons), lasting=kept))
        self._remember(version.at)
        self.size, self.active_shared, self.active_at = len(self.names), frozenset(self.shared), version.at
        self.come.clear()
        self.gone.clear()
        return reasons

    def _remember(self, at: datetime) -> None:
        """Take the sample anew where the version may have another one."""
        come = [first for first in map(order, self.come) if first < self._last]
        if come or self._sample.keys() & self.gone:
            whole = self._sample.keys() & self.gone or len(self._sample) < SAMPLE
            self._sample = sampled(self.names if whole else {*self._sample, *self.come}, self._sample, day_of(at))
            self._last = max(map(order, self._sample)) if len(self._sample) == SAMPLE else _BEHIND_ALL


def _header(at: datetime, shared: Iterable[str]) -> Header:
    return Header(
        name="aggregate",
        purpose="disposable_domain",
        kind="domains",
        url="/nowhere",
        as_of=at,
        as_of_from="checked",
        fetched_at=at,
        checked_at=at,
        sha256=at.isoformat(),
        source_bytes=0,
        entries=0,
        dropped={},
        recipe="",
        shared=tuple(shared),
    )


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A version of a replay that was held, and why."""

    number: int
    day: str
    reasons: tuple[Reason, ...]


def replayed(
    past: Iterable[Version],
    guard: Names,
    *,
    accidents: Iterable[str] = ACCIDENTS,
    before: Callable[[Replay, Version], None] = lambda replay, version: None,
) -> list[HeldVersion]:
    """What is held of a past, the first version included. `before` may look at the list before each version."""
    replay, held, bad = Replay(guard), list[HeldVersion](), set(accidents)
    for number, version in enumerate(past):
        before(replay, version)
        # Of a day with an accident its first version is one: what comes later that day takes it back.
        reasons = replay.offer(version, is_accident=version.day in bad)
        if reasons:
            held.append(HeldVersion(number, version.day, reasons))
            bad.discard(version.day)
    return held

"""The lists as checks see them: what is fresh, what is missing and why. Immutable; one view serves many signups."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from kycrisk.durations import format_duration
from kycrisk.feeds.catalogue import NEVER, Feed, Trust
from kycrisk.feeds.compile import clean, domain
from kycrisk.feeds.hygiene import with_parents
from kycrisk.feeds.match import AnySet, DomainSet, NetworkIndex, NetworkSet
from kycrisk.feeds.purposes import PROTECTING, PURPOSES
from kycrisk.feeds.snapshot import Snapshot
from kycrisk.feeds.taking import Absent, current, protected_by
from kycrisk.signals import IP, Origin, Unknown, Why

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
_NO_REASONS: Mapping[str | Feed, Unknown] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveList:
    """A list that can be asked. `find` returns the entry that matches a domain, an e-mail address or an IP."""

    feed: Feed
    as_of: datetime
    sha256: str
    find: Callable[[str | IP], str | None]
    entries: AnySet

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def snapshot(self) -> str:
        """What identifies the list's content on a decision."""
        return f"{self.feed.name}@sha256:{self.sha256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingList:
    """A list that cannot answer, and why: never fetched, damaged, or too old (then `as_of` tells how old).

    `what` is the reason without advice, for where several are named together.
    """

    feed: Feed
    unknown: Unknown
    as_of: datetime | None = None
    what: str = ""


class ListedNetworks:
    """All fresh lists of networks, asked together: each is one bit of the answer.

    The index is built when it begins to pay: it takes a tenth of a second for 100,000 networks. Where `few` keys are
    asked about, it never does.
    """

    __slots__ = ("_asked", "_few", "_index", "_sets", "bits")

    def __init__(self, lists: Iterable[ActiveList], *, few: bool = False) -> None:
        self._few = few
        sets = [(one.feed.name, one.entries) for one in lists if isinstance(one.entries, NetworkSet)]
        self.bits: Mapping[str, int] = {name: 1 << number for number, (name, _) in enumerate(sets)}
        self._sets = [entries for _, entries in sets]
        self._index: NetworkIndex | None = None
        self._asked = 0

    def holding(self, ip: IP) -> int | None:
        """The lists that hold an address, as `bits`; None while each is still to be asked by itself."""
        if self._index is None:
            self._asked += 1
            if self._few or self._asked < _INDEX_PAYS:
                return None
            self._index = NetworkIndex(self._sets)
        return self._index.holding(ip)


_INDEX_PAYS = 300  # signups


class Lists:
    """All enabled lists, by purpose; not to be changed after it was made.

    `good_until` is the earliest moment at which a fresh list goes stale; the view is to be opened again then.
    """

    __slots__ = ("_fresh", "_missing", "good_until", "networks")

    good_until: datetime

    def __init__(self, fresh: Sequence[ActiveList], missing: Sequence[MissingList] = (), *, few: bool = False) -> None:
        self._fresh = {name: tuple(one for one in fresh if one.feed.purpose == name) for name in PURPOSES}
        self._missing = {name: tuple(one for one in missing if one.feed.purpose == name) for name in PURPOSES}
        self.networks = ListedNetworks((one for lists in self._fresh.values() for one in lists), few=few)
        self.good_until = min((_stale_at(one.feed, one.as_of) for one in fresh), default=_END_OF_TIME)

    def fresh(self, purpose: str, trust: Trust | None = None) -> tuple[ActiveList, ...]:
        """The lists of a purpose that can be asked, all or those of one trust, in the catalogue's order."""
        found = self._fresh[purpose]
        return found if trust is None else tuple(one for one in found if one.feed.trust == trust)

    def missing(self, purpose: str, trust: Trust | None = None) -> tuple[MissingList, ...]:
        """The enabled lists of a purpose that cannot answer."""
        found = self._missing[purpose]
        return found if trust is None else tuple(one for one in found if one.feed.trust == trust)

    def unknown(self, purpose: str, trust: Trust | None = None) -> Unknown | None:
        """Why "not listed" cannot be said for a purpose; None when every enabled list of it was asked.

        A missing list is no gap while a copy of it (`copy_of`) is fresh. That no feed is enabled is a gap.
        """
        fresh, missing = self.fresh(purpose, trust), self.missing(purpose, trust)
        roads = {name for one in fresh for name in (one.feed.name, one.feed.copy_of) if name}
        gaps = [one for one in missing if not roads & {one.feed.name, one.feed.copy_of}]
        if gaps:
            return _merged(gaps)
        if not fresh and not missing:
            which = f"{trust} feed" if trust else "feed"
            return Unknown(Why.NOT_CONFIGURED, f"no {which} for `{purpose}` is enabled")
        return None

    def origin(self, purpose: str, trust: Trust | None = None) -> Origin:
        """Where facts about a purpose come from: the fresh lists, dated by the oldest of them."""
        fresh = self.fresh(purpose, trust)
        if not fresh:
            return Origin(", ".join(one.feed.name for one in self.missing(purpose, trust)) or purpose)
        return Origin(
            source=", ".join(one.feed.name for one in fresh),
            as_of=min(one.as_of for one in fresh),
            snapshots=tuple(one.snapshot for one in fresh),
        )

    def few(self, purposes: Collection[str]) -> Lists:
        """The lists of some purposes, to be asked about few keys: no index of them is ever built."""
        return Lists(
            [one for purpose in purposes for one in self._fresh[purpose]],
            [one for purpose in purposes for one in self._missing[purpose]],
            few=True,
        )

    def with_entries(self, feed: Feed, entries: AnySet, as_of: datetime) -> Lists:
        """The same lists, but for one that has other entries; where it was missing it is there now."""
        before = [one for lists in self._fresh.values() for one in lists]
        changed = ActiveList(feed=feed, as_of=as_of, sha256="", find=entries.find, entries=entries)
        there = any(one.feed.name == feed.name for one in before)
        fresh = [changed if one.feed.name == feed.name else one for one in before] + ([] if there else [changed])
        missing = [one for lists in self._missing.values() for one in lists if one.feed.name != feed.name]
        return Lists(fresh, missing)

    @classmethod
    def open(cls, feeds: Sequence[Feed], folder: Path, now: datetime) -> Lists:
        """The enabled feeds' compiled snapshots under `folder`, judged by their age at `now`.

        Lists that are installed with kycrisk are read where they lie. No list makes this raise: one that is
        damaged, too old or was never fetched is missing, with its reason.
        """
        protected = protected_by(feeds, folder, now=now)
        judged = [_judged(feed, folder, protected, now) for feed in feeds if feed.enabled]
        return cls(
            [one for one in judged if isinstance(one, ActiveList)],
            [one for one in judged if isinstance(one, MissingList)],
        )

    @classmethod
    def of(
        cls,
        entries: Mapping[str | Feed, Iterable[str]] | Mapping[str, Iterable[str]],
        *,
        missing: Mapping[str | Feed, Unknown] | Mapping[str, Unknown] = _NO_REASONS,
        as_of: datetime = _GIVEN,
    ) -> Lists:
        """Lists from memory, for tests and samples: `Lists.of({"tor_exit": ["192.0.2.1"]})`.

        A key is a purpose, which makes one trusted list named after it (`tor-exit`), or a `Feed`. Entries are
        cleaned as those of any list. Purposes that are left out have no feed. Raises `ValueError` for an entry
        that makes no sense.
        """
        raw = {_feed(key): tuple(values) for key, values in entries.items()}
        guards = (domain(name) for feed, names in raw.items() if feed.purpose in PROTECTING for name in names)
        protected = with_parents(name for name in guards if name)
        reasons = {_feed(key): reason for key, reason in missing.items()}
        return cls(
            [_given(feed, values, protected, as_of) for feed, values in raw.items()],
            [MissingList(feed=feed, unknown=unknown) for feed, unknown in reasons.items()],
        )


def _merged(gaps: Sequence[MissingList]) -> Unknown:
    """One reason for several missing lists: why the first is missing, and which ones are."""
    if len(gaps) == 1:
        return gaps[0].unknown
    several = "; ".join(one.what or one.unknown.detail for one in gaps)
    advice = "; run `kycrisk feeds update`" if any(one.what for one in gaps) else ""
    return Unknown(gaps[0].unknown.why, several + advice)


def _judged(feed: Feed, folder: Path, protected: frozenset[str], now: datetime) -> ActiveList | MissingList:
    found = current(feed, folder, now=now, protected=protected)
    if isinstance(found, Absent):
        return MissingList(feed=feed, unknown=found.unknown, what=found.what)
    as_of = found.header.as_of
    if now > _stale_at(feed, as_of):
        age = f"`{feed.name}` is {_age(now - as_of)} old, at most {format_duration(feed.max_age)}"
        return MissingList(feed=feed, unknown=Unknown(Why.STALE_LIST, age), as_of=as_of)
    entries = _unprotected(feed, found, protected)
    return ActiveList(feed=feed, as_of=as_of, sha256=found.header.sha256, find=entries.find, entries=entries)


def _unprotected(feed: Feed, found: Snapshot, protected: frozenset[str]) -> AnySet:
    """The entries without domains that were put under protection after the list was compiled."""
    entries = found.entries
    if not isinstance(entries, DomainSet) or not PURPOSES[feed.purpose].accuses:
        return entries
    return entries if protected.isdisjoint(entries.entries) else DomainSet(entries.entries - protected)


def _stale_at(feed: Feed, as_of: datetime) -> datetime:
    try:
        return _END_OF_TIME if feed.max_age == NEVER else as_of + feed.max_age
    except OverflowError:
        return _END_OF_TIME


def _age(age: timedelta) -> str:
    """In whole days from two days on, else in hours or minutes."""
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if age >= 2 * unit:
            return format_duration(age // unit * unit)
    return format_duration(timedelta(seconds=age // timedelta(seconds=1)))


def _feed(key: str | Feed) -> Feed:
    if isinstance(key, Feed):
        return key
    purpose = PURPOSES[key]
    return Feed(
        name=key.replace("_", "-"),
        title=purpose.title,
        purpose=key,
        kind={"domain": "domains", "network": "networks", "e-mail address": "emails"}[purpose.shape.value],
        url="given",
        licence="given",
        lineage=key.replace("_", "-"),
        trust="trusted",
        refresh=NEVER,
        max_age=NEVER,
    )


def _given(feed: Feed, values: tuple[str, ...], protected: frozenset[str], as_of: datetime) -> ActiveList:
    dropped: Counter[str] = Counter()
    entries = clean(values, PURPOSES[feed.purpose], protected, dropped)
    if dropped["malformed"]:
        raise ValueError(f"{dropped['malformed']} entries given for `{feed.name}` make no sense")
    sha256 = hashlib.sha256("\n".join(sorted(values)).encode()).hexdigest()
    return ActiveList(feed=feed, as_of=as_of, sha256=sha256, find=entries.find, entries=entries)

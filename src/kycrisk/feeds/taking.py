"""Taking a list in: from its bytes to a snapshot, and whatever snapshot of it there is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path

import publicsuffixlist

from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.compile import COMPILER, compile_list
from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.hygiene import with_parents
from kycrisk.feeds.match import DomainSet
from kycrisk.feeds.packing import gunzip
from kycrisk.feeds.purposes import PROTECTING, PURPOSES
from kycrisk.feeds.snapshot import DamagedSnapshot, Header, Snapshot
from kycrisk.feeds.sources import is_built_in, read_local, version_of
from kycrisk.signals import Unknown, Why

_GZIP = b"\x1f\x8b"
_ROOM = 32_768  # bytes


def recipe(feed: Feed, protected: frozenset[str]) -> str:
    """Names everything besides the source that a compiled list depends on."""
    guard = "-"
    if PURPOSES[feed.purpose].accuses:
        guard = hashlib.sha256("\n".join(sorted(protected)).encode()).hexdigest()[:16]
    return f"{COMPILER}/{publicsuffixlist.__version__}/{feed.minimum}/{guard}"


def take(
    feed: Feed,
    body: bytes,
    *,
    modified_at: datetime | None,
    now: datetime,
    protected: frozenset[str],
    version: str = "",
    last_modified: str = "",
) -> Snapshot:
    """The snapshot of a list as it came. Raises `FeedFailure` when the bytes are not the list."""
    unpacked = gunzip(body, feed.max_bytes) if body.startswith(_GZIP) else body
    compiled = compile_list(unpacked, kind=feed.kind, purpose=feed.purpose, minimum=feed.minimum, protected=protected)
    told = compiled.as_of or modified_at
    header = Header(
        name=feed.name,
        purpose=feed.purpose,
        kind=feed.kind,
        url=feed.url,
        as_of=min(told, now) if told else now,  # a list dated into the future would never go stale
        as_of_from="list" if compiled.as_of else "modified" if modified_at else "checked",
        fetched_at=now,
        checked_at=now,
        sha256=hashlib.sha256(body).hexdigest(),
        source_bytes=len(body),
        entries=len(compiled.entries),
        dropped=compiled.dropped,
        recipe=recipe(feed, protected),
        version=version,
        last_modified=last_modified,
        shared=_as_many_as_fit(compiled.shared),
    )
    return Snapshot(header, compiled.entries)


def _as_many_as_fit(names: frozenset[str]) -> tuple[str, ...]:
    """The names that have room in the header of a snapshot, the shortest first: they stand for the most people."""
    ordered = sorted(names, key=lambda name: (len(name), name))
    room = accumulate(len(name) + 3 for name in ordered)
    return tuple(name for name, taken in zip(ordered, room, strict=True) if taken <= _ROOM)


def take_local(feed: Feed, *, now: datetime, protected: frozenset[str]) -> Snapshot:
    """The snapshot of a list that needs no network. Raises `FeedFailure`."""
    local = read_local(feed.url, max_bytes=feed.max_bytes)
    version = version_of(feed.url) if is_built_in(feed.url) else ""
    return take(feed, local.body, modified_at=local.modified_at, now=now, protected=protected, version=version)


def made_from(header: Header, feed: Feed, protected: frozenset[str]) -> bool:
    """Would the same bytes give this snapshot again, under the catalogue as it is now?"""
    return (header.url, header.kind, header.purpose, header.recipe) == (
        feed.url,
        feed.kind,
        feed.purpose,
        recipe(feed, protected),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Why there is no snapshot of a list, and what to do about it."""

    why: Why
    what: str
    advice: str = ""

    @property
    def unknown(self) -> Unknown:
        return Unknown(self.why, f"{self.what}; {self.advice}" if self.advice else self.what)


def current(feed: Feed, folder: Path, *, now: datetime, protected: frozenset[str]) -> Snapshot | Absent:
    """The newest snapshot there is, or why there is none.

    A list that is installed with kycrisk is compiled on the spot when `folder` has no snapshot of its present
    version, so it answers at once and follows an upgrade.
    """
    try:
        stored = snapshot.load(folder, feed.name)
        damage = ""
    except DamagedSnapshot as error:
        stored, damage = None, str(error)
    if is_built_in(feed.url):
        try:
            version = version_of(feed.url)
            if stored and version == stored.header.version != "" and made_from(stored.header, feed, protected):
                return stored
            return take_local(feed, now=now, protected=protected)
        except FeedFailure as failure:
            return Absent(why=Why.NOT_CONFIGURED, what=f"`{feed.name}`: {failure}")
    advice = f"run `kycrisk feeds update {feed.name}`"
    if damage:
        what = f"the snapshot of `{feed.name}` is damaged: {damage}"
        return Absent(why=Why.MALFORMED_ANSWER, what=what, advice=advice)
    if stored is None:
        return Absent(why=Why.NOT_CONFIGURED, what=f"`{feed.name}` was never fetched", advice=advice)
    if stored.header.purpose != feed.purpose:
        what = f"`{feed.name}` was fetched as `{stored.header.purpose}` and is now `{feed.purpose}`"
        return Absent(why=Why.NOT_CONFIGURED, what=what, advice=advice)
    return stored


def protected_by(feeds: Iterable[Feed], folder: Path, *, now: datetime) -> frozenset[str]:
    """The domains that accusing lists may not name, with their parents, by the enabled lists that say so.

    Their age does not count: a protection that is too old is better than none.
    """
    names: set[str] = set()
    for feed in feeds:
        if feed.enabled and feed.purpose in PROTECTING:
            guard = current(feed, folder, now=now, protected=frozenset())
            if isinstance(guard, Snapshot) and isinstance(guard.entries, DomainSet):
                names |= guard.entries.entries
    return with_parents(names)

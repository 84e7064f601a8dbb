"""Bringing the lists up to date. A failure leaves the last good snapshot in place and says why."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import httpx

from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.fetch import OnBytes, fetch, new_client
from kycrisk.feeds.purposes import PROTECTING
from kycrisk.feeds.quarantine.gate import Quarantine, admit
from kycrisk.feeds.quarantine.record import locked
from kycrisk.feeds.snapshot import DamagedSnapshot, Header, Snapshot
from kycrisk.feeds.sources import is_built_in, is_remote
from kycrisk.feeds.taking import made_from, protected_by, take, take_local

Status = Literal["updated", "unchanged", "not_due", "skipped", "failed", "held", "refused"]


_BY_ITSELF = Quarantine()  # judged by the list's own past alone


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """What became of one feed.

    `entries`, `dropped` (by reason), `as_of` and `sha256` are those of the snapshot now in place, which after a
    failure is the last good one; `as_of` is None when there is none. `received` counts bytes over the network or
    from the file. `reason` says why for `failed`, `skipped`, `held` and `refused`. `held` is the new version's: it
    waits for somebody to release or refuse it, and `refused` that somebody did. `left_out` is what a version that was
    taken began to name and is everybody's, such as a protected domain: the list is without it.
    """

    feed: Feed
    status: Status
    reason: str = ""
    entries: int = 0
    dropped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    received: int = 0
    as_of: datetime | None = None
    sha256: str = ""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where an update is: feed `number` (from 1) `of` all, bytes so far, and its result once it has one."""

    feed: Feed
    number: int
    of: int
    received: int = 0
    expected: int | None = None
    result: UpdateResult | None = None


def guards_of(chosen: Sequence[Feed], feeds: Iterable[Feed]) -> list[Feed]:
    """The enabled lists that protect domains and are not among the chosen ones. They are brought up to date with them,
    because the others are compiled under their protection."""
    return [feed for feed in feeds if feed.enabled and feed.purpose in PROTECTING and feed not in chosen]


def update(
    feeds: Sequence[Feed],
    folder: Path,
    *,
    now: datetime,
    client: httpx.Client | None = None,
    offline: bool = False,
    force: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    quarantine: Quarantine = _BY_ITSELF,
) -> list[UpdateResult]:
    """Fetch, compile and store every enabled feed that is due; one result per feed, in their order.

    `offline` leaves out what needs the network; packages, files and shipped lists are still read. `force` asks
    also for lists that are not due. Without `client` one is made that honours the environment's proxies. A version
    that looks like an accident, by `quarantine`, does not become active.
    """
    order = sorted(range(len(feeds)), key=lambda index: feeds[index].purpose not in PROTECTING)
    results: dict[int, UpdateResult] = {}
    tell = on_progress or _silent
    with ExitStack() as stack:
        if client is None and not offline and any(is_remote(feed.url) for feed in feeds if feed.enabled):
            client = stack.enter_context(new_client(importlib.metadata.version("kycrisk")))
        protected: frozenset[str] = frozenset()
        for number, index in enumerate(order, start=1):
            feed = feeds[index]
            if feed.purpose not in PROTECTING and not protected:
                protected = protected_by(feeds, folder, now=now)
            progress = Progress(feed=feed, number=number, of=len(feeds))
            tell(progress)
            job = _Job(
                feed=feed,
                folder=folder,
                now=now,
                client=None if offline else client,
                force=force,
                protected=protected,
                on_bytes=partial(_tell_bytes, tell, progress),
                clock=clock,
                quarantine=quarantine,
            )
            results[index] = job.run()
            tell(replace(progress, received=results[index].received, result=results[index]))
    return [results[index] for index in range(len(feeds))]


def _tell_bytes(tell: Callable[[Progress], None], progress: Progress, received: int, expected: int | None) -> None:
    tell(replace(progress, received=received, expected=expected))


def _silent(progress: Progress) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The update of one feed. `client` is None where the network may not be used."""

    feed: Feed
    folder: Path
    now: datetime
    client: httpx.Client | None
    force: bool
    protected: frozenset[str]
    on_bytes: OnBytes
    clock: Callable[[], float]
    quarantine: Quarantine

    def run(self) -> UpdateResult:
        if not self.feed.enabled:
            return UpdateResult(feed=self.feed, status="skipped", reason="disabled in the catalogue")
        last = self._last()
        try:
            if not is_remote(self.feed.url):
                return self._local(last)
            if self.client is None:
                return self._result("skipped", last, reason="needs the network")
            if last and self._same(last) and not self.force and self._is_recent(last):
                return self._result("not_due", last)
            return self._remote(self.client, last)
        except FeedFailure as failure:
            return self._failed(str(failure), last)
        except OSError as error:
            return self._failed(f"it cannot be stored: {(error.strerror or str(error)).lower()}", last)

    def _last(self) -> Header | None:
        stored = self._stored()
        return stored.header if stored else None

    def _stored(self) -> Snapshot | None:
        """The last good snapshot, read in full: one that is damaged must not stop its own repair."""
        try:
            return snapshot.load(self.folder, self.feed.name)
        except DamagedSnapshot:
            return None

    def _same(self, last: Header) -> bool:
        return made_from(last, self.feed, self.protected)

    def _is_recent(self, last: Header) -> bool:
        return timedelta() <= self.now - last.checked_at < self.feed.refresh

    def _local(self, last: Header | None) -> UpdateResult:
        taken = take_local(self.feed, now=self.now, protected=self.protected)
        return self._store(taken, last, received=taken.header.source_bytes)

    def _remote(self, client: httpx.Client, last: Header | None) -> UpdateResult:
        known = last if last and self._same(last) else None
        fetched = fetch(
            client,
            self.feed.url,
            etag=known.version if known else "",
            last_modified=known.last_modified if known else "",
            max_bytes=self.feed.max_bytes,
            on_bytes=self.on_bytes,
            clock=self.clock,
        )
        if fetched is None:
            if known is None:
                raise FeedFailure("the server answers 304 not modified to an unconditional request")
            return self._confirm(known, received=0)
        taken = take(
            self.feed,
            fetched.body,
            modified_at=fetched.modified_at,
            now=self.now,
            protected=self.protected,
            version=fetched.etag,
            last_modified=fetched.last_modified,
        )
        return self._store(taken, last, received=fetched.received)

    def _store(self, taken: Snapshot, before: Header | None, *, received: int) -> UpdateResult:
        """Under the lock of the list, as another updater may have been here since the last version was looked at."""
        with locked(self.folder, self.feed.name):
            stored = self._stored()
            last = stored.header if stored else None
            if last and last != before and last.checked_at > self.now:
                return self._result("unchanged", last, received=received)  # what came here is older than what is there
            if last and self._same(last) and last.sha256 == taken.header.sha256:
                header = replace(taken.header, fetched_at=last.fetched_at)
                snapshot.rewrite_header(self.folder, header)
                return self._result("unchanged", header, received=received)
            if is_built_in(self.feed.url):  # whoever installs it takes it into force
                snapshot.write(self.folder, taken)
                return self._result("updated", taken.header, received=received)
            comparable = stored if last and self._comparable(last) else None
            given = admit(self.feed, taken, self.folder, last=comparable, now=self.now, quarantine=self.quarantine)
            if given.status == "active":
                return replace(self._result("updated", taken.header, received=received), left_out=given.left_out)
            if last and self._same(last):  # the source was asked, and what is active is no younger for it
                last = replace(last, checked_at=self.now)
                snapshot.rewrite_header(self.folder, last)
            kept = f"the list of {last.as_of:%Y-%m-%d} stays in place" if last else "there is no earlier one"
            if given.status == "refused" and given.verdict is not None:
                reason = f"{given.verdict.by} refused this version on {given.verdict.at:%Y-%m-%d}; {kept}"
                return self._result("refused", last, reason=reason, received=received)
            reason = "; ".join([*(each.text for each in given.reasons), kept])
            return self._result("held", last, reason=reason, received=received)

    def _comparable(self, last: Header) -> bool:
        """Is what is active an earlier version of this list, and not of one that had its name?"""
        return (last.url, last.kind, last.purpose) == (self.feed.url, self.feed.kind, self.feed.purpose)

    def _confirm(self, last: Header, *, received: int) -> UpdateResult:
        """The source says that nothing changed; where only the moment of asking dates the list, that is now."""
        as_of = self.now if last.as_of_from == "checked" else last.as_of
        header = replace(last, checked_at=self.now, as_of=as_of)
        snapshot.rewrite_header(self.folder, header)
        return self._result("unchanged", header, received=received)

    def _failed(self, reason: str, last: Header | None) -> UpdateResult:
        kept = f"; the list of {last.as_of:%Y-%m-%d} stays in place" if last else ""
        return self._result("failed", last, reason=reason + kept)

    def _result(self, status: Status, header: Header | None, *, reason: str = "", received: int = 0) -> UpdateResult:
        return UpdateResult(
            feed=self.feed,
            status=status,
            reason=reason,
            entries=header.entries if header else 0,
            dropped=header.dropped if header else {},
            received=received,
            as_of=header.as_of if header else None,
            sha256=header.sha256 if header else "",
        )

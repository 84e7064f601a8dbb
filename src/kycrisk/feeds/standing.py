"""How lists stand: fresh, stale, missing, or not wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kycrisk.feeds.catalogue import NEVER, Feed
from kycrisk.feeds.quarantine.gate import held_version
from kycrisk.feeds.quarantine.record import Held
from kycrisk.feeds.snapshot import Header, Snapshot
from kycrisk.feeds.taking import Absent, current, protected_by


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStanding:
    """How a feed stands: its newest snapshot, or why there is none."""

    feed: Feed
    found: Header | Absent  # without the entries: a service keeps how its lists stand, and the lists only once
    state: str  # fresh, stale, missing, disabled
    held: Held | None = None  # a newer version that waits for somebody to release or refuse it

    @property
    def header(self) -> Header | None:
        return None if isinstance(self.found, Absent) else self.found


def feed_standings(
    feeds: Sequence[Feed], folder: Path, now: datetime, chosen: Sequence[Feed] | None = None
) -> list[FeedStanding]:
    """How these feeds, or the chosen among them, stand."""
    protected = protected_by(feeds, folder, now=now)
    wanted = feeds if chosen is None else chosen
    found = ((feed, _header_of(current(feed, folder, now=now, protected=protected))) for feed in wanted)
    return [
        FeedStanding(feed=feed, found=header, state=_state(feed, header, now), held=held_version(feed, folder))
        for feed, header in found
    ]


def _header_of(found: Snapshot | Absent) -> Header | Absent:
    return found if isinstance(found, Absent) else found.header


def _state(feed: Feed, found: Header | Absent, now: datetime) -> str:
    if not feed.enabled:
        return "disabled"
    if isinstance(found, Absent):
        return "missing"
    return "fresh" if feed.max_age == NEVER or now - found.as_of <= feed.max_age else "stale"

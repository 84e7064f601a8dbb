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
    found: Snapshot | Absent
    state: str  # fresh, stale, missing, disabled
    held: Held | None = None  # a newer version that waits for somebody to release or refuse it

    @property
    def header(self) -> Header | None:
        return None if isinstance(self.found, Absent) else self.found.header


def feed_standings(
    feeds: Sequence[Feed], folder: Path, now: datetime, chosen: Sequence[Feed] | None = None
) -> list[FeedStanding]:
    """How these feeds, or the chosen among them, stand."""
    protected = protected_by(feeds, folder, now=now)
    wanted = feeds if chosen is None else chosen
    found = ((feed, current(feed, folder, now=now, protected=protected)) for feed in wanted)
    return [
        FeedStanding(feed=feed, found=snapshot, state=_state(feed, snapshot, now), held=held_version(feed, folder))
        for feed, snapshot in found
    ]


def _state(feed: Feed, found: Snapshot | Absent, now: datetime) -> str:
    if not feed.enabled:
        return "disabled"
    if isinstance(found, Absent):
        return "missing"
    return "fresh" if feed.max_age == NEVER or now - found.header.as_of <= feed.max_age else "stale"

"""Decisions about held versions of lists, in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from kycrisk.feeds.quarantine.record import Held
from kycrisk.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """Who released or refused the held version of a feed, and why."""

    feed: str
    release: bool
    by: str
    why: str


async def audited(store: Store, row: HeldRow, held: Held) -> None:
    """Add it to the log: before it has any effect, so that nothing is released of which nobody knows.

    Raises `StoreUnavailable`; the version must stay held then.
    """
    details = {
        "sha256": held.sha256,
        "why": row.why,
        "reasons": [reason.kind for reason in held.reasons],
        "entries": held.entries,
        "added": held.added,
        "removed": held.removed,
        "flips": None if held.flips is None else held.flips.flips,
    }
    action = "feed.released" if row.release else "feed.refused"
    await store.write(lambda tx: tx.audit(row.by, action, f"feed {row.feed}", details))

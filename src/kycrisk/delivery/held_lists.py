"""What became of new versions of lists, in the audit log: decisions about held ones, and what others are without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from kycrisk.feeds.quarantine.change import SHOWN
from kycrisk.feeds.quarantine.record import Held
from kycrisk.feeds.update import UpdateResult
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction


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


async def audited_left_out(store: Store, results: Iterable[UpdateResult]) -> None:
    """Add to the log which versions were taken without what they name and is everybody's. Raises `StoreUnavailable`."""
    for each in results:
        if each.left_out:
            details = {"sha256": each.sha256, "names": list(each.left_out[:SHOWN])}
            subject = f"feed {each.feed.name}"
            await store.write(partial(_add, subject=subject, details=details))


def _add(tx: Transaction, subject: str, details: Mapping[str, object]) -> int:
    return tx.audit("feeds", "feed.left_out", subject, details)

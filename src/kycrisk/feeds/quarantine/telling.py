"""A held version as JSON, the same at every door."""

from __future__ import annotations

from typing import Any

from kycrisk.decision_json import moment_text
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.quarantine.reasons import Flips
from kycrisk.feeds.quarantine.record import Held


def held_dict(feed: Feed, held: Held) -> dict[str, Any]:
    """Why a version is held, what it would add and remove, and whom it would touch (None: that is not known)."""
    return {
        "name": feed.name,
        "sha256": held.sha256,
        "since": moment_text(held.since),
        "reasons": [{"kind": each.kind, "text": each.text, "examples": list(each.examples)} for each in held.reasons],
        "entries": held.entries,
        "added": {"count": held.added, "examples": list(held.added_examples)},
        "removed": {"count": held.removed, "examples": list(held.removed_examples)},
        "customers": None if held.flips is None else _customers(held.flips),
    }


def _customers(flips: Flips) -> dict[str, Any]:
    return {
        "looked_at": flips.accounts,
        "would_flip": flips.flips,
        "examples": [
            {"account_id": each.account, "before": each.before, "after": each.after} for each in flips.examples
        ],
    }

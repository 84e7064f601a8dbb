"""Poses of a selfie: drawn for a case and an attempt, the same however often its page is loaded."""

from __future__ import annotations

from collections.abc import Callable

from kycrisk.store.sealing import SiteKey
from kycrisk.verification.case import Case
from kycrisk.verification.documents.selfie import Pose, poses


def poses_of(case: Case, site: SiteKey, count: int) -> tuple[Pose, ...]:
    """What this customer is asked to do. Nobody knows it without the site key."""
    return poses(count, _stream(site, f"{case.id} {case.attempts}"))


def _stream(site: SiteKey, name: str) -> Callable[[int], bytes]:
    """Bytes that look random, and are the same for the same name."""
    taken = 0

    def more(count: int) -> bytes:
        nonlocal taken
        found = b""
        while len(found) < count:
            found += site.pseudonym("poses", f"{name} {taken}")
            taken += 1
        return found[:count]

    return more

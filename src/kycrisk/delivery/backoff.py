"""When an attempt is made again, and when no more: exponentially later, up to six hours, for at least three days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

FIRST, FACTOR, LONGEST = timedelta(seconds=5), 3, timedelta(hours=6)
PATIENCE = timedelta(days=3)
MOST_ASKED_FOR = timedelta(days=1)  # that `Retry-After` is heeded for
_STEPS = 8  # after so many the longest pause is reached


def next_attempt(
    attempts: int, first: datetime, now: datetime, retry_after: float, random: Callable[[], float]
) -> datetime | None:
    """When the next attempt is due after `attempts` that failed, the first of them at `first`; None: give up.

    No attempt is the last one but what fails three days after the first, or later. `random` is from 0 to 1: pauses vary
    by a fifth either way, so that what failed together does not come back together. `retry_after` is in seconds.
    """
    if now - first >= PATIENCE:
        return None
    steps: int = FACTOR ** min(max(attempts, 1) - 1, _STEPS)
    pause = min(FIRST * steps, LONGEST) * (0.8 + 0.4 * random())
    asked = min(timedelta(seconds=min(retry_after, 1e6)), MOST_ASKED_FOR)
    return now + max(pause, asked)

"""Screening again those whose decision waits for a source, called by a schedule or when the source answers again.

A settled decision takes its account off the list, in the transaction that stores it; another unsettled one counts the
try, and the account is left alone for a while that grows with its tries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from kycrisk.decision_json import decision_from_json, moment_text
from kycrisk.problems import Problems
from kycrisk.service.standing import Standing
from kycrisk.service.stored import StoredScreener, Wanted
from kycrisk.store.failure import NotFound
from kycrisk.store.rechecks import Recheck

ACTOR = "recheck"
#: How long an account is left alone after its first try; twice as long after each further one, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(days=1)
MOST_TRIES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked:
    """What came of one run: decisions that are settled now, accounts that wait on, and those that were given up."""

    settled: int = 0
    waiting: int = 0
    given_up: int = 0


async def recheck(
    screener: StoredScreener,
    standing: Callable[[], Standing],
    now: Callable[[], datetime],
    *,
    signals: Collection[str] | None = None,
    limit: int = 100,
) -> Rechecked:
    """Screen again the accounts that are due, those waiting longest first; only those that miss one of `signals`.

    An account is given up when its signup was erased or can no longer be read, or after `MOST_TRIES`. Raises
    `StoreUnavailable`; what was done until then stays done.
    """
    settled = waiting = given_up = 0
    for each in await screener.store.rechecks.due(now(), signals=signals, limit=limit):
        found = await _screened(screener, standing(), each) if each.tries < MOST_TRIES else None
        if found is None:
            await screener.store.rechecks.give_up(each.account, ACTOR)
            given_up += 1
        elif found:
            settled += 1
        else:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(each.tries, 20))
            await screener.store.rechecks.postpone(each.account, now() + pause)
            waiting += 1
    return Rechecked(settled=settled, waiting=waiting, given_up=given_up)


async def _screened(screener: StoredScreener, standing: Standing, each: Recheck) -> bool | None:
    """Whether the new decision is settled; None when there is nothing to screen any more."""
    try:
        kept = await screener.store.signups.get(each.signup)
        if kept.raw is None:
            return None
        raw = {**json.loads(kept.raw), "submitted_at": moment_text(kept.submitted_at)}
        wanted = Wanted(signup=standing.desk.signup(raw), raw=kept.raw, actor=ACTOR)
        stored = await screener.again(standing, wanted, each.signup)
    except (NotFound, Problems):  # erased meanwhile, or its attributes are no longer declared
        return None
    return decision_from_json(stored.body).settled

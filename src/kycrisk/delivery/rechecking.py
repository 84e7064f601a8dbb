"""Rechecks: accounts that were decided while a source kept silent are screened again when it answers.

The account that waits longest asks first. Where its answer is still missing, the others that wait for the same signals
are left alone until later, so a source that is still down is asked once in a run and not for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kycrisk.decision import Decision
from kycrisk.decision_json import decision_from_json, moment_text
from kycrisk.problems import Problems
from kycrisk.screening.recheck import PASSING
from kycrisk.service.standing import Standing
from kycrisk.service.stored import StoredScreener, Wanted
from kycrisk.store.failure import NotFound
from kycrisk.store.rechecks import Recheck
from kycrisk.store.store import Store

ACTOR = "recheck"
FIRST, LONGEST = timedelta(minutes=5), timedelta(days=1)
_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a run came to."""

    screened: int = 0
    settled: int = 0
    postponed: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Rechecker:
    """Screens unsettled accounts again. Belongs to the event loop of the screener."""

    store: Store
    screener: StoredScreener
    standing: Callable[[], Standing]
    clock: Callable[[], datetime]

    async def run(self) -> Rechecked:
        """Go once through the accounts that are due now. Raises `StoreUnavailable`; may be begun again at any time."""
        began = self.clock()
        silent: set[str] = set()
        counts = dict.fromkeys(("screened", "settled", "postponed", "given_up"), 0)
        while due := await self.store.rechecks.due(began, limit=_TOGETHER):
            for each in due:
                counts[await self._one(each, silent)] += 1
        return Rechecked(
            screened=counts["screened"] + counts["settled"],
            settled=counts["settled"],
            postponed=counts["postponed"],
            given_up=counts["given_up"],
        )

    async def _one(self, each: Recheck, silent: set[str]) -> str:
        passing = {signal for signal, why in each.missing.items() if why in {reason.value for reason in PASSING}}
        if not passing or passing <= silent:
            await self._postpone(each, each.tries)
            return "postponed"
        decision = await self._again(each)
        if decision is None:
            await self.store.rechecks.give_up(each.account, ACTOR)
            return "given_up"
        if decision.settled:
            return "settled"
        silent |= passing & {signal for rule in decision.undetermined for signal in rule.why}
        await self._postpone(each, each.tries + 1)
        return "screened"

    async def _again(self, each: Recheck) -> Decision | None:
        """The new decision; None where what the customer gave is not kept, or can no longer be read."""
        try:
            kept = await self.store.signups.get(each.signup)
        except NotFound:
            return None
        if kept.raw is None:
            return None
        standing = self.standing()
        raw = {"submitted_at": moment_text(kept.submitted_at), **json.loads(kept.raw)}
        try:
            signup = standing.desk.signup(raw)
            stored = await self.screener.again(standing, Wanted(signup=signup, raw=kept.raw, actor=ACTOR), each.signup)
        except (Problems, NotFound):
            return None
        return decision_from_json(stored.body)

    async def _postpone(self, each: Recheck, tries: int) -> None:
        pause = min(FIRST * 2 ** min(tries, 20), LONGEST)
        await self.store.rechecks.postpone(each.account, self.clock() + pause)

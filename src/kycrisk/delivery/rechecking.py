"""Rechecks by themselves: when a source answers again, those who wait for it are screened anew.

Of the accounts that miss a signal the one that waits longest goes first. Where it still waits afterwards, its source is
not well yet, and the others are left alone until the next time: a source that is down is asked once, not for everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kycrisk.service.recheck import Rechecked, recheck
from kycrisk.service.standing import Standing
from kycrisk.service.stored import StoredScreener
from kycrisk.store.store import Store

_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Rechecker:
    """Screens unsettled accounts again. Belongs to the event loop of the screener."""

    store: Store
    screener: StoredScreener
    standing: Callable[[], Standing]
    clock: Callable[[], datetime]

    async def run(self) -> Rechecked:
        """Go once through the accounts that are due. Raises `StoreUnavailable`; may be begun again at any time."""
        runs: list[Rechecked] = []
        for signal in sorted(await self.store.rechecks.missing()):
            limit = 1
            while True:
                came = await self._some(signal, limit)
                runs.append(came)
                if came.waiting or came == Rechecked():
                    break
                limit = _TOGETHER
        return Rechecked(
            settled=sum(each.settled for each in runs),
            waiting=sum(each.waiting for each in runs),
            given_up=sum(each.given_up for each in runs),
        )

    async def _some(self, signal: str, limit: int) -> Rechecked:
        return await recheck(self.screener, self.standing, self.clock, signals=[signal], limit=limit)

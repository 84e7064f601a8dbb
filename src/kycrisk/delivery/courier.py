"""The courier: looks for what is due to any endpoint, and has it sent, until it is told to stop.

Any number of couriers, in any number of processes, share one database. What one of them has claimed is due again when
its lease is over, so the others send what a dead one has left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from kycrisk.delivery.backoff import PATIENCE
from kycrisk.delivery.lane import Lane
from kycrisk.store.deliveries import State
from kycrisk.store.failure import StoreUnavailable
from kycrisk.store.store import Store

_log = logging.getLogger(__name__)

LOOK_EVERY = 0.25  # seconds
TIDY_EVERY = 60.0
AFTER_TROUBLE = 2.0
KEEP_DELIVERED, KEEP_DEAD = timedelta(days=7), timedelta(days=90)


class Courier:
    """Sends what is due over its lanes. Belongs to one event loop."""

    def __init__(self, store: Store, lanes: Sequence[Lane], *, clock: Callable[[], datetime]) -> None:
        self._store, self._lanes, self._clock = store, {lane.endpoint.id: lane for lane in lanes}, clock
        self._stop = asyncio.Event()
        self._rounds: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until `stop`. What is being sent then is sent to its end and settled, the rest is given back."""
        tidied = 0.0
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            try:
                if loop.time() - tidied >= TIDY_EVERY:
                    tidied = loop.time()
                    await self.tidy()
                await self._begin_rounds()
            except StoreUnavailable as gone:
                _log.warning("the store cannot be asked for deliveries: %s", gone.reason)
                await self._pause(AFTER_TROUBLE)
            await self._pause(LOOK_EVERY)
        await asyncio.gather(*self._rounds.values())

    def stop(self) -> None:
        """Send nothing more."""
        self._stop.set()
        for lane in self._lanes.values():
            lane.stopping = True

    async def round(self) -> int:
        """Send everything that is due now, once; how many attempts there were."""
        due = await self._store.deliveries.due(self._lanes, self._clock())
        return sum(await asyncio.gather(*(self._lanes[each].round() for each in sorted(due))))

    async def tidy(self) -> None:
        """Give up what nobody can send any more, and delete what ended long ago."""
        now = self._clock()
        given_up = await self._store.deliveries.abandon(
            self._lanes, now - PATIENCE, "its endpoint does not stand in the settings any more"
        )
        if given_up:
            _log.error("%d messages are given up: their endpoints do not stand in the settings any more", given_up)
        for state, keep in ((State.DELIVERED, KEEP_DELIVERED), (State.ERASED, KEEP_DELIVERED), (State.DEAD, KEEP_DEAD)):
            while await self._store.deliveries.forget(state, now - keep):
                pass

    async def _begin_rounds(self) -> None:
        idle = [endpoint for endpoint in self._lanes if endpoint not in self._rounds]
        for endpoint in await self._store.deliveries.due(idle, self._clock()) if idle else ():
            self._rounds[endpoint] = asyncio.create_task(self._go_on(endpoint), name=f"kycrisk-lane-{endpoint}")

    async def _go_on(self, endpoint: str) -> None:
        """Round after round while there is something to send."""
        lane = self._lanes[endpoint]
        try:
            while not self._stop.is_set() and await lane.round():
                await self._pause(lane.rest())
        except StoreUnavailable as gone:  # what was sent and not settled is sent again, under the same id
            _log.warning("the store cannot be asked for deliveries: %s", gone.reason)
            await self._pause(AFTER_TROUBLE)
        except Exception as error:  # noqa: BLE001 - the other endpoints must go on, and this one tries again
            _log.error("a mistake of ours while sending to %s", endpoint, exc_info=error)
            await self._pause(AFTER_TROUBLE)
        finally:
            del self._rounds[endpoint]

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)

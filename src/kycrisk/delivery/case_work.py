"""What cases need done by themselves: outgoing work all the time, clocks as a job, providers not heard of asked.

Any number of processes do the outgoing work of one database; the clocks are a job that runs once across all of them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from kycrisk.store.failure import StoreUnavailable
from kycrisk.verification.bureau import Bureau
from kycrisk.verification.sweep import sweep

_log = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
AFTER_TROUBLE = 2.0
EVERY_MINUTE = "* * * * *"


@dataclass(frozen=True, slots=True)
class CaseWork:
    """The work of a site's cases. Belongs to one event loop."""

    bureau: Bureau
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Do outgoing work until `stop`; what is under way then is ended."""
        while not self._stop.is_set():
            try:
                while not self._stop.is_set() and await self.bureau.errands.run():
                    pass
                await self._pause(LOOK_EVERY)
            except StoreUnavailable as gone:
                _log.warning("the store cannot be asked for outgoing work: %s", gone.reason)
                await self._pause(AFTER_TROUBLE)
            except Exception as error:  # noqa: BLE001 - what was claimed is due again when its lease is over
                _log.error("a mistake of ours in outgoing work", exc_info=error)
                await self._pause(AFTER_TROUBLE)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    async def tick(self) -> dict[str, int]:
        """All clocks, by now; how often what was done. Providers that were not heard of are asked, pictures deleted."""
        done = dict(await sweep(self.bureau.site))
        asked = await self.bureau.sessions.ask_stale()
        await self.bureau.tidy()
        purged = await self.bureau.vault.sweep() if self.bureau.vault is not None else 0
        return {**done, "providers_asked": asked, "pictures_deleted": purged}

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

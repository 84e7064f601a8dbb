"""Whether a resolver can be believed: one that denies what surely exists, or makes up what cannot, accuses everybody.

A network that is cut off, a captive portal and a provider that sells typing mistakes all answer at once and with
confidence. So the resolver has its canaries, as blocklists have.
"""

from __future__ import annotations

import asyncio

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Status
from kycrisk.lookups.resolver import Resolver
from kycrisk.signals import Unknown, Why

#: A domain that is there as long as there is a DNS, and a name that can never be (RFC 6761 section 6.4).
EXISTS, NOWHERE = "com", "kycrisk-check.invalid"

PERIOD = 600.0  # seconds between two looks
IN_DOUBT = 30.0  # the same while the resolver is not believed
PATIENCE = 2.0  # seconds that the canaries may take


class Trust:
    """What is thought of a resolver. It belongs to the resolver's event loop; close it with `aclose`.

    A resolver is believed until a canary fails, and again as soon as both pass. Silence changes nothing: it is no
    answer about anybody, either. When the verdict changes, answers that were kept are dropped.
    """

    def __init__(self, resolver: Resolver, *, period: float = PERIOD, in_doubt: float = IN_DOUBT) -> None:
        self._resolver, self._period, self._in_doubt = resolver, period, in_doubt
        self._due = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._looked = False
        self.doubt: Unknown | None = None

    def begin(self) -> None:
        """Have a look beside the question that is asked now, when the last one is long ago."""
        if self._looking is None and self._resolver.loop.time() >= self._due:
            self._looking = self._resolver.loop.create_task(self._look())

    async def verdict(self, deadline: float) -> Unknown | None:
        """Why the resolver cannot be believed, None where it can. Only the very first look is waited for."""
        if not self._looked:
            await self.looked(max(0.0, deadline - self._resolver.loop.time()))
        return self.doubt

    async def looked(self, within: float | None = None) -> None:
        """Wait for the look that is under way, `within` that many seconds (None: to its end)."""
        if self._looking is not None:
            await asyncio.wait((self._looking,), timeout=within)

    async def aclose(self) -> None:
        """End a look that is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))

    async def _look(self) -> None:
        ask = self._resolver.ask
        there, nowhere = await asyncio.gather(
            ask(EXISTS, Kind.NS, within=PATIENCE, fresh=True), ask(NOWHERE, Kind.A, within=PATIENCE, fresh=True)
        )
        before = self.doubt
        self.doubt = _judged(there, nowhere, before)
        if (self.doubt is None) != (before is None):
            self._resolver.cache.clear()
        self._looked, self._looking = True, None
        self._due = self._resolver.loop.time() + (self._period if self.doubt is None else self._in_doubt)


def _judged(there: DnsAnswer, nowhere: DnsAnswer, before: Unknown | None) -> Unknown | None:
    if there.status in (Status.NXDOMAIN, Status.NODATA):
        return Unknown(
            Why.MALFORMED_ANSWER, f"the resolver says that `{EXISTS}` does not exist, so its answers mean nothing"
        )
    if nowhere.status is Status.RECORDS:
        return Unknown(
            Why.MALFORMED_ANSWER, "the resolver finds addresses of names that cannot exist, so its answers mean nothing"
        )
    return None if there.conclusive and nowhere.conclusive else before

"""The way to one endpoint: what is due is claimed, sent some at a time, and settled. No endpoint waits for another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from kycrisk.delivery.backoff import next_attempt
from kycrisk.delivery.endpoint import Endpoint
from kycrisk.delivery.message import body_of
from kycrisk.delivery.sending import Answer, Result, Sender
from kycrisk.delivery.tally import Tally
from kycrisk.store.deliveries import Claim, Claimed, Delivery, Settled, State
from kycrisk.store.store import Store

_log = logging.getLogger(__name__)

TOGETHER = 16  # requests to one endpoint at the same time
CLAIMED = 64  # deliveries taken at once
LEASE_MARGIN = timedelta(seconds=30)  # for settling, and for clocks of other machines that are not ours
LONGEST_REST = 60.0  # seconds for which an endpoint where everything fails is left alone


class Lane:
    """Sends to one endpoint. Belongs to one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        store: Store,
        sender: Sender,
        *,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        tally: Tally,
    ) -> None:
        self.endpoint = endpoint
        self._store, self._sender, self._clock, self._random, self._tally = store, sender, clock, random, tally
        self._open = asyncio.Semaphore(TOGETHER)
        # Whoever takes a batch needs the endpoint's whole time for each wave of it; after that others may take over.
        self._lease = endpoint.webhook.timeout * (CLAIMED // TOGETHER) + LEASE_MARGIN
        self._failures = 0  # rounds without any success, one after the other
        self.stopping = False

    async def round(self) -> int:
        """Claim and send what is due, some of it; how many. Raises `StoreUnavailable`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (self._lease - LEASE_MARGIN / 2).total_seconds()
        claimed = await self._store.deliveries.claim(Claim(self.endpoint.id, CLAIMED, self._lease))
        sent = await asyncio.gather(*(self._handle(each, until) for each in claimed), return_exceptions=True)
        for each in sent:
            if isinstance(each, BaseException):  # only now: the others were sent, and are settled, to the end
                raise each
        results = [each for each in sent if isinstance(each, Answer)]
        if results:
            failed = all(each.result is Result.FAILED for each in results)
            self._failures = self._failures + 1 if failed else 0
        return len(claimed)

    def rest(self) -> float:
        """How long to leave the endpoint alone, in seconds: longer while everything fails, so that a dead endpoint with
        a long queue is not asked for each of it at full speed."""
        return min(2.0 ** (self._failures - 1), LONGEST_REST) if self._failures else 0.0

    async def _handle(self, claimed: Claimed, until: float) -> Answer | None:
        delivery = claimed.delivery
        async with self._open:
            timeout = self.endpoint.webhook.timeout.total_seconds()
            if self.stopping or asyncio.get_running_loop().time() + timeout > until:
                await self._settle(Settled(delivery=delivery, state=State.WAITING, counts=False))
                return None
            if claimed.body is None:
                await self._settle(Settled(delivery=delivery, state=State.ERASED, counts=False))
                return None
            answer = await self._sender.send(self.endpoint, delivery.message, body_of(delivery, claimed.body))
        self._tally.attempts[self.endpoint.id, answer.result.value] += 1
        if answer.result is Result.GONE:
            await self._store.deliveries.disable(self.endpoint.id, answer.error)
        settled = self._settled(delivery, answer)
        self._tell(delivery, answer, settled.state)
        await self._settle(settled)
        return answer

    async def _settle(self, settled: Settled) -> None:
        await self._store.deliveries.settle(settled)

    def _settled(self, delivery: Delivery, answer: Answer) -> Settled:
        now, state, due = self._clock(), State.WAITING, None
        if answer.result is Result.DELIVERED:
            state = State.DELIVERED
        elif answer.result is Result.FAILED:
            first = delivery.first_at or now
            due = next_attempt(delivery.attempts, first, now, answer.retry_after, self._random)
            state = State.WAITING if due else State.DEAD
        return Settled(delivery=delivery, state=state, due_at=due, status=answer.status, error=answer.error)

    def _tell(self, delivery: Delivery, answer: Answer, state: State) -> None:
        told = {
            "endpoint": self.endpoint.id,
            "message": delivery.message,
            "attempt": delivery.attempts,
            "status": answer.status,
        }
        if state is State.DELIVERED:
            _log.debug("a message was delivered", extra={"delivery": told})
        elif state is State.DEAD:
            self._tally.given_up[self.endpoint.id] += 1
            _log.error("a message is given up: %s", answer.error, extra={"delivery": told})
        elif answer.result is Result.GONE:
            _log.error("nothing is sent to an endpoint any more: %s", answer.error, extra={"delivery": told})
        else:
            _log.warning("a message was not delivered: %s", answer.error, extra={"delivery": told})


def lanes_of(
    endpoints: Sequence[Endpoint],
    store: Store,
    sender: Sender,
    *,
    clock: Callable[[], datetime],
    random: Callable[[], float],
    tally: Tally,
) -> tuple[Lane, ...]:
    """A lane to each endpoint."""
    return tuple(Lane(each, store, sender, clock=clock, random=random, tally=tally) for each in endpoints)

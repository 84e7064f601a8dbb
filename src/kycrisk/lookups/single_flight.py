"""Concurrent questions about the same key share one query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class Abandoned(Exception):
    """The shared query was given up because the house is closing."""


class _Flight(Generic[Result]):
    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[Result]) -> None:
        self.task, self.waiting = task, 0


class SingleFlight(Generic[Key, Result]):
    """Queries under way, by key. One of these belongs to one event loop.

    One waiter's cancellation or deadline is that waiter's own: the others still get the answer. When nobody waits any
    more the query is cancelled, unless it lingers: then it runs to its own end, so that an answer that comes late (and
    was paid for) can be kept for the next time.
    """

    def __init__(self, *, linger: bool = False) -> None:
        self._linger = linger
        self._flights: dict[Key, _Flight[Result]] = {}
        self._adrift: set[asyncio.Task[Result]] = set()

    def __len__(self) -> int:
        return len(self._flights)

    async def share(self, key: Key, start: Callable[[], Coroutine[Any, Any, Result]], until: float) -> Result:
        """What the query for a key returns or raises; `start` is called when none is under way.

        Raises `TimeoutError` at `until` (a moment of the event loop's clock), and `Abandoned` when this is closed.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(start()))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        flight.waiting += 1
        try:
            timeout = until - asyncio.get_running_loop().time()
            await asyncio.wait((flight.task,), timeout=max(0.0, timeout))  # it never cancels what it waits for
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._leave(key, flight)
        if not flight.task.done():
            raise TimeoutError
        if flight.task.cancelled():
            raise Abandoned
        return flight.task.result()

    def _leave(self, key: Key, flight: _Flight[Result]) -> None:
        """The last waiter went. A lingering query stays where the next one who asks finds it."""
        if self._linger:
            return
        if self._flights.get(key) is flight:
            del self._flights[key]  # at once: nobody may join a query that is being cancelled
        self._adrift.add(flight.task)
        flight.task.cancel()

    def _landed(self, key: Key, task: asyncio.Task[Result]) -> None:
        self._adrift.discard(task)
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # it is looked at here, so that asyncio does not call it unseen when all waiters left

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        tasks = [flight.task for flight in self._flights.values()] + list(self._adrift)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

"""Group commit: one thread writes, and what comes in while it commits shares the next transaction.

Nobody is answered before the commit that holds their change has returned, and with `synchronous=FULL` (SQLite) or
`synchronous_commit=on` (PostgreSQL) that is when it is on the disk. Where one change of a batch is bad, the batch is
taken back and made again with a savepoint around each, so that only the bad one fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from kycrisk.quickly_made import quickly_made
from kycrisk.store.database import Database
from kycrisk.store.failure import Reason, StoreUnavailable, border
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import Transaction, take_back

Payload = TypeVar("Payload")
Result = TypeVar("Result")

#: A change of one kind, made for many payloads at once: results in their order, an exception where one is refused.
#: It may be called more than once for the same payload, when the transaction it was part of is taken back.
Change = Callable[[Transaction, Sequence[Payload]], Sequence[Result | Exception]]

MOST_TOGETHER = 256


@quickly_made
@dataclass(frozen=True, slots=True)
class _Item:
    change: Change[Any, Any]
    payload: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


Outcomes = list[Any]  # a result or an exception for each item


class Writer:
    """The one writer of a process. Its thread starts with it and ends with `close`."""

    def __init__(self, database: Database, site: SiteKey, clock: Callable[[], datetime]) -> None:
        self._database, self._site, self._clock = database, site, clock
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._closed, self._lock = False, Lock()
        self._committing = False
        self._thread = Thread(target=self._run, name="kycrisk-store-writer", daemon=True)
        self._thread.start()

    async def write(self, change: Change[Payload, Result], payload: Payload) -> Result:
        """Make a change and wait until it is on the disk. Raises `StoreUnavailable`, and whatever the change raises.

        When the caller is cancelled the change may be made all the same.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        with self._lock:
            if self._closed:
                raise StoreUnavailable(Reason.CLOSED, "it was closed")
            self._queue.put(_Item(change, payload, loop, future))
        return await future

    @property
    def depth(self) -> int:
        """How many changes wait for their turn."""
        return self._queue.qsize()

    def close(self) -> None:
        """Make the changes that wait, then end the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            batch: list[_Item] = []
            item = self._queue.get()
            try:
                while item is not None and len(batch) < MOST_TOGETHER:
                    batch.append(item)
                    item = self._queue.get_nowait()
            except Empty:
                pass
            else:
                if item is not None:  # the batch is full
                    batch.append(item)
            wanted = [each for each in batch if not each.future.cancelled()]
            if wanted:
                _deliver(wanted, self._outcomes(wanted))
            if item is None:
                return

    def _outcomes(self, items: list[_Item]) -> Outcomes:
        try:
            try:
                return self._transact(items, self._together)
            except StoreUnavailable as gone:
                if gone.reason is not Reason.GONE or self._committing:
                    raise
                return self._transact(items, self._together)  # the connection was dead before we came: take a new one
        except StoreUnavailable as gone:
            return [gone] * len(items)
        except Exception as bad:  # noqa: BLE001 - whatever a change raises is for the one who asked for it
            if len(items) == 1:
                return [bad]
        try:
            return self._transact(items, self._one_by_one)
        except Exception as error:  # noqa: BLE001 - the thread must live, and every caller must hear of it
            return [error] * len(items)

    def _transact(self, items: list[_Item], make: Callable[[Transaction, list[_Item]], Outcomes]) -> Outcomes:
        self._committing = False
        with border(), self._database.writing.connect() as connection:
            begun = connection.begin()
            transaction = Transaction(connection, self._site, self._clock())
            try:
                outcomes = make(transaction, items)
                transaction.finish()
                self._committing = True
                begun.commit()
            except BaseException:
                take_back(transaction.undone)
                begun.rollback()
                raise
            return outcomes

    def _together(self, transaction: Transaction, items: list[_Item]) -> Outcomes:
        groups: dict[Change[Any, Any], list[int]] = {}
        for index, item in enumerate(items):
            groups.setdefault(item.change, []).append(index)
        outcomes: Outcomes = [None] * len(items)
        for change, indexes in groups.items():
            results = change(transaction, [items[index].payload for index in indexes])
            for index, result in zip(indexes, results, strict=True):
                outcomes[index] = result
        return outcomes

    def _one_by_one(self, transaction: Transaction, items: list[_Item]) -> Outcomes:
        return [self._alone(transaction, item) for item in items]

    def _alone(self, transaction: Transaction, item: _Item) -> Any:
        try:
            with border(), transaction.apart():
                [result] = item.change(transaction, [item.payload])
                return result
        except StoreUnavailable:
            raise
        except Exception as bad:  # noqa: BLE001 - whatever a change raises is for the one who asked for it
            return bad


def _deliver(items: list[_Item], outcomes: Outcomes) -> None:
    """Answers to their event loops, one call for each loop."""
    answers: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for item, outcome in zip(items, outcomes, strict=True):
        answers.setdefault(item.loop, []).append((item.future, outcome))
    for loop, told in answers.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in told:
        if future.done():  # whoever waited has gone
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

"""Concurrent questions about one key share one query, and only the query."""

from __future__ import annotations

import asyncio

import pytest

from kycrisk.lookups.single_flight import Abandoned, SingleFlight
from tests.lookups.http.making import run, soon


class Query:
    """A query that ends when it is told to, and counts how often it was begun and cancelled."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        try:
            return await asyncio.shield(self.answer)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_ten_askers_one_query():
    async def work():
        flights, query = SingleFlight(), Query()
        askers = [asyncio.create_task(flights.share("key", query, soon())) for _ in range(10)]
        await turns()
        query.answer.set_result("found")
        return await asyncio.gather(*askers), query.begun, len(flights)

    assert run(work()) == (["found"] * 10, 1, 0)


def test_different_keys_and_later_askers_have_queries_of_their_own():
    async def work():
        flights, query = SingleFlight(), Query()
        query.answer.set_result("found")
        await asyncio.gather(flights.share("a", query, soon()), flights.share("b", query, soon()))
        await flights.share("a", query, soon())
        return query.begun

    assert run(work()) == 3


def test_an_error_reaches_every_asker():
    async def work():
        flights, query = SingleFlight(), Query()
        askers = [asyncio.create_task(flights.share("key", query, soon())) for _ in range(3)]
        await turns()
        query.answer.set_exception(KeyError("no"))
        return [type(each) for each in await asyncio.gather(*askers, return_exceptions=True)]

    assert run(work()) == [KeyError] * 3


def test_one_cancelled_asker_does_not_take_the_others_along():
    async def work():
        flights, query = SingleFlight(), Query()
        askers = [asyncio.create_task(flights.share("key", query, soon())) for _ in range(3)]
        await turns()
        askers[0].cancel()  # the one that began the query
        await turns()
        query.answer.set_result("found")
        results = await asyncio.gather(*askers, return_exceptions=True)
        return [str(each) for each in results], query.cancelled

    assert run(work()) == (["", "found", "found"], 0)


@pytest.mark.parametrize(
    ("linger", "cancelled", "begun"),
    [pytest.param(False, 1, 2, id="is cancelled, and nobody joins it"), pytest.param(True, 0, 1, id="lingers")],
)
def test_a_query_that_nobody_waits_for(linger, cancelled, begun):
    async def work():
        flights, query = SingleFlight(linger=linger), Query()
        asker = asyncio.create_task(flights.share("key", query, soon()))
        await turns()
        asker.cancel()
        while not asker.done():
            await asyncio.sleep(0)
        late = asyncio.create_task(flights.share("key", query, soon()))
        await turns()
        query.answer.set_result("found")
        return await late, query.cancelled, query.begun

    assert run(work()) == ("found", cancelled, begun)


def test_a_deadline_is_each_askers_own():
    async def work():
        flights, query = SingleFlight(), Query()
        patient = asyncio.create_task(flights.share("key", query, soon()))
        await turns()
        with pytest.raises(TimeoutError):
            await flights.share("key", query, soon(-1))
        query.answer.set_result("found")
        return await patient, query.begun, query.cancelled

    assert run(work()) == ("found", 1, 0)


def test_a_late_failure_that_nobody_waits_for_is_silent(caplog):
    async def work():
        flights, query = SingleFlight(linger=True), Query()
        with pytest.raises(TimeoutError):
            await flights.share("key", query, soon(-1))
        await turns()
        query.answer.set_exception(KeyError("late"))
        await turns()
        return len(flights)

    assert run(work()) == 0
    assert caplog.records == []


def test_closing_ends_what_is_under_way():
    async def work():
        flights, query = SingleFlight(linger=True), Query()
        asker = asyncio.create_task(flights.share("key", query, soon()))
        await turns()
        await flights.aclose()
        with pytest.raises(Abandoned):
            await asker
        return query.cancelled, len(flights)

    assert run(work()) == (1, 0)

"""A source: a client behind its caches, its single flight, its circuit breaker and the budgets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import pytest

from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.budget import Budget, Limits
from kycrisk.lookups.cache import Kept, MemoryResults
from kycrisk.lookups.secrets import Redactor, Secret
from kycrisk.lookups.source import Consulted, Source, SourceTerms
from kycrisk.money import FREE, Money
from kycrisk.signals import Signal, Subject, Type, Unknown, Why
from tests.lookups.http.making import NOW, Clock, run, soon

CENT = Money(Decimal("0.01"), "EUR")
SIGNALS = (
    Signal("acme.score", Type.INT, "How risky is it?", Subject.IP),
    Signal("acme.note", Type.STR, "What is said about it?", Subject.IP),
)
ANSWER = Asked({"acme.score": 7, "acme.note": "seen"})
KEY = Secret("s3cret-key-of-ours")
DAY = SourceTerms(keep=timedelta(days=1))


class Acme(Client[str]):
    """Answers what it is told to, at once or when it is let go."""

    name = "acme"
    redactor = Redactor([KEY])

    def __init__(self, answer: Asked | LookupFailure = ANSWER, *, price: Money = FREE, signals=SIGNALS) -> None:
        self.answer, self.price, self.signals = answer, price, signals
        self.sends = frozenset({"ip"})
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None

    def cache_key(self, key: str) -> str:
        return key.lower()

    async def _query(self, key: str, deadline: float) -> Asked:
        self.asked.append(key)
        if self.gate is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self.gate.wait()
            except TimeoutError:
                raise LookupFailure(Why.TIMEOUT, "acme hangs") from None
        if isinstance(self.answer, LookupFailure):
            raise self.answer
        return self.answer._replace(cost=self.price)


class Site:
    """One process of a site: what it keeps outlives it in `kept`."""

    def __init__(self, client: Acme, terms: SourceTerms = DAY, kept=None, **limits) -> None:
        self.client, self.clock, self.now = client, Clock(), NOW
        self.kept = kept or MemoryResults()
        self.budget = Budget(Limits(**limits), self.kept, lambda: self.now)
        self.source = Source(
            client, terms, budget=self.budget, kept=self.kept, now=lambda: self.now, clock=self.clock, pepper=b"pepper"
        )

    def later(self, **time) -> None:
        self.now += timedelta(**time)
        self.clock.now += timedelta(**time).total_seconds()

    async def ask(self, key: str = "a", seconds: float = 5.0, **options) -> Consulted:
        return await self.source.ask(key, soon(seconds), **options)


def why(answer: Consulted) -> Why:
    assert answer.known == {}
    assert answer.unknown.keys() == {"acme.score", "acme.note"}
    return answer.unknown["acme.score"].why


def test_an_answer():
    async def work():
        return await Site(Acme(price=CENT)).ask()

    assert run(work()) == Consulted(ANSWER.known, {}, CENT, NOW, asked=True)


def test_it_is_asked_once_while_the_answer_counts():
    async def work():
        site = Site(Acme(price=CENT))
        answers = [await site.ask(), await site.ask("A")]
        site.later(hours=23)
        answers.append(await site.ask())
        site.later(hours=1)
        answers.append(await site.ask())
        return [(each.asked, str(each.cost), each.as_of) for each in answers], site.client.asked

    assert run(work()) == (
        [
            (True, "0.01 EUR", NOW),
            (False, "", NOW),
            (False, "", NOW),
            (True, "0.01 EUR", NOW + timedelta(days=1)),
        ],
        ["a", "a"],
    )


def test_ten_at_once_are_one_question_and_one_pays():
    async def work():
        site = Site(Acme(price=CENT))
        site.client.gate = asyncio.Event()
        askers = [asyncio.create_task(site.ask()) for _ in range(10)]
        await asyncio.sleep(0.01)
        site.client.gate.set()
        answers = await asyncio.gather(*askers)
        return {repr(each.known) for each in answers}, sum(each.cost.amount for each in answers), site.client.asked

    assert run(work()) == ({repr(ANSWER.known)}, Decimal("0.01"), ["a"])


def test_an_answer_outlives_the_process_where_it_should():
    async def work(across):
        terms = SourceTerms(keep=timedelta(days=1), across_restarts=across)
        first = Site(Acme(), terms)
        await first.ask()
        second = Site(Acme(), terms, kept=first.kept)
        second.later(hours=1)
        peeked = await second.source.peek("a")
        answer = await second.ask()
        second.later(hours=23)
        gone = await second.source.peek("a")
        return peeked == answer, answer.asked, answer.as_of, second.client.asked, gone is None

    assert run(work(True)) == (True, False, NOW, [], True)
    assert run(work(False)) == (False, True, NOW + timedelta(hours=1), ["a"], False)


def test_every_type_survives_a_restart():
    values = {
        "t.bool": (Type.BOOL, True),
        "t.int": (Type.INT, 2**53),
        "t.float": (Type.FLOAT, 0.1),
        "t.str": (Type.STR, 'ü"\n'),
        "t.duration": (Type.DURATION, timedelta(days=3, microseconds=1)),
        "t.datetime": (Type.DATETIME, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        "t.ip": (Type.IP, ip_address("2001:db8::1")),
        "t.set": (Type.STR_SET, frozenset({"a", "b"})),
        "t.times": (Type.DURATION_SET, frozenset({timedelta(hours=1)})),
    }
    signals = tuple(Signal(name, type_, "?", Subject.IP) for name, (type_, _) in values.items())
    answer = Asked({name: value for name, (_, value) in values.items()})

    async def work():
        terms = SourceTerms(keep=timedelta(days=1), across_restarts=True)
        first = Site(Acme(answer, signals=signals), terms)
        await first.ask()
        second = Site(Acme(answer, signals=signals), terms, kept=first.kept)
        return (await second.ask()).known, second.client.asked

    assert run(work()) == (answer.known, [])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("not json", id="not JSON"),
        pytest.param('{"as_of":"2026-11-23T12:00:00+00:00","known":{"acme.score":7},"unknown":{}}', id="fewer signals"),
        pytest.param(
            '{"as_of":"2026-11-23T12:00:00+00:00","known":{"acme.score":"7","acme.note":"x"},"unknown":{}}',
            id="other types",
        ),
        pytest.param("[]", id="another shape"),
    ],
)
def test_what_was_kept_by_another_version_is_asked_again(text):
    class Odd(MemoryResults):
        async def get(self, space, key):
            return Kept(text, NOW + timedelta(days=1))

    async def work():
        site = Site(Acme(), SourceTerms(keep=timedelta(days=1), across_restarts=True))
        site.source._kept = Odd()
        return (await site.ask()).known

    assert run(work()) == ANSWER.known


def test_addresses_are_not_written_down():
    async def work():
        site = Site(Acme(), SourceTerms(keep=timedelta(days=1), across_restarts=True))
        await site.ask("192.0.2.77")
        return list(site.kept._entries)

    ((space, key),) = run(work())
    assert space == "acme"
    assert "192.0.2.77" not in key
    assert len(key) == 40


@pytest.mark.parametrize(
    ("unknown", "asked"),
    [
        pytest.param(Unknown(Why.NOT_PUBLISHED), 1, id="what the source does not have is kept"),
        pytest.param(Unknown(Why.MALFORMED_ANSWER), 2, id="what went wrong is asked again"),
    ],
)
def test_partial_answers(unknown, asked):
    async def work():
        site = Site(Acme(Asked({"acme.score": 7}, {"acme.note": unknown})))
        for _ in range(2):
            answer = await site.ask()
        return answer.unknown, len(site.client.asked)

    assert run(work()) == ({"acme.note": unknown}, asked)


def test_failures_open_the_circuit_and_time_closes_it():
    async def work():
        site = Site(Acme(LookupFailure(Why.REFUSED, "broken")), questions={"acme": 100})
        seen = [why(await site.ask(str(number))) for number in range(7)]
        held = await site.ask("x")
        left = await site.budget.left("acme")
        site.later(seconds=11)
        site.client.answer = ANSWER
        healed = [(await site.ask("y")).known, (await site.ask("z")).known]
        return seen, held, left, healed

    seen, held, left, healed = run(work())
    assert seen == [Why.REFUSED] * 5 + [Why.CIRCUIT_OPEN] * 2
    assert (held.asked, held.unknown["acme.score"].detail) == (False, "acme kept failing and is left alone for 10 s")
    assert left == 95  # what was not asked is not counted
    assert healed == [ANSWER.known] * 2


def test_failures_of_single_keys_do_not_open_it():
    async def work():
        site = Site(Acme(LookupFailure(Why.REFUSED, "odd key", against_source=False)))
        return {why(await site.ask(str(number))) for number in range(20)}

    assert run(work()) == {Why.REFUSED}


def test_too_many_questions_are_taken_seriously():
    async def work():
        site = Site(Acme(LookupFailure(Why.REFUSED, "slow down", retry_after=3600.0)))
        return why(await site.ask("a")), why(await site.ask("b")), site.source.breaker.seconds_left()

    assert run(work()) == (Why.REFUSED, Why.CIRCUIT_OPEN, 3600.0)


def test_over_budget():
    async def work():
        site = Site(Acme(price=CENT), money={"EUR": Decimal("0.02")})
        answers = [await site.ask(str(number)) for number in range(3)]
        return [each.asked for each in answers], why(answers[2]), await site.budget.spent()

    assert run(work()) == ([True, True, False], Why.OVER_BUDGET, {"EUR": Decimal("0.02")})


def test_personal_data_that_may_not_leave():
    async def work():
        site = Site(Acme(), personal=frozenset())
        return why(await site.ask()), site.client.asked

    assert run(work()) == (Why.OVER_BUDGET, [])


@pytest.mark.parametrize(("reached", "left"), [(True, 0), (False, 1)], ids=["it was reached", "it never was"])
def test_failures_and_the_quota(reached, left):
    async def work():
        site = Site(Acme(LookupFailure(Why.REFUSED, "no", reached=reached)), questions={"acme": 1})
        await site.ask()
        return await site.budget.left("acme")

    assert run(work()) == left


@pytest.mark.by_the_clock
def test_a_hung_source_costs_its_deadline_and_no_more():
    async def work():
        site = Site(Acme())
        site.client.gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        answer = await site.ask(seconds=0.05)
        return why(answer), loop.time() - begun

    reason, took = run(work())
    assert reason is Why.TIMEOUT
    assert 0.04 < took < 0.5


def test_a_late_answer_is_kept_for_the_next_time():
    async def work():
        site = Site(Acme(price=CENT), SourceTerms(keep=timedelta(days=1), linger=timedelta(seconds=5)))
        site.client.gate = asyncio.Event()
        late = why(await site.ask(seconds=0.02))
        site.client.gate.set()
        await asyncio.sleep(0.02)
        answer = await site.ask()
        return late, answer.asked, answer.known, site.client.asked, await site.budget.spent()

    assert run(work()) == (Why.TIMEOUT, False, ANSWER.known, ["a"], {"EUR": Decimal("0.01")})


def test_a_hung_source_opens_its_circuit_while_its_questions_linger():
    async def work():
        site = Site(Acme(), SourceTerms(keep=timedelta(days=1), linger=timedelta(seconds=60)))
        site.client.gate = asyncio.Event()
        seen = [why(each) for each in await asyncio.gather(*(site.ask(str(n), seconds=0.01) for n in range(5)))]
        seen.append(why(await site.ask("next")))
        await site.source.aclose()
        return seen

    assert run(work()) == [Why.TIMEOUT] * 5 + [Why.CIRCUIT_OPEN]


def test_a_cancelled_asker_frees_a_probes_place():
    async def work():
        site = Site(Acme(LookupFailure(Why.REFUSED, "broken")))
        for number in range(5):
            await site.ask(str(number))
        site.later(seconds=11)
        site.client.answer, site.client.gate = ANSWER, asyncio.Event()
        probe = asyncio.create_task(site.ask("probe"))
        await asyncio.sleep(0.01)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        site.client.gate = None
        await asyncio.sleep(0.01)
        return (await site.ask("next")).known

    assert run(work()) == ANSWER.known


def test_closing_while_somebody_waits():
    async def work():
        site = Site(Acme())
        site.client.gate = asyncio.Event()
        asker = asyncio.create_task(site.ask())
        await asyncio.sleep(0.01)
        await site.source.aclose()
        return why(await asker)

    assert run(work()) is Why.SKIPPED


def test_secrets_that_a_service_echoes():
    async def work():
        echo = Asked({"acme.score": 7, "acme.note": f"hello {KEY.reveal()}"})
        refusal = LookupFailure(Why.REFUSED, f"bad key {KEY.reveal()}")
        return await Site(Acme(echo)).ask(), await Site(Acme(refusal)).ask()

    echoed, refused = run(work())
    assert echoed.known["acme.note"] == "hello [redacted]"
    assert refused.unknown["acme.note"] == Unknown(Why.REFUSED, "bad key [redacted]")

"""Money, quotas and personal data, across restarts and midnights."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.lookups.budget import SPACE, Budget, Limits, Reservation
from kycrisk.lookups.cache import Kept, MemoryResults
from kycrisk.lookups.cache_file import FileResults
from kycrisk.money import FREE, Money, parse_money
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import NOW, run

CENT = Money(Decimal("0.01"), "EUR")


class Wall:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self):
        return self.now


def budget(kept=None, wall=None, **limits) -> Budget:
    return Budget(Limits(**limits), kept or MemoryResults(), wall or Wall())


@pytest.mark.parametrize(
    ("limits", "cost", "granted"),
    [
        pytest.param({}, CENT, 5, id="no limits"),
        pytest.param({"questions": {"acme": 3}}, FREE, 3, id="a quota"),
        pytest.param({"questions": {"other": 1}}, FREE, 5, id="somebody else's quota"),
        pytest.param({"questions": {"acme": 0}}, FREE, 0, id="a quota of none"),
        pytest.param({"money": {"EUR": Decimal("0.03")}}, CENT, 3, id="money for three"),
        pytest.param({"money": {"EUR": Decimal("0.035")}}, CENT, 3, id="money for three and a half"),
        pytest.param({"money": {"USD": Decimal(9)}}, CENT, 0, id="money in another currency"),
        pytest.param({"money": {"EUR": Decimal(0)}}, FREE, 5, id="no money, and none needed"),
    ],
)
def test_how_many_questions_are_granted(limits, cost, granted):
    async def work():
        each = budget(**limits)
        return [await each.reserve("acme", cost) for _ in range(5)]

    answers = run(work())
    assert [isinstance(answer, Reservation) for answer in answers] == [True] * granted + [False] * (5 - granted)
    assert all(answer.why is Why.OVER_BUDGET for answer in answers[granted:])


def test_personal_data_stays_in():
    async def work():
        each = budget(personal=frozenset({"ip", "email_hash"}))
        return (
            await each.reserve("acme", sends=frozenset({"ip"})),
            await each.reserve("acme", sends=frozenset({"ip", "name", "email"})),
        )

    allowed, refused = run(work())
    assert isinstance(allowed, Reservation)
    assert refused == Unknown(Why.OVER_BUDGET, "acme would be sent email, name, which may not leave the house")


def test_a_restart_does_not_refill_it(tmp_path):
    limits = {"questions": {"acme": 3}, "money": {"EUR": Decimal("1")}}

    async def ask(count):
        results = FileResults.open(tmp_path / "results.jsonl", lambda: NOW)
        each = budget(kept=results, **limits)
        answers = [await each.reserve("acme", CENT) for _ in range(count)]
        results.close()
        return [isinstance(answer, Reservation) for answer in answers], await each.spent()

    assert run(ask(2)) == ([True, True], {"EUR": Decimal("0.02")})
    assert run(ask(2)) == ([True, False], {"EUR": Decimal("0.03")})


def test_midnight_refills_it():
    async def work():
        wall = Wall()
        each = budget(wall=wall, questions={"acme": 1})
        first = await each.reserve("acme")
        before = await each.left("acme"), await each.left("other")
        wall.now += timedelta(hours=12)
        after = await each.left("acme")
        await each.settle(first, None)  # yesterday's: nothing of today's is given back
        return before, after, await each.left("acme")

    assert run(work()) == ((0, None), 1, 1)


def test_what_was_never_sent_is_given_back():
    async def work():
        each = budget(questions={"acme": 1}, money={"EUR": Decimal("0.01")})
        first = await each.reserve("acme", CENT)
        refused = await each.reserve("acme", CENT)
        await each.settle(first, None)
        return isinstance(refused, Unknown), isinstance(await each.reserve("acme", CENT), Reservation)

    assert run(work()) == (True, True)


def test_what_cost_less_than_was_reserved():
    async def work():
        each = budget(money={"EUR": Decimal("0.02")})
        await each.settle(await each.reserve("acme", CENT), FREE)
        await each.settle(await each.reserve("acme", CENT), CENT)
        return await each.spent()

    assert run(work()) == {"EUR": Decimal("0.01")}


def test_an_unreadable_account_stops_spending_but_not_the_rest():
    async def work():
        kept = MemoryResults()
        await kept.put(SPACE, "2026-11-23", Kept("not json"))
        each = budget(kept=kept, money={"EUR": Decimal(1)})
        return await each.reserve("acme", CENT), await each.reserve("free")

    refused, allowed = run(work())
    assert refused == Unknown(Why.OVER_BUDGET, "what was spent today cannot be read any more")
    assert isinstance(allowed, Reservation)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from(("keep", "refund"))), max_size=30))
def test_never_overspent_even_at_the_same_moment(asks):
    async def work():
        each = budget(questions={"a": 4}, money={"EUR": Decimal("0.10")})

        async def ask(source, cents, end):
            cost = Money(Decimal(cents) / 100, "EUR")
            reserved = await each.reserve(source, cost)
            if isinstance(reserved, Unknown):
                return source, Decimal(0), False
            await asyncio.sleep(0)
            await each.settle(reserved, None if end == "refund" else cost)
            return source, Decimal(0) if end == "refund" else cost.amount, end == "keep"

        return await asyncio.gather(*(ask(*each) for each in asks)), await each.spent()

    answers, spent = run(work())
    total = sum((amount for _, amount, _ in answers), Decimal(0))
    assert total <= Decimal("0.10")
    assert spent.get("EUR", Decimal(0)) == total
    assert sum(kept for source, _, kept in answers if source == "a") <= 4


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.002 EUR", "0.002"), ("1 USD", "1"), ("10.50 CHF", "10.50")],
)
def test_money(text, amount):
    assert parse_money(text).amount == Decimal(amount)


@pytest.mark.parametrize("text", ["", "EUR", "1", "1 eur", "-1 EUR", "1e3 EUR", "NaN EUR", ".5 EUR", "1  EUR", "٣ EUR"])
def test_not_money(text):
    with pytest.raises(ValueError, match="is not an amount of money"):
        parse_money(text)


def test_money_in_words():
    assert [str(each) for each in (FREE, CENT, Money(Decimal("10.00"), "USD"))] == ["", "0.01 EUR", "10 USD"]

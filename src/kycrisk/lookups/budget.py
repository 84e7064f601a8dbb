"""What lookups may spend: money and questions per day, kept across restarts, and personal data sent out.

Where processes share what is kept, they share a day's account: each reservation is one step that nobody comes between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TypeVar

from kycrisk.lookups.cache import Kept, KeptResults
from kycrisk.money import FREE, Money
from kycrisk.signals import Unknown, Why

Told = TypeVar("Told")

SPACE = "budget"
_KEEP_A_DAY = timedelta(days=3)  # how long a day's account is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be spent in a day (UTC). A source or currency that is not named has no limit here.

    `personal` is what may leave the house; None: anything.
    """

    money: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))  # by currency, all sources
    questions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # by source
    personal: frozenset[str] | None = None


class Reservation:
    """Room in the budget for one question, until it is settled."""

    __slots__ = ("cost", "day", "source")

    def __init__(self, day: str, source: str, cost: Money) -> None:
        self.day, self.source, self.cost = day, source, cost


class _Day:
    """What one day has used up. It counts reservations too, so that questions under way cannot overspend."""

    __slots__ = ("questions", "spent", "unreadable")

    def __init__(self, text: str | None) -> None:
        self.unreadable = False
        self.questions: dict[str, int] = {}
        self.spent: dict[str, Decimal] = {}
        if text is not None:
            try:
                raw = json.loads(text)
                self.questions = {str(source): int(count) for source, count in raw["questions"].items()}
                self.spent = {str(currency): Decimal(amount) for currency, amount in raw["spent"].items()}
            except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
                self.unreadable = True

    def spend(self, cost: Money) -> None:
        if cost.amount:
            self.spent[cost.currency] = self.spent.get(cost.currency, Decimal(0)) + cost.amount

    def text(self) -> str:
        spent = {currency: str(amount) for currency, amount in self.spent.items()}
        return json.dumps({"questions": self.questions, "spent": spent}, sort_keys=True)


class Budget:
    """The budgets of a site. `now` is the wall clock; days are UTC's."""

    def __init__(self, limits: Limits, kept: KeptResults, now: Callable[[], datetime]) -> None:
        self.limits = limits
        self._kept, self._now = kept, now

    async def reserve(
        self, source: str, cost: Money = FREE, sends: frozenset[str] = frozenset()
    ) -> Reservation | Unknown:
        """Room for one question to a source, or why there is none (`over_budget`)."""
        held_back = sorted(sends - self.limits.personal) if self.limits.personal is not None else []
        if held_back:
            return Unknown(
                Why.OVER_BUDGET, f"{source} would be sent {', '.join(held_back)}, which may not leave the house"
            )
        day = self._day()
        if self._counts(source, cost):

            def take(today: _Day) -> str:
                refusal = self._refusal(today, source, cost)
                if not refusal:
                    today.questions[source] = today.questions.get(source, 0) + 1
                    today.spend(cost)
                return refusal

            refused = await self._altered(day, take)
            if refused:
                return Unknown(Why.OVER_BUDGET, refused)
        return Reservation(day, source, cost)

    async def settle(self, reservation: Reservation, cost: Money | None) -> None:
        """What a question really cost; None when it was never sent, which gives its place back as well.

        A cost in another currency than the one reserved is counted beside it, as nothing here converts money.
        """
        before, source, day = reservation.cost, reservation.source, self._day()
        if cost == before or day != reservation.day:  # yesterday's account is closed
            return
        counted = self._counts(source, before)
        if not counted and not (cost and cost.amount):
            return

        def settled(today: _Day) -> None:
            today.spend(Money(-before.amount, before.currency))
            if cost is not None:
                today.spend(cost)
            elif counted:
                today.questions[source] -= 1

        await self._altered(day, settled)

    async def left(self, source: str) -> int | None:
        """How many questions a source may still be asked today; None: no limit."""
        limit = self.limits.questions.get(source)
        if limit is None:
            return None
        today = await self._read()
        return 0 if today.unreadable else max(0, limit - today.questions.get(source, 0))

    async def spent(self) -> Mapping[str, Decimal]:
        """What was spent today, by currency."""
        return (await self._read()).spent

    def _counts(self, source: str, cost: Money) -> bool:
        return bool(cost.amount) or source in self.limits.questions

    def _refusal(self, today: _Day, source: str, cost: Money) -> str:
        limit = self.limits.questions.get(source)
        most = self.limits.money.get(cost.currency) if cost.amount else None
        if today.unreadable and (limit is not None or most is not None):
            return "what was spent today cannot be read any more"  # rather stop than spend twice
        if limit is not None and today.questions.get(source, 0) >= limit:
            return f"{source} was asked {limit} times today, which is its quota"
        if most is not None and today.spent.get(cost.currency, Decimal(0)) + cost.amount > most:
            return f"the budget of {Money(most, cost.currency)} a day is used up"
        if cost.amount and self.limits.money and most is None:
            return f"there is no budget in {cost.currency}"
        return ""

    def _day(self) -> str:
        return self._now().astimezone(UTC).date().isoformat()

    async def _read(self) -> _Day:
        kept = await self._kept.get(SPACE, self._day())
        return _Day(kept.text if kept else None)

    async def _altered(self, day: str, change: Callable[[_Day], Told]) -> Told:
        """What a change of the day's account says. An account that cannot be read is left as it is."""
        told: list[Told] = []

        def altered(kept: Kept | None) -> Kept | None:
            before = kept.text if kept else None
            today = _Day(before)
            told[:] = [change(today)]
            after = today.text()
            return None if today.unreadable or after == before else Kept(after, self._now() + _KEEP_A_DAY)

        await self._kept.alter(SPACE, day, altered)
        return told[0]

"""What lookups may spend: money and questions per day, kept across restarts, and personal data sent out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from kycrisk.lookups.cache import Kept, KeptResults
from kycrisk.money import FREE, Money
from kycrisk.signals import Unknown, Why

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

    __slots__ = ("day", "questions", "spent", "unreadable")

    def __init__(self, day: str, text: str | None) -> None:
        self.day, self.unreadable = day, False
        self.questions: dict[str, int] = {}
        self.spent: dict[str, Decimal] = {}
        if text is not None:
            try:
                raw = json.loads(text)
                self.questions = {str(source): int(count) for source, count in raw["questions"].items()}
                self.spent = {str(currency): Decimal(amount) for currency, amount in raw["spent"].items()}
            except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
                self.unreadable = True

    def text(self) -> str:
        spent = {currency: str(amount) for currency, amount in self.spent.items()}
        return json.dumps({"questions": self.questions, "spent": spent}, sort_keys=True)


class Budget:
    """The budgets of a site. `now` is the wall clock; days are UTC's."""

    def __init__(self, limits: Limits, kept: KeptResults, now: Callable[[], datetime]) -> None:
        self.limits = limits
        self._kept, self._now = kept, now
        self._today = _Day("", None)
        self._lock = asyncio.Lock()

    async def reserve(
        self, source: str, cost: Money = FREE, sends: frozenset[str] = frozenset()
    ) -> Reservation | Unknown:
        """Room for one question to a source, or why there is none (`over_budget`)."""
        held_back = sorted(sends - self.limits.personal) if self.limits.personal is not None else []
        if held_back:
            return Unknown(
                Why.OVER_BUDGET, f"{source} would be sent {', '.join(held_back)}, which may not leave the house"
            )
        async with self._lock:
            today = await self._day()
            refusal = self._refusal(today, source, cost)
            if refusal:
                return Unknown(Why.OVER_BUDGET, refusal)
            today.questions[source] = today.questions.get(source, 0) + 1
            if cost.amount:
                today.spent[cost.currency] = today.spent.get(cost.currency, Decimal(0)) + cost.amount
            if self._counts(source, cost):
                await self._keep(today)
        return Reservation(today.day, source, cost)

    async def settle(self, reservation: Reservation, cost: Money | None) -> None:
        """What a question really cost; None when it was never sent, which gives its place back as well.

        A cost in another currency than the one reserved is counted beside it, as nothing here converts money.
        """
        if cost == reservation.cost:
            return
        async with self._lock:
            today = await self._day()
            if today.day != reservation.day:
                return  # yesterday's account is closed
            if reservation.cost.amount:
                today.spent[reservation.cost.currency] -= reservation.cost.amount
            if cost is None:
                today.questions[reservation.source] -= 1
            elif cost.amount:
                today.spent[cost.currency] = today.spent.get(cost.currency, Decimal(0)) + cost.amount
            if self._counts(reservation.source, reservation.cost):
                await self._keep(today)

    async def left(self, source: str) -> int | None:
        """How many questions a source may still be asked today; None: no limit."""
        limit = self.limits.questions.get(source)
        if limit is None:
            return None
        async with self._lock:
            today = await self._day()
        return 0 if today.unreadable else max(0, limit - today.questions.get(source, 0))

    async def spent(self) -> Mapping[str, Decimal]:
        """What was spent today, by currency."""
        async with self._lock:
            return dict((await self._day()).spent)

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

    async def _day(self) -> _Day:
        day = self._now().astimezone(UTC).date().isoformat()
        if self._today.day != day:
            kept = await self._kept.get(SPACE, day)
            self._today = _Day(day, kept.text if kept else None)
        return self._today

    async def _keep(self, today: _Day) -> None:
        await self._kept.put(SPACE, today.day, Kept(today.text(), self._now() + _KEEP_A_DAY))

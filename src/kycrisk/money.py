"""Amounts of money in one currency, exact."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency (ISO 4217); exact, because budgets add thousands of small ones."""

    amount: Decimal
    currency: str = ""

    def __str__(self) -> str:
        """`0.002 EUR`; empty for nothing, as decisions write what was free."""
        return f"{self.amount.normalize():f} {self.currency}" if self.amount else ""


FREE = Money(Decimal(0))


def parse_money(text: str) -> Money:
    """`0.002 EUR` → that amount. Raises `ValueError` with a message for anything else."""
    number, _, currency = text.strip().partition(" ")
    whole, _, fraction = number.partition(".")
    plain = (whole + fraction).isdecimal() and number.isascii() and len(number) <= 20 and bool(whole)
    if not plain or not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ValueError(f"`{text[:40]}` is not an amount of money such as `0.002 EUR`")
    return Money(Decimal(number), currency)

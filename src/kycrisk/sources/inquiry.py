"""What one source can be asked about a signup, as the planner sees it: what it answers, sends, costs and waits for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, NamedTuple, TypeVar

from kycrisk.lookups.source import Consulted, Source
from kycrisk.money import FREE, Money
from kycrisk.signals import NOTHING, Signal, Unknown, Value
from kycrisk.signup import Signup

Key = TypeVar("Key")


class Stage(IntEnum):
    """When a source is asked; a later stage only begins while the outcome is still open.

    `FREE` costs nothing and is seen by nobody who matters. `SCARCE` is counted, or kept and shown to others.
    `PAID` costs money: such sources are asked one after the other, the cheapest first.
    """

    FREE = 0
    SCARCE = 1
    PAID = 2


class Foregone(NamedTuple):
    """What is known without a question: a private address is on no list of the Internet.

    Each signal of the inquiry stands in one of the two.
    """

    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # each is itself: comparing signals would cost µs
class Inquiry(Generic[Key]):
    """One question to one source.

    `key` reads off the signup, and off the facts that are known so far, what to ask about; `Unknown` says why there is
    nothing to ask, `Foregone` what is known without asking. It may look at those facts only that `needs` names; they
    are asked for first where another source has them. Needs never go in a circle: what fills a lookup's URL comes from
    the signup and from the sources that ship.
    `kept` gives the answer that is still good from before, at once and free; `ask` asks, by a moment of the event
    loop's clock, and never raises for what the network does. `timeout` is what it may take, in seconds.
    """

    name: str
    signals: tuple[Signal, ...]
    key: Callable[[Signup, Mapping[str, Value]], Key | Unknown | Foregone]
    kept: Callable[[Key], Consulted | None]
    ask: Callable[[Key, float], Awaitable[Consulted]]
    timeout: float
    stage: Stage = Stage.FREE
    price: Money = FREE
    sends: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    peek: Callable[[Key], Awaitable[Consulted | None]] | None = None
    answers: frozenset[str] = field(init=False)  # the names of its signals

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", frozenset(signal.name for signal in self.signals))


AnyInquiry = Inquiry[Any]


def inquiry_of(
    source: Source[Key],
    key: Callable[[Signup, Mapping[str, Value]], Key | Unknown | Foregone],
    *,
    timeout: float,
    scarce: bool = False,
    needs: tuple[str, ...] = (),
) -> Inquiry[Key]:
    """The inquiry that asks a source; one that has a price is paid, whatever else it is."""
    client = source.client
    return Inquiry(
        name=source.name,
        signals=source.signals,
        key=key,
        kept=source.kept,
        ask=source.ask,
        timeout=timeout,
        stage=Stage.PAID if client.price.amount else Stage.SCARCE if scarce else Stage.FREE,
        price=client.price,
        sends=client.sends,
        needs=needs,
        peek=source.peek,
    )

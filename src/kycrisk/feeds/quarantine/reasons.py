"""Why a version is held, and what is known of the customers who would be touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.match import AnySet

Kind = Literal[
    "removed", "shrunk", "lasting", "added", "popular", "protected", "suffix", "wide", "own", "older", "flips"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason to hold a version: its kind, a sentence, and entries that show it."""

    kind: Kind
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A customer whose outcome would be another one."""

    account: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """What a version would do to the customers there are: of `accounts`, so many would get another outcome.

    `examples` are some of those who would.
    """

    accounts: int
    flips: int
    examples: tuple[Flip, ...] = ()

    @property
    def share(self) -> float:
        return self.flips / self.accounts if self.accounts else 0.0


#: Who would flip if a feed's entries were these; None where that cannot be told. Given by whoever knows the customers.
FlipJudge = Callable[[Feed, AnySet], Flips | None]


def reason_dict(reason: Reason) -> dict[str, Any]:
    return {"kind": reason.kind, "text": reason.text, "examples": list(reason.examples)}


def reason_of(raw: Mapping[str, Any]) -> Reason:
    return Reason(kind=raw["kind"], text=raw["text"], examples=tuple(raw["examples"]))


def flips_dict(flips: Flips | None) -> dict[str, Any] | None:
    return None if flips is None else asdict(flips) | {"examples": [asdict(each) for each in flips.examples]}


def flips_of(raw: Mapping[str, Any] | None) -> Flips | None:
    if raw is None:
        return None
    examples = tuple(Flip(**each) for each in raw["examples"])
    return Flips(accounts=raw["accounts"], flips=raw["flips"], examples=examples)

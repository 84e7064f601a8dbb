"""What is to be sent, written in the transaction that stores the decision: there is no decision without its deliveries,
and no delivery without its decision.

A row says which endpoint is to hear which event of which decision. What is sent is made from the decision when it is
sent, so nothing personal lies here, and an erasure takes it along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from kycrisk.store.schema import DECISIONS, DELIVERIES
from kycrisk.store.screenings import Added
from kycrisk.store.transaction import Transaction


class Event(StrEnum):
    """What endpoints can be told of."""

    DECISION_CREATED = "decision.created"
    OUTCOME_CHANGED = "account.outcome_changed"

    @property
    def short(self) -> str:
        return "created" if self is Event.DECISION_CREATED else "changed"


@dataclass(frozen=True, slots=True)
class Route:
    """Which events go to an endpoint, which is known by its id."""

    endpoint: str
    events: frozenset[Event]


@dataclass(frozen=True, slots=True)
class Before:
    """The decision that an account had before, and its outcome as a number."""

    decision: str
    outcome: int


class Outbox:
    """Writes down what is to be sent about screenings. Given to a `Screening` as what else belongs to it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)
        self._changes = any(Event.OUTCOME_CHANGED in route.events for route in routes)

    def __call__(self, tx: Transaction, added: Sequence[Added]) -> None:
        """Add the rows of several screenings that are stored together."""
        before = _before(tx.connection, added) if self._changes else [None] * len(added)
        tx.insert(DELIVERIES, list(self._rows(tx, added, before)))

    def _rows(
        self, tx: Transaction, added: Sequence[Added], before: Sequence[Before | None]
    ) -> Iterator[dict[str, Any]]:
        for each, earlier in zip(added, before, strict=True):
            for event in Event:
                if event is Event.OUTCOME_CHANGED:
                    if earlier is None or earlier.outcome == int(each.decision.outcome):
                        continue
                    told: Before | None = earlier
                else:
                    told = None
                for route in self._routes:
                    if event in route.events:
                        yield {
                            "message": f"msg_{event.short}_{each.stored.decision_id}",
                            "endpoint": route.endpoint,
                            "event": event.value,
                            "decision": each.stored.seq,
                            "before_decision": told.decision if told else None,
                            "before_outcome": told.outcome if told else None,
                            "state": 0,
                            "attempts": 0,
                            "due_at": tx.at,
                            "created_at": tx.at,
                            "error": "",
                        }


def _before(connection: Connection, added: Sequence[Added]) -> list[Before | None]:
    """What each account's decision before was, those of the same transaction among them. Exact, as all writers come one
    after the other."""
    accounts = {each.signup.account.number for each in added}
    first = min(each.stored.seq for each in added)
    last = (
        select(func.max(DECISIONS.c.seq))
        .where(DECISIONS.c.account.in_(accounts), DECISIONS.c.seq < first)
        .group_by(DECISIONS.c.account)
    )
    wanted = select(DECISIONS.c.account, DECISIONS.c.id, DECISIONS.c.outcome).where(DECISIONS.c.seq.in_(last))
    known = {row.account: Before(row.id, row.outcome) for row in connection.execute(wanted)}
    found: list[Before | None] = []
    for each in added:
        account = each.signup.account.number
        found.append(known.get(account))
        known[account] = Before(each.stored.decision_id, int(each.decision.outcome))
    return found

"""Decisions with their evidence: added once, never changed, their JSON kept to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from kycrisk.decision import Decision
from kycrisk.decision_json import decision_from_json
from kycrisk.outcome import Outcome
from kycrisk.store.accounts import KIND, open_account_id
from kycrisk.store.bodies import Bodies
from kycrisk.store.failure import Erased, NotFound
from kycrisk.store.moments import micros, moment
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, DECISIONS, ERASED_DECISIONS
from kycrisk.store.screenings import Screening, Stored, add
from kycrisk.store.sealing import SiteKey, unseal
from kycrisk.store.transaction import Transaction
from kycrisk.store.velocity import Signals
from kycrisk.store.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision as it lies in the store: what lists show of it, and its JSON.

    `account_id` and `body` are None when they were erased; `erased` then holds what stayed (docs/store.md).
    """

    seq: int
    id: str
    account_id: str | None
    signup: int
    decided_at: datetime
    outcome: Outcome
    score: int
    settled: bool
    ruleset: str
    body: bytes | None
    erased: str | None = None

    def decision(self) -> Decision:
        """The decision itself. Raises `Erased`."""
        if self.body is None:
            raise Erased(f"the personal data of decision `{self.id}` was erased")
        return decision_from_json(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions a list shows; what is None does not narrow it down."""

    account_id: str | None = None
    signup: int | None = None
    outcome: Outcome | None = None
    settled: bool | None = None
    ruleset: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # exclusive


EVERY = DecisionFilter()


class Decisions:
    """The decisions of the store."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey, signals: Signals, bodies: Bodies) -> None:
        self._writer, self._reader, self._site, self._signals, self._bodies = writer, reader, site, signals, bodies

    async def add(self, screening: Screening) -> Stored:
        """Store a screening: its signup, its decision, and all that goes with it. On disk when this returns.

        Raises `IdempotencyConflict`, `Conflict` (an id that is taken), `StoreUnavailable`, and whatever
        `screening.decide` or `screening.also` raise; nothing is stored then.
        """
        return await self._writer.write(self._add, screening)

    async def get(self, id: str) -> StoredDecision:
        """Raises `NotFound`."""
        return await self._reader.read(_get, self._site, self._bodies, id)

    async def page(self, wanted: DecisionFilter = EVERY, *, after: str = "", limit: int = 100) -> Page[StoredDecision]:
        """Decisions, the newest first. Raises `BadCursor`."""
        return await self._reader.read(_page, self._site, self._bodies, wanted, after, limit)

    def _add(self, tx: Transaction, screenings: Sequence[Screening]) -> list[Stored | Exception]:
        return add(tx, self._signals, self._bodies, screenings)


WITH_KEYS = (
    select(
        DECISIONS,
        ACCOUNTS.c.pseudonym,
        ACCOUNT_KEYS.c.salt,
        ACCOUNT_KEYS.c.sealed_account_id,
        ERASED_DECISIONS.c.text.label("erased"),
    )
    .join(ACCOUNTS, ACCOUNTS.c.id == DECISIONS.c.account)
    .outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == DECISIONS.c.key)
    .outerjoin(ERASED_DECISIONS, ERASED_DECISIONS.c.seq == DECISIONS.c.seq)
)


def _get(connection: Connection, site: SiteKey, bodies: Bodies, id_: str) -> StoredDecision:
    row = connection.execute(WITH_KEYS.where(DECISIONS.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no decision `{id_[:100]}`")
    return stored_decision(connection, row, site, bodies)


def _page(
    connection: Connection, site: SiteKey, bodies: Bodies, wanted: DecisionFilter, after: str, limit: int
) -> Page[StoredDecision]:
    return page_of(
        connection,
        _narrowed(wanted, site).order_by(DECISIONS.c.seq.desc()),
        DECISIONS.c.seq,
        after,
        limit,
        lambda row: stored_decision(connection, row, site, bodies),
        newest_first=True,
    )


def _narrowed(wanted: DecisionFilter, site: SiteKey) -> Select[Any]:
    chosen = WITH_KEYS
    if wanted.account_id is not None:
        chosen = chosen.where(ACCOUNTS.c.pseudonym == site.pseudonym(KIND, wanted.account_id))
    if wanted.signup is not None:
        chosen = chosen.where(DECISIONS.c.signup == wanted.signup)
    if wanted.outcome is not None:
        chosen = chosen.where(DECISIONS.c.outcome == int(wanted.outcome))
    if wanted.settled is not None:
        chosen = chosen.where(DECISIONS.c.settled == wanted.settled)
    if wanted.ruleset is not None:
        chosen = chosen.where(DECISIONS.c.ruleset == wanted.ruleset)
    if wanted.since is not None:
        chosen = chosen.where(DECISIONS.c.decided_at >= micros(wanted.since))
    if wanted.until is not None:
        chosen = chosen.where(DECISIONS.c.decided_at < micros(wanted.until))
    return chosen


def body_of(connection: Connection, row: Row[Any], site: SiteKey, bodies: Bodies) -> bytes | None:
    """The JSON of a row of decisions with its `salt`; None when it was erased."""
    if row.salt is None:
        return None
    packed = unseal(site.account_key(bytes(row.salt)), bytes(row.sealed), f"decision {row.id}")
    return bodies.unpack(connection, row.dictionary, packed)


def rows_of(connection: Connection, account: int) -> Sequence[Row[Any]]:
    """The rows of an account's decisions, each with its key."""
    return connection.execute(WITH_KEYS.where(DECISIONS.c.account == account).order_by(DECISIONS.c.seq)).all()


def stored_decision(connection: Connection, row: Row[Any], site: SiteKey, bodies: Bodies) -> StoredDecision:
    return StoredDecision(
        seq=row.seq,
        id=row.id,
        account_id=open_account_id(row, site),
        signup=row.signup,
        decided_at=moment(row.decided_at),
        outcome=Outcome(row.outcome),
        score=row.score,
        settled=row.settled,
        ruleset=row.ruleset,
        body=body_of(connection, row, site, bodies),
        erased=row.erased,
    )

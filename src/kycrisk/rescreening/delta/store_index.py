"""The accounts of a store under index: taken in from the evidence of their last decisions, and kept in step.

The index says at whom to look. What is written is decided by what stands in the store at that moment, and by nobody but
the run that writes it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl
from sqlalchemy import Connection, func, select

from kycrisk.rescreening.delta.expiry import UNTIL
from kycrisk.rescreening.delta.index import Index, Placed
from kycrisk.rescreening.delta.segment import Segment
from kycrisk.rescreening.delta.standing import Standing
from kycrisk.rescreening.exempting import with_exemptions
from kycrisk.rescreening.lifetimes import Lifetimes
from kycrisk.rescreening.store_run import StoreRescreener
from kycrisk.rescreening.store_tables import Shape, missing_counts
from kycrisk.rescreening.stored_accounts import StoredAccounts, account_chunks, chosen_accounts
from kycrisk.ruleset.columns.values import column
from kycrisk.screening.columns.table import ACCOUNT, EXEMPT
from kycrisk.signals import Type
from kycrisk.store.schema import ACCOUNTS, DECISIONS
from kycrisk.store.velocity import Signals

#: Beside the facts: the number of an account, and the outcome that its last decision has.
NUMBER, DECIDED = " account", " decided"


@dataclass(frozen=True, slots=True)
class Extent:
    """How far an index has come with its store: the last decision and account in it, and what was counted."""

    seq: int
    last: int
    counts: tuple[str, ...]

    def to_text(self) -> str:
        return json.dumps({"seq": self.seq, "last": self.last, "counts": list(self.counts)})

    @classmethod
    def of_text(cls, text: str) -> Extent | None:
        """The inverse; None for what is none."""
        try:
            told = json.loads(text)
            return cls(int(told["seq"]), int(told["last"]), tuple(told["counts"]))
        except (ValueError, KeyError, TypeError):
            return None


class StoreAccounts:
    """The accounts of a store as facts: every signal of the catalogue, as their last decisions knew it."""

    def __init__(self, rescreener: StoreRescreener) -> None:
        self._rescreener, self._kernel, self._shape = rescreener, rescreener.kernel, Shape(rescreener.kernel)
        signals = rescreener.standing.ruleset.signals
        self._types: Mapping[str, Type] = {
            **{name: each.type for name, each in signals.items()},
            **self._shape.wanted,
        }
        self.counts = tuple(sorted(self._shape.velocities))

    async def all(self, upto: int) -> AsyncIterator[pl.DataFrame]:
        """All accounts, chunk by chunk; those whose personal data was erased are left out."""
        made = self._rescreener
        async for chunk in account_chunks(made.store, made.site_key, self._types, upto=upto, signups=False):
            yield await self._facts(chunk)

    async def chosen(self, numbers: Collection[int]) -> pl.DataFrame | None:
        """Some accounts; None where there are none."""
        made = self._rescreener
        chunks = chosen_accounts(made.store, made.site_key, self._types, sorted(numbers), signups=False)
        found = [await self._facts(chunk) async for chunk in chunks]
        return pl.concat(found) if found else None

    async def _facts(self, chunk: StoredAccounts) -> pl.DataFrame:
        made, kernel = self._rescreener, self._kernel
        counts = await made.store.read(missing_counts, made.site_key, Signals(), chunk, self._shape)
        counted = [column(name, Type.INT, values) for name, values in counts.items()]
        facts = chunk.facts.with_columns(chunk.accounts[ACCOUNT], *counted)
        table = with_exemptions(facts, kernel.pinned.exempted, kernel.pinned.now)
        if EXEMPT not in table.columns:
            table = table.with_columns(pl.lit(None, pl.List(pl.String)).alias(EXEMPT))
        return table.with_columns(
            chunk.accounts["account"].alias(NUMBER),
            chunk.accounts["outcome"].alias(DECIDED),
            *_moments(chunk, self._shape, made.lifetimes),
        ).filter(pl.col(ACCOUNT).is_not_null())


def _moments(chunk: StoredAccounts, shape: Shape, lifetimes: Lifetimes) -> list[pl.Series]:
    """Until when what only the network says counts: from when it was said, for as long as answers are kept."""
    found = []
    for name in shape.network:
        ages = [age or decided for age, decided in zip(chunk.ages[name], chunk.accounts["decided_at"], strict=True)]
        sources = chunk.sources[name].to_list()
        until = [
            None if age is None or source is None else age + lifetimes.of(source)
            for age, source in zip(ages, sources, strict=True)
        ]
        found.append(pl.Series(UNTIL + name, until, dtype=pl.Datetime("us", "UTC")))
    return found


class Ahead(NamedTuple):
    """What a store has that an index has not: accounts that were decided since, and those that were erased."""

    decided: tuple[int, ...]
    erased: frozenset[int]


def read_extent(connection: Connection) -> tuple[int, int]:
    """The newest decision and account of a store; 0 where there is none."""
    newest = (select(func.max(DECISIONS.c.seq)), select(func.max(ACCOUNTS.c.id)))
    seq, last = (connection.execute(each).scalar() or 0 for each in newest)
    return seq, last


def read_ahead(connection: Connection, extent: Extent) -> Ahead:
    """What came behind an extent."""
    decided = select(DECISIONS.c.account).where(DECISIONS.c.seq > extent.seq).distinct()
    new = select(ACCOUNTS.c.id).where(ACCOUNTS.c.id > extent.last)
    numbers = {row[0] for wanted in (decided, new) for row in connection.execute(wanted)}
    erased = connection.execute(select(ACCOUNTS.c.id).where(ACCOUNTS.c.erased_at.is_not(None)))
    return Ahead(tuple(sorted(numbers)), frozenset(row[0] for row in erased))


def without(index: Index, erased: Collection[int]) -> Index:
    """The index without what is known of these accounts: segments that had one are written anew."""
    placed = []
    for each in index.placed:
        found = each.segment.accounts[NUMBER].is_in(list(erased))
        if not found.any():
            placed.append(each)
        else:
            kept = each.segment.still(each.segment.where(~found))
            accounts, stands = each.segment.accounts[kept], each.segment.standing.rows(kept)
            placed.append(Placed(Segment.of(accounts, Standing.of(stands))))
    return replace(index, placed=tuple(placed))

"""A store screened again where something changed: the index says at whom to look, the store's own run decides.

The index is put away last. A run that dies before does the same again, and finds decided what it had decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from kycrisk.rescreening.delta.exempting import silenced_anew
from kycrisk.rescreening.delta.index import Index, IndexUnusable, locked, open_index, save
from kycrisk.rescreening.delta.rescreen import Rescreened, expired, new_index, rescreened, with_accounts
from kycrisk.rescreening.delta.store_index import (
    DECIDED,
    NUMBER,
    Extent,
    StoreAccounts,
    read_ahead,
    read_extent,
    without,
)
from kycrisk.rescreening.store_run import StoreRescreener
from kycrisk.rescreening.summary import Summary
from kycrisk.ruleset.columns.outcomes import OUTCOME
from kycrisk.screening.columns.table import ACCOUNT
from kycrisk.store.rescreenings import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChanges:
    """What a run over an index of a store came to.

    `told` says what changed and whom it touched; None where all accounts were taken in, and then `why` says why.
    `ahead` counts accounts that were decided since the last time, `looked_at` those that the store's run was given:
    their outcome is another by the index. `summary` is of these alone.
    """

    accounts: int
    told: Rescreened | None
    why: str
    ahead: int = 0
    expired: int = 0
    exempted: int = 0
    looked_at: int
    summary: Summary


@dataclass(frozen=True, slots=True)
class _Compared:
    """The index as it is now, and the accounts whose outcome is another by it."""

    index: Index
    numbers: tuple[int, ...]
    told: Rescreened | None
    why: str
    ahead: int = 0
    expired: int = 0
    exempted: int = 0


async def rescreen_store_changes(
    rescreener: StoreRescreener,
    folder: Path,
    *,
    by: str,
    dry_run: bool = False,
    on_begin: Callable[[int], None] = lambda left: None,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> StoreChanges:
    """Screen again the accounts of a store that a change since the last run touched; take all in where there was none.

    Raises `IndexBusy`, `Busy`, `LeaseLost`, `StoreUnavailable` and `OSError`. With `dry_run` nothing is written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds what is known of people
    with locked(folder):
        try:
            before = await asyncio.to_thread(open_index, folder)
            why = "there was no index" if before is None else ""
        except IndexUnusable as unusable:
            before, why = None, str(unusable)
        accounts = StoreAccounts(rescreener)
        extent = Extent(*await rescreener.store.read(read_extent), accounts.counts)
        known = None if before is None else Extent.of_text(before.source)
        if before is not None and (known is None or known.counts != extent.counts):
            why = "the rules count something else, or it is an index of something else"
        if before is None or known is None or why:
            found = await _anew(rescreener, accounts, extent, why)
        else:
            found = await _followed(rescreener, accounts, before, known)
        chosen = replace(rescreener, only=found.numbers)
        if dry_run:
            summary = await chosen.dry_run(on_begin, on_rows)
        else:

            def begun(run: Run, left: int) -> None:
                on_begin(len(found.numbers))

            _, summary = await chosen.run(by=by, anew=True, on_begin=begun, on_rows=on_rows)
            index = replace(found.index, source=extent.to_text())
            lists = before.remembered.lists if before is not None else None
            await asyncio.to_thread(save, folder, index, lists)
        return StoreChanges(
            accounts=found.index.accounts,
            told=found.told,
            why=found.why,
            ahead=found.ahead,
            expired=found.expired,
            exempted=found.exempted,
            looked_at=len(found.numbers),
            summary=summary,
        )


async def _anew(rescreener: StoreRescreener, accounts: StoreAccounts, extent: Extent, why: str) -> _Compared:
    """All accounts taken in, and those whose last decision has another outcome."""
    tables = [table async for table in accounts.all(extent.last)]
    screener = rescreener.kernel.screener
    if not tables:
        nobody = pl.DataFrame(schema={ACCOUNT: pl.String, NUMBER: pl.Int64, DECIDED: OUTCOME})
        return _Compared(new_index(nobody, screener), (), None, why)
    index = await asyncio.to_thread(new_index, pl.concat(tables), screener)
    return _Compared(index, _decided_otherwise(index), None, why)


async def _followed(rescreener: StoreRescreener, accounts: StoreAccounts, before: Index, known: Extent) -> _Compared:
    """The index after what changed in lists, rules, exemptions and the store, and whom that makes news."""
    kernel = rescreener.kernel
    ahead = await rescreener.store.read(read_ahead, known)
    index, told = await asyncio.to_thread(rescreened, without(before, ahead.erased), kernel.screener)
    names = [told.effect.news[ACCOUNT]]
    past = expired(index, kernel.pinned.now)
    index = with_accounts(index, past, kernel.screener) if past.height else index
    silenced = silenced_anew(index, kernel.pinned.exempted, kernel.pinned.now)
    index = with_accounts(index, silenced, kernel.screener) if silenced.height else index
    newer = await accounts.chosen([number for number in ahead.decided if number not in ahead.erased])
    if newer is not None and newer.height:
        index = with_accounts(index, newer, kernel.screener)
        names.append(newer[ACCOUNT])
    names += [past[ACCOUNT], silenced[ACCOUNT]]
    numbers = _decided_otherwise(index, pl.concat(names))
    return _Compared(index, numbers, told, "", len(ahead.decided), past.height, silenced.height)


def _decided_otherwise(index: Index, names: pl.Series | None = None) -> tuple[int, ...]:
    """The numbers of accounts, of these or of all, whose outcome by the index is not that of their last decision."""
    found: list[int] = []
    for placed in index.placed:
        each = placed.segment
        rows = each.still(each.rows_of(names))
        facts, stands = each.accounts[rows], each.standing.rows(rows, ["outcome"])["outcome"]
        found += facts[NUMBER].filter(facts[DECIDED].ne_missing(stands)).to_list()
    return tuple(sorted(found))

"""Files of accounts, screened again where something changed since the last time, from the index kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kycrisk.outcome import Outcome
from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.delta.exempting import GIVEN, as_given, silenced_anew
from kycrisk.rescreening.delta.expiry import is_beside
from kycrisk.rescreening.delta.index import Index, IndexUnusable, locked, open_index, save
from kycrisk.rescreening.delta.rescreen import Rescreened, expired, new_index, rescreened, with_accounts
from kycrisk.rescreening.delta.segment import Segment
from kycrisk.rescreening.exempting import with_exemptions
from kycrisk.rescreening.kernel import BEFORE, BEFORE_RULES, Kernel
from kycrisk.rescreening.summary import Summary, summarised
from kycrisk.ruleset.columns.outcomes import OUTCOME, VERDICT
from kycrisk.screening.columns.signups import is_signups
from kycrisk.screening.columns.table import ACCOUNT, EXEMPT

_BEFORE = " before"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRun:
    """What a run over an index came to.

    `told` says what changed and whom it touched; None where all accounts were taken in, and then `why` says why.
    `expired` counts accounts of which a fact expired, `exempted` those for whom other rules are silenced than before.
    `news` has the accounts whose outcome is another one (`kernel.RESULT`), `summary` counts them.
    """

    accounts: int
    refused: int
    told: Rescreened | None
    why: str
    expired: int = 0
    exempted: int = 0
    news: pl.DataFrame
    summary: Summary


def index_folder(state: Path, paths: Sequence[Path]) -> Path:
    """Where the index of these files lies."""
    key = hashlib.sha256("\n".join(str(path.resolve()) for path in paths).encode()).hexdigest()
    return state / "rescreening" / f"changes-{key[:12]}"


def rescreen_changed(paths: Sequence[Path], folder: Path, kernel: Kernel, *, dry_run: bool = False) -> ChangedRun:
    """Screen again whom a change since the last run touched; take all accounts in where there was none.

    Raises `Problems` for files that are none of accounts, `IndexBusy` while another run works on the index, and
    `OSError`. With `dry_run` nothing is remembered.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds what is known of people
    with locked(folder):
        source = _source(paths, kernel)
        try:
            index = open_index(folder)
            why = "there was no index" if index is None else ""
        except IndexUnusable as unusable:
            index, why = None, str(unusable)
        if index is not None and index.source != source:
            why = "the files have changed, or what rules read of them"
        if index is None or why:
            found, run = _anew(_accounts(paths, kernel), kernel, source, index, why)
        else:
            found, run = _changed(index, kernel)
        if not dry_run:
            save(folder, found, index.remembered.lists if index is not None else None)
            run.news.write_parquet(folder / "news.parquet")
    return run


def _source(paths: Sequence[Path], kernel: Kernel) -> str:
    """What files the accounts are from; of raw signups only what rules read is kept, so that counts, too."""
    told, raw = [], False
    for path in paths:
        try:
            state = path.stat()
            raw |= is_signups(pl.scan_parquet(path, glob=False).collect_schema().names())
        except (OSError, pl.exceptions.PolarsError) as error:
            message = f"is not a Parquet file that can be read: {str(error).splitlines()[0]}"
            raise Problems([Problem(str(path), message)]) from None
        told.append(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}")
    return "\n".join([*told, *(sorted(kernel.screener.needed) if raw else ())])


class _Accounts(NamedTuple):
    facts: pl.DataFrame
    before: pl.Series
    refused: int


def _accounts(paths: Sequence[Path], kernel: Kernel) -> _Accounts:
    """The accounts of files as facts, and their outcomes where the files have them."""
    facts, before, refused = [], [], 0
    for path in paths:
        table = pl.read_parquet(path, glob=False)
        told = _outcomes(table)
        table = table.drop(name for name in (BEFORE_RULES, *VERDICT) if name in table.columns)
        if is_signups(table.columns):
            screened = kernel.screener.screen(table, facts=True)
            kept = pl.int_range(table.height, eager=True).filter(
                ~pl.int_range(table.height, eager=True).is_in((screened.refused["row"].cast(pl.Int64) - 1).implode())
            )
            told, refused = told.gather(kept), refused + screened.refused.height
            table = screened.verdicts.drop(*VERDICT)
        facts.append(table)
        before.append(told)
    return _Accounts(pl.concat(facts, how="diagonal"), pl.concat(before), refused)


def _outcomes(table: pl.DataFrame) -> pl.Series:
    if BEFORE in table.columns:
        return table[BEFORE].cast(pl.String).cast(OUTCOME)
    return pl.Series(BEFORE, [None], dtype=OUTCOME).new_from_index(0, table.height)


def _anew(accounts: _Accounts, kernel: Kernel, source: str, index: Index | None, why: str) -> tuple[Index, ChangedRun]:
    """All accounts taken in; what is news is told by the files, or by what the last index held."""
    facts = accounts.facts
    if EXEMPT in facts.columns:
        facts = facts.with_columns(pl.col(EXEMPT).alias(GIVEN))
    found = new_index(with_exemptions(facts, kernel.pinned.exempted, kernel.pinned.now), kernel.screener, source=source)
    before = pl.DataFrame({ACCOUNT: facts[ACCOUNT], _BEFORE: accounts.before})
    if index is not None:
        stood = pl.concat([_stood(each) for each in index.segments])
        before = before.join(stood, on=ACCOUNT, how="left", maintain_order="left").select(
            ACCOUNT, pl.coalesce(_BEFORE, "stood").alias(_BEFORE)
        )
    now = found.segments[0].standing.base["outcome"]
    was = before[_BEFORE]
    other = (was != now).fill_null(now.to_physical() >= int(Outcome.VERIFY))
    news = _news(found, before.filter(other).rename({_BEFORE: BEFORE}), kernel)
    summary = summarised(news, "the accounts")
    return found, ChangedRun(
        accounts=found.accounts, refused=accounts.refused, told=None, why=why, news=news, summary=summary
    )


def _stood(segment: Segment) -> pl.DataFrame:
    """The outcome of each account that is present."""
    rows = segment.still(pl.int_range(segment.height, dtype=pl.UInt32, eager=True))
    return pl.DataFrame(
        {ACCOUNT: segment.accounts[ACCOUNT].gather(rows), "stood": segment.standing.rows(rows, ["outcome"])["outcome"]}
    )


def _changed(index: Index, kernel: Kernel) -> tuple[Index, ChangedRun]:
    """The accounts that lists, rules or exemptions touched."""
    found, told = rescreened(index, kernel.screener)
    before = told.effect.news.select(ACCOUNT, pl.col("before").alias(BEFORE))
    past = expired(found, kernel.pinned.now)
    found, before = _given_anew(found, past, before, kernel)
    others = silenced_anew(found, kernel.pinned.exempted, kernel.pinned.now)
    found, before = _given_anew(found, others, before, kernel)
    news = _news(found, before, kernel).filter("news")
    run = ChangedRun(
        accounts=found.accounts,
        refused=0,
        told=told,
        why="",
        expired=past.height,
        exempted=others.height,
        news=news,
        summary=summarised(news, "the accounts"),
    )
    return found, run


def _given_anew(
    index: Index, accounts: pl.DataFrame, before: pl.DataFrame, kernel: Kernel
) -> tuple[Index, pl.DataFrame]:
    """The index with other facts of some accounts, and the outcomes before with theirs."""
    if not accounts.height:
        return index, before
    stood = pl.concat([_stood(each) for each in index.segments])
    known = pl.concat([before[ACCOUNT], accounts[ACCOUNT]])
    stood = stood.filter(pl.col(ACCOUNT).is_in(accounts[ACCOUNT].implode()))
    stood = stood.filter(~pl.col(ACCOUNT).is_in(before[ACCOUNT].implode()))
    if before.height + stood.height != known.n_unique():
        raise RuntimeError("an account with other facts is none of the index")
    return with_accounts(index, accounts, kernel.screener), pl.concat([before, stood.rename({"stood": BEFORE})])


def _news(index: Index, before: pl.DataFrame, kernel: Kernel) -> pl.DataFrame:
    """The results of some accounts, each with what it was before; judged once more, and in words.

    Raises `RuntimeError` where that gives another outcome than the index has.
    """
    parts = []
    for each in index.segments:
        rows = each.still(each.equal(ACCOUNT, before[ACCOUNT]))
        table = as_given(each.accounts[rows])
        table = table.select(name for name in table.columns if not is_beside(name))
        stands = each.standing.rows(rows, ["outcome"]).rename({"outcome": "stands"})
        parts.append(table.hstack(stands).join(before, on=ACCOUNT, how="left", maintain_order="left"))
    table = pl.concat(parts, how="diagonal")
    result = kernel.screen(table.drop("stands"))
    if not (result["outcome"] == table["stands"]).all():
        raise RuntimeError("the index and the kernel judge an account differently")
    return result

"""Accounts of an index judged from their evidence: when they are taken in, and when a change touches them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from kycrisk.rescreening.delta.list_facts import FEW
from kycrisk.rescreening.delta.segment import Segment, checked_accounts
from kycrisk.rescreening.delta.standing import Standing
from kycrisk.ruleset.columns.outcomes import VERDICT
from kycrisk.ruleset.condition import Membership, SignalRef
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.screening.analyst_lists import Entries
from kycrisk.screening.columns.derived import membership
from kycrisk.screening.columns.parquet import ROWS
from kycrisk.screening.columns.table import TableScreener
from kycrisk.screening.derived import read_instead


def taken_in(accounts: pl.DataFrame, screener: TableScreener) -> Segment:
    """A segment of accounts that were not there before, judged under the screener's rules and lists.

    Columns whose names begin with a blank are kept beside the facts, and are none. Raises `Problems` where the table is
    none of facts, or its columns are not what they should be.
    """
    checked_accounts(accounts)
    facts = accounts.drop(name for name in VERDICT if name in accounts.columns)
    screener.check_columns([name for name in facts.columns if not name.startswith(" ")])
    tables = [_judged(facts[start : start + ROWS], screener) for start in range(0, max(facts.height, 1), ROWS)]
    base = pl.concat(tables)
    if base.height != facts.height:
        raise RuntimeError(f"{facts.height} accounts were taken in and {base.height} were judged")
    return Segment.of(facts.drop(name for name in base.columns if name in facts.columns), Standing.of(base))


def _judged(facts: pl.DataFrame, screener: TableScreener) -> pl.DataFrame:
    """What the lists say of accounts, and their verdicts."""
    listed = screener.listed(facts)
    told = facts.drop(name for name in listed.columns if name in facts.columns).hstack(listed)
    verdicts = verdicts_of(told, screener)
    return listed.hstack(verdicts)


def verdicts_of(facts: pl.DataFrame, screener: TableScreener) -> pl.DataFrame:
    """The verdicts of accounts, in the columns of `VERDICT`; the word of the lists stands in the table."""
    told = facts.select(screener.reads(facts.columns, anew=False))
    return screener.screen(told, anew=False).verdicts.select(*VERDICT)


def verdicts_of_few(facts: pl.DataFrame, screener: TableScreener) -> pl.DataFrame:
    """The same; of few accounts each value is asked of the operator's lists by itself, so that no index is built."""
    return verdicts_of(facts if facts.height > FEW else with_memberships(facts, screener), screener)


def with_memberships(facts: pl.DataFrame, screener: TableScreener) -> pl.DataFrame:
    """The table with what the operator's lists say, where rules ask them about a fact that stands in it."""
    found = []
    for ref in live_refs(screener.rules.compiled):
        entries = screener.lists.get(ref.derived.list) if isinstance(ref.derived, Membership) else None
        if isinstance(ref.derived, Membership) and isinstance(entries, Entries):
            base = read_instead(ref.derived.signal, entries)
            if base in facts.columns:
                type_ = screener.rules.compiled.ruleset.signals[base].type
                found.append(membership(facts[base], type_, entries).alias(ref.name))
    return facts.with_columns(found)


def live_refs(compiled: CompiledRuleset) -> Iterable[SignalRef]:
    """What the live rules read, each once."""
    return dict.fromkeys(ref for rule in compiled.live for ref in rule.signals)

"""Screening again whom a change touched, over the index of a folder: what changed is found by comparing.

Accounts are taken in once. From then on each run compares the lists and rules of now with those that the accounts were
last screened under, applies the difference, and remembers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from kycrisk.checks.catalogue import ALIASES
from kycrisk.rescreening.delta.changes import NEWS, Change, Effect
from kycrisk.rescreening.delta.expiry import without_expired
from kycrisk.rescreening.delta.index import Index, Placed
from kycrisk.rescreening.delta.judging import taken_in
from kycrisk.rescreening.delta.list_state import ListState, list_change
from kycrisk.rescreening.delta.remembered import Remembered
from kycrisk.rescreening.delta.rule_change import RuleChange, rule_change
from kycrisk.rescreening.delta.segment import Segment
from kycrisk.rescreening.delta.standing import Standing
from kycrisk.ruleset.canonical import ruleset_from_canonical
from kycrisk.ruleset.columns.outcomes import VERDICT
from kycrisk.ruleset.model import Ruleset
from kycrisk.screening.columns.table import ACCOUNT, TableScreener


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescreened:
    """What a run did: how many list entries and which rules changed, and what that did to the accounts."""

    entries: int
    rules: tuple[str, ...]
    policy: bool
    everywhere: tuple[str, ...]
    effect: Effect


def new_index(accounts: pl.DataFrame, screener: TableScreener, *, source: str = "") -> Index:
    """Accounts taken in for the first time, judged under the rules and lists of now.

    Raises `Problems` where the table is none of facts, or its columns are not what they should be.
    """
    return Index(placed=(Placed(taken_in(accounts, screener)),), remembered=_now(screener), source=source)


def rescreened(index: Index, screener: TableScreener) -> tuple[Index, Rescreened]:
    """The index after the change from what is remembered to the screener's rules and lists, and what that did."""
    now, before = _now(screener), index.remembered
    rules = _rules(before.ruleset, screener.rules.compiled.ruleset)
    lists = list_change(before.lists, now.lists)
    change = Change(screener, lists, rules)
    applied = [change.apply(each) for each in index.segments]
    told = Rescreened(
        entries=lists.entries,
        rules=tuple(each.id for each in rules.rules),
        policy=rules.policy,
        everywhere=change.everywhere,
        effect=_together([effect for _, effect in applied]),
    )
    placed = (each.with_segment(segment) for each, (segment, _) in zip(index.placed, applied, strict=True))
    return replace(index, placed=tuple(placed), remembered=now), told


def with_accounts(index: Index, accounts: pl.DataFrame, screener: TableScreener, *, source: str = "") -> Index:
    """The index with more accounts, or with others facts of known ones; judged under the rules and lists of now.

    What is remembered has to be as the screener has it: `rescreened` comes first. Raises `Problems`.
    """
    added = taken_in(accounts, screener)
    names = added.accounts[ACCOUNT]
    old = (each.with_segment(each.segment.without(names)) for each in index.placed)
    placed = (*(each for each in old if each.segment.present), Placed(added))
    return replace(index, placed=_merged(placed), source=source or index.source)


def expired(index: Index, now: datetime) -> pl.DataFrame:
    """The accounts of which a fact has expired, without it: for `with_accounts`."""
    found = [each.accounts[each.still(each.expired(now))] for each in index.segments]
    return without_expired(pl.concat(found, how="diagonal"), now)


def waiting_for(index: Index, signals: Collection[str]) -> pl.Series:
    """The accounts that are not settled and of which one of these signals is unknown.

    They are worth a question when its source answers again; whose decisions stand in a store are on its recheck list.
    """
    found: list[pl.Series] = []
    for each in index.segments:
        rows = each.still(each.where(~each.standing.all(["settled"])["settled"]))
        facts = each.accounts[rows].hstack(each.standing.rows(rows).drop(*VERDICT))
        missing = [pl.lit(True) if name not in facts.columns else pl.col(name).is_null() for name in signals]
        found.append(facts.filter(pl.any_horizontal(pl.lit(False), *missing))[ACCOUNT])
    return pl.concat(found)


def _merged(placed: tuple[Placed, ...]) -> tuple[Placed, ...]:
    """Segments, the newest of which are put together while each is not much smaller than what comes behind it.

    So there are as many as the accounts have digits, and an account is moved about as often.
    """
    kept = [*placed]
    while len(kept) > 1 and kept[-2].segment.present < _MUCH_SMALLER * kept[-1].segment.present:
        last, before = kept.pop(), kept.pop()
        kept.append(Placed(_joined(before.segment, last.segment)))
    return tuple(kept)


_MUCH_SMALLER = 4


def _joined(first: Segment, second: Segment) -> Segment:
    """Two segments as one, without the accounts that are gone."""
    accounts, stands = [], []
    for each in (first, second):
        present = each.still(pl.int_range(each.height, dtype=pl.UInt32, eager=True))
        accounts.append(each.accounts[present])
        stands.append(each.standing.all()[present])
    return Segment.of(pl.concat(accounts, how="diagonal"), Standing.of(pl.concat(stands, how="diagonal")))


def _now(screener: TableScreener) -> Remembered:
    lists = ListState.of(screener.world.lists, screener.lists)
    return Remembered.of(screener.rules.compiled.ruleset, lists, screener.world.now)


def _rules(before: str, now: Ruleset) -> RuleChange:
    """The change of rules. Where the old ones can no longer be read, everybody is judged by the new ones."""
    try:
        old = ruleset_from_canonical(before, signals=now.signals, aliases=ALIASES)
    except (ValueError, KeyError, TypeError):
        return RuleChange(now, now, (), "the rules of the last time can no longer be read")
    return rule_change(old, now)


def _together(effects: Sequence[Effect]) -> Effect:
    """What was done to several segments."""
    counted = ("accounts", "touched", "by_lists", "by_rules", "judged", "moved", "without_evidence")
    news = pl.concat([each.news for each in effects]) if effects else pl.DataFrame(schema=NEWS)
    return Effect(news=news, **{name: sum(getattr(each, name) for each in effects) for name in counted})

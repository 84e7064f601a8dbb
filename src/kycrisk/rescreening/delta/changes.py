"""A change of lists or rules applied to a segment: whom it touches, what it changes about them, who is news."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple

import polars as pl

from kycrisk.rescreening.delta.judging import FEW_ROWS, FewVerdicts, live_refs
from kycrisk.rescreening.delta.list_facts import FEW_KEYS, changed_facts, own_rows
from kycrisk.rescreening.delta.list_state import ListChange
from kycrisk.rescreening.delta.rule_change import RuleChange, touched
from kycrisk.rescreening.delta.segment import Segment, together
from kycrisk.rescreening.delta.standing import columns_of, replaced
from kycrisk.ruleset.columns.outcomes import OUTCOME, VERDICT
from kycrisk.ruleset.condition import Membership
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.screening.columns.table import ACCOUNT, TableScreener
from kycrisk.signals import Unknown, Why

#: The columns of news: accounts whose outcome is another one.
NEWS = {
    ACCOUNT: pl.String(),
    "before": OUTCOME,
    "outcome": OUTCOME,
    "score_before": pl.Int64(),
    "score": pl.Int64(),
    "settled": pl.Boolean(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a change did to some accounts. Each is counted once in `touched`, whatever touched it.

    `by_lists` and `by_rules` are whom an entry or a rule can touch; `judged` were judged anew from their evidence,
    the scores of `moved` were moved; `without_evidence` are those of whom no key is known: they are judged every time.
    """

    accounts: int = 0
    touched: int = 0
    by_lists: int = 0
    by_rules: int = 0
    judged: int = 0
    moved: int = 0
    without_evidence: int = 0
    news: pl.DataFrame

    @property
    def share(self) -> float:
        """The share of the accounts that was touched."""
        return self.touched / self.accounts if self.accounts else 0.0


class Change:
    """A change of lists and rules, ready to be applied to any number of segments.

    `screener` has the rules and lists that are in force now. Up to `few_rows` accounts are judged, and up to `few_keys`
    keys asked of lists, one by one; more by columns, which costs more to begin and less to go on. Both give the same.
    """

    def __init__(
        self,
        screener: TableScreener,
        lists: ListChange,
        rules: RuleChange | None = None,
        *,
        few_rows: int = FEW_ROWS,
        few_keys: int = FEW_KEYS,
    ) -> None:
        self.screener, self.lists, self.rules = screener, lists, rules or None
        self._few_rows, self._few_keys = few_rows, few_keys
        self._judge = FewVerdicts(screener, few_rows)
        self._conditions = None if self.rules is None else _conditions(self.rules, screener)
        old = () if rules is None else (ref for rule in rules.old.live for ref in rule.signals)
        self._refs = tuple(dict.fromkeys((*live_refs(screener.rules.compiled), *old)))
        self._read = {*screener.needed, *(ref.name for ref in self._refs)}
        self.everywhere = tuple(self._everywhere())

    def _everywhere(self) -> Iterator[str]:
        """Why every account is touched, if it is."""
        for purpose in sorted(self.lists.everywhere):
            yield f"what `{purpose}` lists held is not known, or whether they can be asked is another"
        for ref in self._refs:
            if isinstance(ref.derived, Membership) and self.lists.own.get(ref.derived.list, ()) is None:
                yield f"list `{ref.derived.list}` is another"
        if self.rules is not None and self.rules.everywhere:
            yield self.rules.everywhere

    def apply(self, segment: Segment) -> tuple[Segment, Effect]:
        """The segment as it stands afterwards, and what was done to it."""
        patched, facts, changed = self._facts(segment)
        own = own_rows(segment, self.lists, self._refs, self.screener.lists)
        by_rules = self._by_rules(segment, patched, facts)
        nameless = segment.nameless()
        judged = together([changed, own, by_rules.anew, nameless])
        moved = by_rules.moved.filter(~by_rules.moved.is_in(judged.implode()))
        rows = together([patched, judged, moved])
        before = segment.standing.rows(rows)
        after = replaced(before, rows.search_sorted(patched), facts)
        after = replaced(after, rows.search_sorted(judged), self._verdicts(segment, rows, judged, after))
        after = _moved(after, rows.search_sorted(moved), by_rules.points.gather(by_rules.moved.search_sorted(moved)))
        other = _differing(before, after, before.columns, self._few_rows)
        standing = segment.standing.with_rows(rows.filter(other), after.filter(other))
        effect = Effect(
            accounts=segment.present,
            touched=len(segment.still(together([rows, own, by_rules.moved]))),
            by_lists=len(segment.still(together([patched, own]))),
            by_rules=len(segment.still(together([by_rules.anew, by_rules.moved]))),
            judged=len(segment.still(judged)),
            moved=len(segment.still(moved)),
            without_evidence=len(segment.still(nameless)),
            news=_news(segment, rows, before, after),
        )
        return segment.with_standing(standing), effect

    def _facts(self, segment: Segment) -> tuple[pl.Series, pl.DataFrame, pl.Series]:
        """The rows under changed entries with their facts as the lists have them now, and those who got other ones."""
        parts = list(changed_facts(segment, self.lists, self.screener, self._few_keys))
        rows = together(part.rows for part in parts)
        names = [name for part in parts for name in part.facts.columns]
        before = segment.standing.rows(rows, names)
        after = before
        for part in parts:
            after = replaced(after, rows.search_sorted(part.rows), part.facts)
        read = [name for name in names if name in self._read]
        return rows, after, rows.filter(_differing(before, after, read, self._few_rows))

    def _by_rules(self, segment: Segment, patched: pl.Series, facts: pl.DataFrame) -> _ByRules:
        if self.rules is None or self._conditions is None:
            return _ByRules(_NOBODY, _NOBODY, _NO_POINTS)
        if self.rules.everywhere:
            return _ByRules(pl.int_range(segment.height, dtype=pl.UInt32, eager=True), _NOBODY, _NO_POINTS)
        stands, accounts = segment.standing, segment.accounts
        wanted = self._conditions.reads([*accounts.columns, *(stands.base.columns)], anew=False)
        listed = stands.all([name for name in wanted if name in stands.base.columns and name not in VERDICT])
        listed = replaced(listed, patched, facts.select(name for name in facts.columns if name in listed.columns))
        table = accounts.select(name for name in wanted if name in accounts.columns).hstack(listed)
        findings = self._conditions.findings(table, anew=False)
        told = touched(self.rules, findings, stands.all(list(VERDICT)), segment.exempt())
        moved = segment.where(~told.anew & (told.moved != 0))
        return _ByRules(segment.where(told.anew), moved, told.moved.gather(moved))

    def _verdicts(self, segment: Segment, rows: pl.Series, judged: pl.Series, after: pl.DataFrame) -> pl.DataFrame:
        names = [*segment.accounts.columns, *(name for name in after.columns if name not in VERDICT)]
        wanted = self.screener.reads(names, anew=False)
        known = columns_of(segment.accounts, [name for name in wanted if name in segment.accounts.columns])[judged]
        listed = after[rows.search_sorted(judged)]
        told = [listed[name] for name in wanted if name in listed.columns]
        return self._judge.of(pl.DataFrame([*known.get_columns(), *told]))


class _ByRules(NamedTuple):
    """Whom a change of rules touches: who is judged anew, whose scores are moved, and by how many points."""

    anew: pl.Series
    moved: pl.Series
    points: pl.Series


_NOBODY = pl.Series([], dtype=pl.UInt32)
_NO_POINTS = pl.Series([], dtype=pl.Int64)


def _conditions(change: RuleChange, screener: TableScreener) -> TableScreener:
    """A screener for the conditions of the changed rules, as they were and as they are."""
    ruleset = change.conditions()
    asked = {ref.derived.list for rule in ruleset.live for ref in rule.signals if isinstance(ref.derived, Membership)}
    gone = {name: Unknown(Why.NOT_CONFIGURED) for name in asked - screener.lists.keys()}
    return TableScreener(compile_ruleset(ruleset), screener.world, {**gone, **screener.lists})


def _differing(before: pl.DataFrame, after: pl.DataFrame, columns: Sequence[str], few: int) -> pl.Series:
    """Whether anything is another in a row."""
    if columns and before.height <= few:
        rows = zip(columns_of(before, columns).rows(), columns_of(after, columns).rows(), strict=True)
        return pl.Series([old != new for old, new in rows], dtype=pl.Boolean)
    none = pl.Series([False], dtype=pl.Boolean).new_from_index(0, before.height)
    return reduce(or_, (before[name].ne_missing(after[name]) for name in columns), none)


def _moved(table: pl.DataFrame, places: pl.Series, points: pl.Series) -> pl.DataFrame:
    """The table with the scores of some rows moved."""
    if not len(places):
        return table
    scores = table.select("score", "lowest_score", "highest_score")[places]
    return replaced(table, places, scores.select(pl.all() + points))


def _news(segment: Segment, rows: pl.Series, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    other = before["outcome"] != after["outcome"]
    if len(segment.gone):
        other &= ~rows.is_in(segment.gone.implode())
    was, now = before.filter(other), after.filter(other)
    columns = [
        segment.accounts[ACCOUNT].gather(rows.filter(other)),
        was["outcome"].alias("before"),
        now["outcome"],
        was["score"].alias("score_before"),
        now["score"],
        now["settled"],
    ]
    return pl.DataFrame(columns, schema=NEWS)

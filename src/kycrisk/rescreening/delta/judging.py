"""Accounts of an index judged from their evidence: when they are taken in, and when a change touches them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import polars as pl

from kycrisk.feeds.lists import Lists
from kycrisk.rescreening.delta.expiry import UNTIL, is_beside, with_moments, without_expired
from kycrisk.rescreening.delta.segment import Segment, checked_accounts
from kycrisk.rescreening.delta.standing import Standing
from kycrisk.ruleset.columns.outcomes import OUTCOME, VERDICT
from kycrisk.ruleset.columns.values import values_of
from kycrisk.ruleset.condition import Membership, SignalRef
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.screening.analyst_lists import Entries
from kycrisk.screening.columns.classes import ADDRESS, DOMAIN, AddressFacts, DomainFacts
from kycrisk.screening.columns.derived import membership
from kycrisk.screening.columns.parquet import ROWS
from kycrisk.screening.columns.table import EXEMPT, TableScreener
from kycrisk.screening.derived import prepare_derived, read_instead
from kycrisk.signals import Type


def taken_in(accounts: pl.DataFrame, screener: TableScreener) -> Segment:
    """A segment of accounts that were not there before, judged under the screener's rules and lists.

    Columns whose names begin with a blank are kept beside the facts, and are none. A fact whose moment in a column
    `until ` has passed is unknown. Raises `Problems` where the table is none of facts, or its columns are not what they
    should be.
    """
    checked_accounts(accounts)
    facts = with_moments(accounts.drop(name for name in VERDICT if name in accounts.columns))
    screener.check_columns([name for name in facts.columns if not is_beside(name)])
    facts = without_expired(facts.drop(_memberships(facts.columns)), screener.world.now)
    tables = [_judged(facts[start : start + ROWS], screener) for start in range(0, max(facts.height, 1), ROWS)]
    base = pl.concat(tables)
    if base.height != facts.height:
        raise RuntimeError(f"{facts.height} accounts were taken in and {base.height} were judged")
    anew = {*base.columns, *(UNTIL + name for name in base.columns)}  # what lists say has no lifetime of its own
    return Segment.of(facts.drop(name for name in facts.columns if name in anew), Standing.of(base))


def _memberships(names: Collection[str]) -> list[str]:
    """The columns that say what one of the operator's lists said, where it can be asked again."""
    found = {name: name.partition(" in list(")[0] for name in names if " in list(" in name}
    return [
        name
        for name, base in found.items()
        if base in names and (base != "email.address" or "email.canonical" in names)  # which is asked in its place
    ]


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


class FewVerdicts:
    """Judges accounts without an index of the catalogue's lists, which takes long to build and pays for many.

    A few are judged one by one by the scalar engine, which is faster than to set up a query. Not shared by threads.
    """

    def __init__(self, screener: TableScreener, few: int) -> None:
        self._few = few
        self._screener, self._compiled = screener, screener.rules.compiled
        refs = dict.fromkeys(ref for rule in self._compiled.live for ref in rule.signals if ref.derived)
        self._derived = prepare_derived(refs, screener.lists, None)
        types = {name: each.type for name, each in self._compiled.ruleset.signals.items()}
        self._types: Mapping[str, Type] = {**types, **screener.rules.signals}
        own = {
            ref.name: (ref.derived, entries)
            for ref in refs
            if isinstance(ref.derived, Membership)
            and isinstance(entries := screener.lists.get(ref.derived.list), Entries)
        }
        alone = replace(screener.world, lists=Lists([]))
        self._own, self._domains, self._addresses = own, DomainFacts(alone, own), AddressFacts(alone, own)

    def of(self, facts: pl.DataFrame) -> pl.DataFrame:
        """The verdicts of accounts, in the columns of `VERDICT`; the word of the lists stands in the table."""
        return self._one_by_one(facts) if facts.height <= self._few else self._together(facts)

    def _one_by_one(self, facts: pl.DataFrame) -> pl.DataFrame:
        names = [name for name in facts.columns if name in self._types]
        cells = [values_of(facts[name], self._types[name]) for name in names]
        exempt = facts[EXEMPT].to_list() if EXEMPT in facts.columns else [None] * facts.height
        told: list[Verdict] = []
        for row, silenced in enumerate(exempt):
            known = {
                name: value for name, column_ in zip(names, cells, strict=True) if (value := column_[row]) is not None
            }
            for key, counts in self._derived.unshared.items():
                if known.get(key) == "":
                    known = {**counts, **known}
            self._derived.answer_late(known, {}, self._screener.world.now)
            told.append(self._compiled.verdict(known, silenced or ()))
        columns = {name: [getattr(each, name) for each in told] for name in VERDICT}
        words = {name: [str(each) for each in columns[name]] for name, type_ in VERDICT.items() if type_ is OUTCOME}
        return pl.DataFrame({**columns, **words}, schema=VERDICT)

    def _together(self, facts: pl.DataFrame) -> pl.DataFrame:
        """By columns; what the operator's lists say is found without the catalogue's."""
        found: list[pl.Series] = []
        for base, source in ((DOMAIN, self._domains), (ADDRESS, self._addresses)):
            wanted = [name for name in source.types if name in self._own]
            if base in facts.columns and wanted:
                found += source.of(facts[base], wanted)
        done = {series.name for series in found}
        for name, (asked, entries) in self._own.items():
            base = read_instead(asked.signal, entries)
            if name not in done and base in facts.columns:
                found.append(membership(facts[base], self._types[base], entries).alias(name))
        return verdicts_of(facts.with_columns(found), self._screener)


#: Rows up to which one by one is faster.
FEW_ROWS = 500


def live_refs(compiled: CompiledRuleset) -> Iterable[SignalRef]:
    """What the live rules read, each once."""
    return dict.fromkeys(ref for rule in compiled.live for ref in rule.signals)

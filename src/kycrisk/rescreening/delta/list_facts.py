"""What lists say of a few keys: only the checks whose lists changed are asked, one key after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from kycrisk.checks.check import AnyCheck
from kycrisk.checks.world import World
from kycrisk.rescreening.delta.keys import blocks_of
from kycrisk.rescreening.delta.list_state import ListChange
from kycrisk.rescreening.delta.segment import Segment, together
from kycrisk.ruleset.columns.values import column, unpacked
from kycrisk.ruleset.condition import Membership, SignalRef
from kycrisk.ruleset.model import ListKind
from kycrisk.screening.analyst_lists import Entries, entries_of
from kycrisk.screening.columns.classes import ADDRESS, DOMAIN, LISTED
from kycrisk.screening.columns.derived import membership
from kycrisk.screening.columns.table import TableScreener
from kycrisk.screening.derived import read_instead
from kycrisk.signals import Subject, Type, Unknown, Value

#: Keys above which all lists are made into classes and joined, which takes a while and then costs little a key.
FEW_KEYS = 20_000
_KEY = " key"
_NOTHING: Mapping[str, Value] = MappingProxyType({})
_KEYS = {DOMAIN: Subject.DOMAIN, ADDRESS: Subject.IP}


@dataclass(frozen=True, slots=True)
class ChangedFacts:
    """Rows of a segment and the facts of lists that may be others there: `facts` has a row for each."""

    rows: pl.Series
    facts: pl.DataFrame


def changed_facts(
    segment: Segment, change: ListChange, screener: TableScreener, few: int = FEW_KEYS
) -> Iterator[ChangedFacts]:
    """The facts of a segment that the change of the catalogue's lists can touch, as the screener's lists have them."""
    for base, entries in ((DOMAIN, change.domains), (ADDRESS, change.blocks)):
        if base not in segment.accounts.columns:
            continue
        changed = {purpose for purpose in (*entries, *change.everywhere) if _asked_about(purpose, base)}
        if not changed:
            continue
        if changed & change.everywhere:
            rows = pl.int_range(segment.height, dtype=pl.UInt32, eager=True)
        elif base == DOMAIN:
            rows = segment.under(frozenset().union(*change.domains.values()))
        else:
            by_version = {
                version: frozenset().union(*(each.get(version, ()) for each in change.blocks.values()))
                for version in (4, 6)
            }
            rows = segment.inside(by_version)
        if len(rows):
            keys = segment.accounts[base].gather(rows)
            yield ChangedFacts(rows, _told(base, keys, changed, screener, few))


def _asked_about(purpose: str, base: str) -> bool:
    return any(check.subject is _KEYS[base] and purpose in check.purposes.values() for check in LISTED)


def _told(base: str, keys: pl.Series, purposes: Collection[str], screener: TableScreener, few: int) -> pl.DataFrame:
    """What the lists of some purposes say of each key, in columns named after the signals."""
    checks = [
        check for check in LISTED if check.subject is _KEYS[base] and set(check.purposes.values()) & set(purposes)
    ]
    distinct = keys.drop_nulls().unique()
    if len(distinct) > few:
        facts = screener.listed(pl.DataFrame({base: distinct}))
        names = [signal.name for check in checks for signal in check.signals]
        by_key = facts.select(names).insert_column(0, distinct.alias(_KEY))
        return pl.DataFrame({_KEY: keys}).join(by_key, on=_KEY, how="left", maintain_order="left").drop(_KEY)
    lists = screener.world.lists.few({purpose for check in checks for purpose in check.purposes.values()})
    return _one_by_one(keys, distinct, checks, replace(screener.world, lists=lists))


def _one_by_one(keys: pl.Series, distinct: pl.Series, checks: Sequence[AnyCheck], world: World) -> pl.DataFrame:
    given = distinct.to_list()
    asked = given if distinct.dtype == pl.String else [unpacked(octets) for octets in given]
    told: list[pl.Series] = []
    for check in checks:
        ask = check.prepare(world)
        known = {key: ask(value).known for key, value in zip(given, asked, strict=True)}
        rows = [known.get(key, _NOTHING) for key in keys.to_list()]
        told += [column(each.name, each.type, [facts.get(each.name) for facts in rows]) for each in check.signals]
    return pl.DataFrame(told)


def own_rows(
    segment: Segment, change: ListChange, refs: Iterable[SignalRef], lists: Mapping[str, Entries | Unknown]
) -> pl.Series:
    """The rows that a change of the operator's lists can touch, where one of these signals asks them."""
    return together(
        _own_rows(segment, ref.derived, change.own[ref.derived.list], lists.get(ref.derived.list))
        for ref in refs
        if isinstance(ref.derived, Membership) and ref.derived.list in change.own
    )


def _own_rows(
    segment: Segment, asked: Membership, changed: frozenset[object] | None, entries: Entries | Unknown | None
) -> pl.Series:
    if changed is None or not isinstance(entries, Entries):
        return pl.int_range(segment.height, dtype=pl.UInt32, eager=True)
    base = read_instead(asked.signal, entries)
    match base, entries.kind:
        case "email.domain", ListKind.DOMAIN:
            return segment.under(map(str, changed))
        case "ip.address", ListKind.NETWORK:
            return segment.inside(blocks_of(changed))  # type: ignore[arg-type]
        case (_, ListKind.TEXT) | ("email.canonical", ListKind.EMAIL):
            return segment.equal(base, map(str, changed))
    if base not in segment.accounts.columns:
        return segment.where(pl.Series([], dtype=pl.Boolean))
    type_ = Type.STR if segment.accounts[base].dtype == pl.String else Type.IP
    held = membership(segment.accounts[base], type_, entries_of(entries.name, entries.kind, changed))
    return segment.where(held)

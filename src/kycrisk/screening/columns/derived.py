"""Counts and memberships over columns, where they were not given under their text."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kycrisk.ruleset.columns.values import values_of
from kycrisk.ruleset.condition import Membership, SignalRef, Velocity
from kycrisk.ruleset.model import ListKind
from kycrisk.screening.analyst_lists import Entries
from kycrisk.screening.derived import read_instead
from kycrisk.signals import Type, Unknown

#: A network is never left empty, so a count over networks always needs a history.
_NEVER_EMPTY = frozenset({"ip.network"})


def base_of(ref: SignalRef, lists: Mapping[str, Entries | Unknown]) -> str:
    """The signal that a derived one is read from; none where no value of it could change the answer."""
    match ref.derived:
        case Membership(signal, name):
            entries = lists[name]
            return "" if isinstance(entries, Unknown) else read_instead(signal, entries)
        case Velocity(key):
            return "" if key in _NEVER_EMPTY else key
    return ""


def membership(base: pl.Series, type_: Type, entries: Entries) -> pl.Series:
    """Whether the list holds each value; unknown where the value is."""
    if not entries.count:
        return pl.DataFrame({"base": base}).select(pl.when(pl.col("base").is_not_null()).then(False)).to_series()
    if type_ is Type.STR and (entries.kind is ListKind.TEXT or base.name == "email.canonical"):
        return base.is_in([str(entry) for entry in entries.exactly])
    distinct = base.drop_nulls().unique()
    holds = [entries.holds(value) for value in values_of(distinct, type_) if value is not None]
    keys = pl.DataFrame({"base": distinct, "holds": pl.Series(holds, dtype=pl.Boolean)})
    return pl.DataFrame({"base": base}).join(keys, on="base", how="left", maintain_order="left")["holds"]


def unshared(base: pl.Series) -> pl.Series:
    """A count without a history: none where its key was not given, else unknown."""
    zero = pl.when(pl.col("base") == "").then(pl.lit(0, pl.Int64))
    return pl.DataFrame({"base": base}).select(zero).to_series()

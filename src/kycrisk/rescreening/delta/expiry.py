"""Facts that count until a moment: what a source said, for as long as its answers are kept.

A table of accounts has that moment in a column named `until ` and the signal; null is for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.delta.keys import SortedKeys

#: Before the signal in the name of a column of moments.
UNTIL = "until "
_TIME = pl.Datetime("us", "UTC")


def is_beside(name: str) -> bool:
    """Whether a column of accounts is no fact: no signal's name has a blank."""
    return name.startswith((" ", UNTIL))


def expiring(names: Iterable[str]) -> dict[str, str]:
    """The signals whose facts expire, each with the column that says when."""
    return {name.removeprefix(UNTIL): name for name in names if name.startswith(UNTIL)}


def with_moments(accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts with their moments as they are kept. Raises `Problems` for columns that are none."""
    problems, found = [], []
    for signal, name in expiring(accounts.columns).items():
        given = accounts[name]
        if signal not in accounts.columns:
            problems.append(Problem(f"column `{name}`", f"there is no column `{signal}`"))
        elif not isinstance(given.dtype, pl.Datetime) or given.dtype.time_zone is None:
            message = f"expected times with a zone, got {given.dtype}"
            problems.append(Problem(f"column `{name}`", message))
        else:
            found.append(given.dt.convert_time_zone("UTC").cast(_TIME))
    if problems:
        raise Problems(problems)
    return accounts.with_columns(found)


def without_expired(accounts: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The accounts without the facts that have expired; these expire no more."""
    moments = expiring(accounts.columns)
    lasting = {name: pl.col(name).is_null() | (pl.col(name) > now) for name in moments.values()}
    facts = [pl.when(lasting[name]).then(pl.col(signal)).alias(signal) for signal, name in moments.items()]
    return accounts.with_columns(*facts, *(pl.when(each).then(pl.col(name)) for name, each in lasting.items()))


def first_expiry(accounts: pl.DataFrame) -> SortedKeys | None:
    """The accounts by the moment at which the first of their facts expires; None where none ever does."""
    moments = [*expiring(accounts.columns).values()]
    return SortedKeys.of(accounts.select(pl.min_horizontal(moments)).to_series()) if moments else None

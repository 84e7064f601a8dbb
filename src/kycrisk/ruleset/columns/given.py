"""Columns that somebody gives, as columns of facts: converted where that loses nothing, refused where it does.

The rules are those of `signals.fact_value`, over whole columns: no NaN, no time without a zone, no number beyond ±2^53.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.columns.values import dtype_of, microseconds, packed, unpacked
from kycrisk.signals import MAX_DURATION, MAX_INT, MAX_SET, MAX_TEXT, Type

_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = (microseconds(end.replace(tzinfo=UTC)) for end in (datetime.min, datetime.max))
_LONGEST = microseconds(MAX_DURATION)


class _Refused(ValueError):
    """A column that cannot be one of its signal, or the first value that cannot."""


def given_columns(table: pl.DataFrame, types: Mapping[str, Type]) -> pl.DataFrame:
    """The table with these of its columns as facts. Raises `Problems`, one for each column that cannot be."""
    found: list[pl.Series] = []
    problems: list[Problem] = []
    for name, type_ in types.items():
        try:
            found.append(_given(table[name], type_))
        except _Refused as refused:
            problems.append(Problem(f"column `{name}`", str(refused)))
    if problems:
        raise Problems(problems)
    return table.with_columns(found)


def _given(series: pl.Series, type_: Type) -> pl.Series:
    if series.dtype == pl.Null:
        return series.cast(dtype_of(type_))
    if type_.is_set:
        return _set(series, type_)
    return _READERS[type_](series)


def _wrong_type(series: pl.Series, type_: Type, help_: str = "") -> _Refused:
    return _Refused(f"expected {type_.value}, got {series.dtype}{help_}")


def _none_where(series: pl.Series, wrong: pl.Series, why: Callable[[object], str]) -> None:
    """Refuse the column when any value is wrong; null is not."""
    rows = wrong.fill_null(False).arg_true()
    if len(rows):
        raise _Refused(f"row {rows[0] + 1}: {why(series[int(rows[0])])}")


def _bool(series: pl.Series) -> pl.Series:
    if series.dtype != pl.Boolean:
        raise _wrong_type(series, Type.BOOL)
    return series


def _int(series: pl.Series) -> pl.Series:
    if not series.dtype.is_integer():
        raise _wrong_type(series, Type.INT)
    numbers = series.cast(pl.Int64, strict=False)
    wrong = (numbers > MAX_INT) | (numbers < -MAX_INT) | (numbers.is_null() & series.is_not_null())
    _none_where(series, wrong, lambda value: f"`{value}` is beyond ±2^53")
    return numbers


def _float(series: pl.Series) -> pl.Series:
    if series.dtype.is_integer():
        return _int(series).cast(pl.Float64)
    if not series.dtype.is_float():
        raise _wrong_type(series, Type.FLOAT)
    numbers = series.cast(pl.Float64)
    _none_where(series, ~numbers.is_finite(), lambda value: f"`{value}` is not a finite number")
    return numbers


def _str(series: pl.Series) -> pl.Series:
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise _wrong_type(series, Type.STR)
    texts = series.cast(pl.String)
    if (texts.str.len_bytes().max() or 0) > MAX_TEXT:  # type: ignore[operator]
        _none_where(
            texts, texts.str.len_chars() > MAX_TEXT, lambda text: f"a text over the limit of {MAX_TEXT} characters"
        )
    return texts


def _duration(series: pl.Series) -> pl.Series:
    if not isinstance(series.dtype, pl.Duration):
        raise _wrong_type(series, Type.DURATION)
    _within(series, series.dtype.time_unit, -_LONGEST, _LONGEST, "beyond ±10,000 years")
    return series.cast(pl.Duration("us"))


def _datetime(series: pl.Series) -> pl.Series:
    if not isinstance(series.dtype, pl.Datetime):
        raise _wrong_type(series, Type.DATETIME)
    if series.dtype.time_zone is None:
        raise _wrong_type(series, Type.DATETIME, " without a time zone")
    _within(series, series.dtype.time_unit, _FIRST, _LAST, "beyond the calendar")
    return series.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))


def _within(series: pl.Series, unit: str, least: int, most: int, why: str) -> None:
    """Refuse times that cannot be held as microseconds between these."""
    whole, part = max(10**6 // _PER_SECOND[unit], 1), max(_PER_SECOND[unit] // 10**6, 1)
    numbers = series.to_physical()
    bounds = (max(least * part // whole, -(2**63)), min(most * part // whole, 2**63 - 1))
    _none_where(numbers, (numbers < bounds[0]) | (numbers > bounds[1]), lambda value: f"`{value}` {unit} is {why}")


def _ip(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Binary:
        size = series.bin.size()
        _none_where(series, (size != 4) & (size < 16), lambda octets: f"{octets!r} is not an address of 4 or 16 octets")
        for octets in series.filter(size > 16).unique():
            try:
                unpacked(octets)
            except ValueError:
                raise _Refused(f"{octets!r} is not an address with its zone") from None
        return series
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise _wrong_type(series, Type.IP)
    return _packed_texts(series.cast(pl.String))


def _packed_texts(texts: pl.Series) -> pl.Series:
    distinct = texts.drop_nulls().unique()
    octets: list[bytes | None] = []
    for text in distinct:
        try:
            octets.append(packed(ip_address(text)))
        except ValueError:
            raise _Refused(f"`{text[:60]}` is not an IP address") from None
    keys = pl.DataFrame({"text": distinct, "octets": pl.Series(octets, dtype=pl.Binary)})
    frame = pl.DataFrame({"text": texts}).join(keys, on="text", how="left", maintain_order="left")
    return frame["octets"].alias(texts.name)


def _set(series: pl.Series, type_: Type) -> pl.Series:
    if not isinstance(series.dtype, (pl.List, pl.Array)):
        raise _wrong_type(series, type_)
    lists = series.cast(pl.List(series.dtype.inner)) if isinstance(series.dtype, pl.Array) else series
    _none_where(lists, lists.list.len() > MAX_SET, lambda _: f"a set over the limit of {MAX_SET}")
    frame = pl.DataFrame({"set": lists.list.unique()}).with_row_index("row")
    members = frame.explode("set").filter(pl.col("set").is_not_null())
    if lists.list.eval(pl.element().is_null().any()).list.first().any():
        raise _Refused("a set holds null, which is no value")
    members = members.with_columns(_given(members["set"], type_.item).alias("set"))
    grouped = members.group_by("row").agg("set")
    empty = pl.lit([], dtype=dtype_of(type_))
    joined = frame.select("row", known=pl.col("set").is_not_null()).join(
        grouped, on="row", how="left", maintain_order="left"
    )
    return joined.select(pl.when("known").then(pl.col("set").fill_null(empty))).to_series().alias(series.name)


_READERS: Mapping[Type, Callable[[pl.Series], pl.Series]] = {
    Type.BOOL: _bool,
    Type.INT: _int,
    Type.FLOAT: _float,
    Type.STR: _str,
    Type.DURATION: _duration,
    Type.DATETIME: _datetime,
    Type.IP: _ip,
}

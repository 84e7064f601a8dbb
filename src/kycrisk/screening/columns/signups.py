"""Tables of raw signups to their normal form, column by column.

Plain rows, which are nearly all, are read as columns; whatever is odd about a row, it is read like a single signup,
and either comes back in its normal form or is refused with everything that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from kycrisk.form import MAX_AHEAD, MAX_ATTRIBUTE
from kycrisk.intake import COLUMNS, read_signup
from kycrisk.normal.country import COUNTRIES
from kycrisk.normal.ip import normal_ip
from kycrisk.ordinary import ADDRESS_LIMITS, LIMITS
from kycrisk.problems import Problems
from kycrisk.ruleset.columns.values import cell, dtype_of, packed
from kycrisk.screening.inputs.parquet import raw_signup
from kycrisk.signals import MAX_INT, Signal, Type
from kycrisk.signup import Signup

ROW = " row"  # a signup's place in its table; a blank is in no column's name
_MOMENT = r"^(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
_CONTROLS = r"[\x00-\x1F\x7F-\x9F]"
_TIME = pl.Datetime("us", "UTC")
_LIMITS = {**LIMITS, **{f"address.{name}": limit for name, limit in ADDRESS_LIMITS.items()}}
_REFUSED = {"row": pl.UInt32(), "account_id": pl.String(), "problems": pl.String()}


@dataclass(frozen=True, slots=True)
class ReadSignups:
    """Signups in their normal form, and the rows that are none.

    `signups` has the columns of a table of signups (`ip` in octets, texts empty where nothing was given) and the
    attributes under their full names, null where a signup does not carry them. `refused` has the row, counted from 1,
    the account and why.
    """

    signups: pl.DataFrame
    refused: pl.DataFrame


def is_signups(names: Iterable[str]) -> bool:
    """Whether a table with these columns is one of raw signups; else it is one of facts."""
    return {"account_id", "email", "ip"}.issubset(names)


def flattened(table: pl.DataFrame) -> pl.DataFrame:
    """The table with `address` and `attributes` as columns of their own, where they are nested."""
    nested = [name for name in ("address", "attributes") if isinstance(table.schema.get(name), pl.Struct)]
    return table.unnest(nested, separator=".") if nested else table


def read_signups(table: pl.DataFrame, attributes: Mapping[str, Signal], now: datetime) -> ReadSignups:
    """The signups of a flat table with the columns of signups and no others."""
    numbered = table.with_row_index(ROW)
    plain = numbered.select(ROW, *_read(numbered, attributes, now))
    odd = plain.filter(~pl.col("plain"))[ROW]
    plain = plain.filter("plain").drop("plain")
    if not len(odd):
        return ReadSignups(plain, pl.DataFrame(schema=_REFUSED))
    return _with_odd(plain, table, odd, attributes, now)


def _with_odd(
    plain: pl.DataFrame, table: pl.DataFrame, odd: pl.Series, attributes: Mapping[str, Signal], now: datetime
) -> ReadSignups:
    read: list[dict[str, object]] = []
    refused: list[tuple[int, str, str]] = []
    for row, cells in zip(odd, table[odd].iter_rows(), strict=True):
        raw = raw_signup(table.columns, cells)
        try:
            signup = read_signup(raw, attributes=attributes, now=now)
        except Problems as wrong:
            told = "; ".join(str(problem) for problem in wrong.problems)
            refused.append((row + 1, str(raw.get("account_id", "")), told))
        else:
            read.append({ROW: row, **_cells(signup)})
    instead = pl.DataFrame(read, schema=plain.schema)
    signups = pl.concat([plain, instead]).sort(ROW) if read else plain
    return ReadSignups(signups, pl.DataFrame(refused, schema=_REFUSED, orient="row"))


def _cells(signup: Signup) -> dict[str, object]:
    """A signup as the columns have it."""
    where = signup.address
    return {
        "account_id": signup.account_id,
        "email": signup.email.raw,
        "ip": packed(signup.ip),
        "first_name": signup.first_name,
        "last_name": signup.last_name,
        "company": signup.company,
        "phone": signup.phone.raw,
        "user_agent": signup.user_agent,
        "submitted_at": signup.submitted_at,
        **{f"address.{name}": getattr(where, name) for name in ADDRESS_LIMITS},
        **{name: cell(value) for name, value in signup.attributes.items()},
    }


def _read(table: pl.DataFrame, attributes: Mapping[str, Signal], now: datetime) -> list[pl.Expr | pl.Series]:
    """The columns in normal form, and `plain`: where that can be relied upon."""
    found: list[pl.Series] = []
    plain = pl.Series([True]).new_from_index(0, table.height)
    for name in COLUMNS:
        series, sure = _column(table, name, now)
        found.append(series.alias(name))
        plain &= sure
    for name, signal in attributes.items():
        written = next((each for each in (name, _short(name)) if each in table.columns), None)
        given = pl.Series([None]).new_from_index(0, table.height) if written is None else table[written]
        series, sure = _attribute(given, signal.type)
        found.append(series.alias(name))
        plain &= sure
    return [*found, plain.alias("plain")]


def _short(name: str) -> str:
    return f"attributes.{name.removeprefix('signup.')}"


def _column(table: pl.DataFrame, name: str, now: datetime) -> tuple[pl.Series, pl.Series]:
    given = table[name] if name in table.columns else pl.Series([None], dtype=pl.String).new_from_index(0, table.height)
    if name == "submitted_at":
        return _moments(given, now)
    if given.dtype != pl.String:  # numbers for texts: as a single signup it says what is wrong
        return pl.Series([""]).new_from_index(0, len(given)), given.is_null()
    texts = given.fill_null("")
    sure = (texts.str.len_chars() <= _LIMITS[name]) & (texts == texts.str.strip_chars())
    sure &= ~texts.str.contains(_CONTROLS)
    if name in ("account_id", "email"):
        sure &= texts != ""
    if name == "address.country":
        sure &= texts.is_in(["", *COUNTRIES])
    return _addresses(texts, sure) if name == "ip" else (texts, sure)


def _addresses(texts: pl.Series, sure: pl.Series) -> tuple[pl.Series, pl.Series]:
    distinct = texts.filter(sure).unique()
    octets = [_octets(text) for text in distinct]
    keys = pl.DataFrame({"text": distinct, "octets": pl.Series(octets, dtype=pl.Binary)})
    found = pl.DataFrame({"text": texts}).join(keys, on="text", how="left", maintain_order="left")["octets"]
    return found, sure & found.is_not_null()


def _octets(text: str) -> bytes | None:
    try:
        return packed(normal_ip(text))
    except ValueError:
        return None


def _moments(given: pl.Series, now: datetime) -> tuple[pl.Series, pl.Series]:
    """When the signups were submitted: now, where they do not say."""
    if isinstance(given.dtype, pl.Datetime) and given.dtype.time_zone is not None:
        written = given.dt.convert_time_zone("UTC")
        sure = (written >= datetime(1900, 1, 1, tzinfo=UTC)) & (written <= now + MAX_AHEAD)  # before it could overflow
        moments = written.cast(_TIME, strict=False)
    elif given.dtype == pl.String:
        moments = given.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False).dt.replace_time_zone("UTC")
        sure = given.str.contains(_MOMENT) & moments.is_not_null()
    else:
        moments = pl.Series([None], dtype=_TIME).new_from_index(0, len(given))
        sure = given.is_null()
    sure &= moments <= now + MAX_AHEAD
    return moments.fill_null(now.astimezone(UTC)).cast(_TIME), given.is_null() | sure.fill_null(False)


def _attribute(given: pl.Series, type_: Type) -> tuple[pl.Series, pl.Series]:
    """An attribute where its column is of its type already; any other is read one by one."""
    match type_, given.dtype:
        case Type.STR, pl.String():
            return given, ((given.str.len_chars() <= MAX_ATTRIBUTE) & ~given.str.contains(_CONTROLS)).fill_null(True)
        case Type.BOOL, pl.Boolean():
            return given, pl.Series([True]).new_from_index(0, len(given))
        case Type.INT, pl.Int64():
            return given, given.is_between(-MAX_INT, MAX_INT).fill_null(True)
        case Type.FLOAT, pl.Float64():
            return given, given.is_finite().fill_null(True)
    return pl.Series([None], dtype=dtype_of(type_)).new_from_index(0, len(given)), given.is_null()

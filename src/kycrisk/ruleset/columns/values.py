"""Values as columns: how each type of signal lies in a table. Null is unknown.

| type     | column                                | why                                                       |
|----------|---------------------------------------|-----------------------------------------------------------|
| bool     | Boolean                               |                                                           |
| int      | Int64                                 | within ±2^53, so exact as a double                        |
| float    | Float64                               | finite: NaN is greater than anything in Polars            |
| str      | String                                |                                                           |
| duration | Duration, microseconds                | within ±10,000 years                                      |
| datetime | Datetime, microseconds, UTC           |                                                           |
| ip       | Binary: 4 or 16 octets, then the zone | sorts as addresses do; IPv4 and IPv6 stay different       |
| set of … | List                                  | of distinct values, none of them null                     |
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import polars as pl

from kycrisk.signals import IP, Type, Value

Dtype = pl.DataType | type[pl.DataType]

_DTYPES: dict[Type, Dtype] = {
    Type.BOOL: pl.Boolean(),
    Type.INT: pl.Int64(),
    Type.FLOAT: pl.Float64(),
    Type.STR: pl.String(),
    Type.DURATION: pl.Duration("us"),
    Type.DATETIME: pl.Datetime("us", "UTC"),
    Type.IP: pl.Binary(),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def dtype_of(type_: Type) -> Dtype:
    """The column type of a signal's type."""
    return pl.List(_DTYPES[type_.item]) if type_.is_set else _DTYPES[type_]


def column(name: str, type_: Type, values: Iterable[Value | None]) -> pl.Series:
    """Values of a signal as its column; None is unknown. They are facts already, so they fit."""
    if type_ is Type.IP or type_.is_set:
        values = [None if value is None else cell(value) for value in values]
    return pl.Series(name, values, dtype=dtype_of(type_))


def cell(value: Value) -> Any:
    """A value as it stands in its column."""
    if isinstance(value, frozenset):
        return [cell(member) for member in value]
    return packed(value) if isinstance(value, (IPv4Address, IPv6Address)) else value


def packed(ip: IP) -> bytes:
    """An address as its octets; the zone of an IPv6 address (`fe80::1%eth0`) behind them."""
    zone = ip.scope_id if isinstance(ip, IPv6Address) else None
    return ip.packed if zone is None else ip.packed + zone.encode()


def unpacked(octets: bytes) -> IP:
    """The inverse of `packed`."""
    if len(octets) <= 16:
        return ip_address(octets)
    return IPv6Address(f"{IPv6Address(octets[:16])}%{octets[16:].decode()}")


def values_of(series: pl.Series, type_: Type) -> list[Value | None]:
    """The values of a column; the inverse of `column`."""
    cells = series.to_list()
    if type_.is_set:
        item = type_.item
        return [None if each is None else frozenset(_value(part, item) for part in each) for each in cells]
    if type_ in (Type.IP, Type.DATETIME):
        return [None if each is None else _value(each, type_) for each in cells]
    return cells


def _value(cell: Any, type_: Type) -> Any:
    if type_ is Type.IP:
        return unpacked(cell)
    return cell.replace(tzinfo=UTC) if type_ is Type.DATETIME else cell


def microseconds(value: datetime | timedelta) -> int:
    """A duration, or the time since 1970, as the whole number that a column holds."""
    return (value if isinstance(value, timedelta) else value - _EPOCH) // _MICROSECOND

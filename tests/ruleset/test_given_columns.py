"""Columns that somebody gives: taken where nothing is lost, refused with the row where something would be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from ipaddress import ip_address

import polars as pl
import pytest

from kycrisk.problems import Problems
from kycrisk.ruleset.columns.given import given_columns
from kycrisk.ruleset.columns.values import dtype_of, values_of
from kycrisk.signals import Type

MOMENT = datetime(2026, 11, 23, 10, tzinfo=UTC)
ZURICH = datetime(2026, 11, 23, 11, tzinfo=timezone(timedelta(hours=1)))

TAKEN = [
    ("flags", Type.BOOL, pl.Series([True, None, False]), [True, None, False]),
    ("whole numbers", Type.INT, pl.Series([1, None], dtype=pl.UInt8), [1, None]),
    ("the largest whole number", Type.INT, pl.Series([2**53, -(2**53)]), [2**53, -(2**53)]),
    ("fractions", Type.FLOAT, pl.Series([0.5, None], dtype=pl.Float32), [0.5, None]),
    ("whole numbers as fractions", Type.FLOAT, pl.Series([2, None]), [2.0, None]),
    ("texts", Type.STR, pl.Series(["", None, "é"]), ["", None, "é"]),
    ("texts of a few kinds", Type.STR, pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
    ("durations", Type.DURATION, pl.Series([1500, None], dtype=pl.Duration("ms")), [timedelta(seconds=1.5), None]),
    ("times", Type.DATETIME, pl.Series([MOMENT, None], dtype=pl.Datetime("ms", "UTC")), [MOMENT, None]),
    ("times in nanoseconds", Type.DATETIME, pl.Series([MOMENT], dtype=pl.Datetime("ns", "UTC")), [MOMENT]),
    ("times elsewhere", Type.DATETIME, pl.Series([MOMENT]).dt.convert_time_zone("Europe/Zurich"), [ZURICH]),
    ("addresses", Type.IP, pl.Series(["192.0.2.1", None, "::1"]), [ip_address("192.0.2.1"), None, ip_address("::1")]),
    ("octets", Type.IP, pl.Series([b"\xc0\x00\x02\x01", None]), [ip_address("192.0.2.1"), None]),
    ("an address with a zone", Type.IP, pl.Series(["fe80::1%e"]), [ip_address("fe80::1%e")]),
    ("sets", Type.STR_SET, pl.Series([["a", "a", "b"], [], None]), [frozenset({"a", "b"}), frozenset(), None]),
    ("sets of addresses", Type.IP_SET, pl.Series([["::1"], None]), [frozenset({ip_address("::1")}), None]),
    ("sets of numbers", Type.FLOAT_SET, pl.Series([[1, 2]]), [frozenset({1.0, 2.0})]),
    ("nothing", Type.STR_SET, pl.Series([None, None]), [None, None]),
]


@pytest.mark.parametrize(("type_", "series", "values"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_taken(type_, series, values):
    found = given_columns(pl.DataFrame({"x.y": series}), {"x.y": type_})["x.y"]
    assert found.dtype == dtype_of(type_)
    assert values_of(found, type_) == values


REFUSED = [
    ("numbers for flags", Type.BOOL, pl.Series([1, 0]), "expected bool, got Int64"),
    ("flags for numbers", Type.INT, pl.Series([True]), "expected int, got Boolean"),
    ("fractions for whole numbers", Type.INT, pl.Series([1.0]), "expected int, got Float64"),
    ("a number beyond doubles", Type.INT, pl.Series([1, 2**53 + 1]), "row 2: `9007199254740993` is beyond ±2^53"),
    (
        "a number beyond 64 bits",
        Type.INT,
        pl.Series([2**64 - 1], dtype=pl.UInt64),
        "row 1: `18446744073709551615` is b",
    ),
    ("not a number", Type.FLOAT, pl.Series([None, float("nan")]), "row 2: `nan` is not a finite number"),
    ("infinity", Type.FLOAT, pl.Series([float("-inf")]), "row 1: `-inf` is not a finite number"),
    ("numbers for texts", Type.STR, pl.Series([1]), "expected str, got Int64"),
    ("a long text", Type.STR, pl.Series(["x" * 65_537]), "row 1: a text over the limit of 65536 characters"),
    ("texts for durations", Type.DURATION, pl.Series(["24h"]), "expected duration, got String"),
    ("a long duration", Type.DURATION, pl.Series([2**60], dtype=pl.Duration("ms")), "row 1: `1152921504606846976` ms"),
    ("no time zone", Type.DATETIME, pl.Series([datetime(2026, 1, 1)]), "expected datetime, got Datetime"),
    ("dates", Type.DATETIME, pl.Series([date(2026, 1, 1)]), "expected datetime, got Date"),
    ("beyond the calendar", Type.DATETIME, pl.Series([2**60]).cast(pl.Datetime("us", "UTC")), "is beyond the calendar"),
    ("no address", Type.IP, pl.Series(["192.0.2.1", "192.0.2"]), "`192.0.2` is not an IP address"),
    ("leading zeros", Type.IP, pl.Series(["192.0.02.1"]), "`192.0.02.1` is not an IP address"),
    ("five octets", Type.IP, pl.Series([b"12345"]), "row 1: b'12345' is not an address of 4 or 16 octets"),
    ("no zone", Type.IP, pl.Series([b"\0" * 16 + b"\xff"]), "is not an address with its zone"),
    ("null in a set", Type.STR_SET, pl.Series([["a", None]]), "a set holds null, which is no value"),
    ("a text for a set", Type.STR_SET, pl.Series(["a"]), "expected set of str, got String"),
    ("a set of others", Type.INT_SET, pl.Series([["a"]]), "expected int, got String"),
]


@pytest.mark.parametrize(("type_", "series", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(type_, series, message):
    with pytest.raises(Problems) as refused:
        given_columns(pl.DataFrame({"x.y": series}), {"x.y": type_})
    (problem,) = refused.value.problems
    assert problem.place == "column `x.y`"
    assert message in problem.message


def test_all_wrong_columns_are_told_at_once():
    table = pl.DataFrame({"a.b": [1], "c.d": ["x"], "e.f": [True]})
    with pytest.raises(Problems) as refused:
        given_columns(table, {"a.b": Type.BOOL, "c.d": Type.INT, "e.f": Type.BOOL})
    assert [problem.place for problem in refused.value.problems] == ["column `a.b`", "column `c.d`"]

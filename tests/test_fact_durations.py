"""How long a duration may be: so long that two add up exactly as 64-bit microseconds."""

from datetime import timedelta

import pytest

from kycrisk.signals import MAX_DURATION, FactError, Type, fact_value

ROWS = [
    ("the longest", "3650000d", MAX_DURATION),
    ("the longest ago", "-3650000d", -MAX_DURATION),
    ("as a value", MAX_DURATION, MAX_DURATION),
]
REFUSED = [
    ("one microsecond longer", MAX_DURATION + timedelta(microseconds=1)),
    ("longer ago", -MAX_DURATION - timedelta(microseconds=1)),
    ("as text", "999999999d"),
    ("the longest that Python has", timedelta.max),
]


@pytest.mark.parametrize(("raw", "value"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_taken(raw, value):
    assert fact_value(Type.DURATION, raw) == value


@pytest.mark.parametrize("raw", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(raw):
    with pytest.raises(FactError, match=r"is beyond ±10,000 years"):
        fact_value(Type.DURATION, raw)

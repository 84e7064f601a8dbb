from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.durations import format_duration, parse_duration

READ = {
    "24h": timedelta(hours=24),
    "90s": timedelta(seconds=90),
    "1h30m": timedelta(minutes=90),
    "7d": timedelta(days=7),
    "2w": timedelta(days=14),
    "800ms": timedelta(milliseconds=800),
    "-1d": timedelta(days=-1),
    "5us": timedelta(microseconds=5),
}


@pytest.mark.parametrize(("text", "duration"), READ.items())
def test_reads(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "24", "h", "24 h", "1h1h", "1.5h", "24H", "٣h", "9" * 40 + "d", "1h\n"])
def test_refuses(text):
    with pytest.raises(ValueError, match="`"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(days=-99_999), max_value=timedelta(days=99_999)))
def test_what_is_written_reads_back(duration):
    assert parse_duration(format_duration(duration)) == duration

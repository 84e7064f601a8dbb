"""Durations as people write them: `24h`, `90s`, `1h30m`, `7d`, `800ms`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {  # in microseconds
    "w": 7 * 86_400_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
    "us": 1,
}
_SHAPE = re.compile(r"-?(?:[0-9]{1,9}(?:ms|us|[wdhms]))+", re.ASCII)
_PART = re.compile(r"([0-9]{1,9})(ms|us|[wdhms])", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """`1h30m` → 90 minutes. Raises `ValueError` with a message for anything else."""
    if len(text) > 100 or not _SHAPE.fullmatch(text):
        raise ValueError(f"`{text[:40]}` is not a duration such as `24h`, `90s` or `7d`")
    parts = _PART.findall(text)
    if len({unit for _, unit in parts}) < len(parts):
        raise ValueError(f"`{text[:40]}` names a unit twice")
    microseconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    try:
        return timedelta(microseconds=-microseconds if text.startswith("-") else microseconds)
    except OverflowError:
        raise ValueError(f"`{text[:40]}` is too long a duration") from None


def format_duration(duration: timedelta) -> str:
    """The text that `parse_duration` reads back to the same duration, largest unit first: `1d12h`."""
    microseconds = duration // timedelta(microseconds=1)
    sign, rest = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        number, rest = divmod(rest, _UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return sign + "".join(parts) if parts else "0s"

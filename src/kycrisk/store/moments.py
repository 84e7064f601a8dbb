"""Times in the database: whole microseconds since 1970, UTC, so that both databases keep and compare them exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """A moment as the database keeps it. Raises `ValueError` for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"`{moment.isoformat()}` has no time zone")
    return (moment - _EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """A stored moment, in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


def optional_moment(stored: int | None) -> datetime | None:
    return None if stored is None else moment(stored)


def optional_micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)

"""Cron expressions of five fields, as they are written in the settings: judged here, kept by whoever schedules."""

from __future__ import annotations

import re

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_PART = re.compile(r"(?:\*|(?P<first>\d{1,2})(?:-(?P<last>\d{1,2}))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)


def parse_cron(text: str) -> str:
    """`*/5  * * * *` → `*/5 * * * *`, in UTC. Raises `ValueError` with a message for anything else."""
    fields = text.split() if len(text) <= 100 else []
    if len(fields) != len(_FIELDS):
        raise ValueError(f"`{text[:40]}` is not five fields such as `*/5 * * * *`")
    for written, (name, least, most) in zip(fields, _FIELDS, strict=True):
        for part in written.split(","):
            _check(part, name, least, most)
    return " ".join(fields)


def _check(part: str, name: str, least: int, most: int) -> None:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"`{part}` is not a {name}")
    numbers = [int(found[group]) for group in ("first", "last") if found[group] is not None]
    if any(not least <= number <= most for number in numbers):
        raise ValueError(f"a {name} is {least} to {most}, not `{part}`")
    if numbers != sorted(numbers) or found["step"] in ("0", "00"):
        raise ValueError(f"`{part}` is no {name} that ever comes")

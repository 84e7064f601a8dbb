"""What every format parser returns, and their common ground: bytes to text, the times lists give themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kycrisk.feeds.failure import FeedFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The raw entries of a list, as written there.

    `as_of` is the time the list itself speaks of. `records` and `addresses` are how many entries or single
    addresses the list says it has: fewer means that its end is missing.
    """

    entries: list[str]
    as_of: datetime | None = None
    records: int | None = None
    addresses: int | None = None


def text_of(body: bytes) -> str:
    """The body as text. Raises `FeedFailure` for what is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeedFailure(f"it is not text: byte {error.start} is not UTF-8") from None


def json_of(body: bytes) -> Any:
    """The body as JSON. Raises `FeedFailure`; a cut-off document ends up here too."""
    try:
        return json.loads(text_of(body))
    except json.JSONDecodeError as error:
        what = "it ends in the middle" if error.pos >= len(error.doc.rstrip()) else "it is not JSON"
        raise FeedFailure(f"{what}: line {error.lineno}, column {error.colno}: {error.msg.lower()}") from None
    except RecursionError:
        raise FeedFailure("it is not a list: the JSON is nested too deep") from None


def strings_of(value: object, where: str) -> list[str]:
    """A JSON array of texts. Raises `FeedFailure` for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FeedFailure(f"{where} is not an array of texts")
    return value


def data_lines(text: str, comments: str = "#;") -> Iterator[str]:
    """The lines that hold something, without what stands behind a comment sign."""
    for line in text.splitlines():
        for sign in comments:
            line = line.partition(sign)[0]
        line = line.strip()
        if line:
            yield line


# How the lists at hand date themselves: FireHOL (`Source File Date: Sat Aug 22 05:13:59 UTC 2026`), fakefilter
# (`Last Update: 2026-02-18T00:14:44.419Z`), our own (`As of: 2026-11-23`). FireHOL's `This File Date` is only when
# its copy was written, so it is not read.
_HEADER_TIME = re.compile(
    r"^[#;]\s*(?:source file date|last update|last-modified|as of)\s*:\s*(\S.*?)\s*$", re.I | re.M
)
HEADER_BYTES = 8192


def header_time(text: str) -> datetime | None:
    """The time in the comments at the head of a text list."""
    found = _HEADER_TIME.search(text[:HEADER_BYTES])
    return moment(found[1]) if found else None


def moment(text: str) -> datetime | None:
    """A time as lists write it, in UTC; None when it is none of the known ways."""
    for form in ("%a %b %d %H:%M:%S UTC %Y", "%a, %d %b %Y %H:%M:%S GMT"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def unix_moment(seconds: object) -> datetime | None:
    """A Unix time in seconds as a time; None for what is not a plausible one."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 4_102_444_800:
        return None
    return datetime.fromtimestamp(seconds, UTC)

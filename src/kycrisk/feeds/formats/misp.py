"""MISP warning lists: one JSON document with the entries under `list`."""

from __future__ import annotations

from datetime import UTC, datetime

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats.parsed import Parsed, json_of, strings_of

_TYPES = ("string", "substring", "hostname", "cidr")


def parse_warninglist(body: bytes) -> Parsed:
    """The entries of a warning list; its `version` is a date (20260811) in most lists and a counter in some."""
    document = json_of(body)
    if not isinstance(document, dict) or "list" not in document:
        raise FeedFailure("it has no `list`, so it is not a MISP warning list")
    if document.get("type") not in _TYPES:
        raise FeedFailure(f"warning lists of type `{document.get('type')}` cannot be matched; only {', '.join(_TYPES)}")
    return Parsed(entries=strings_of(document["list"], "`list`"), as_of=_date(document.get("version")))


def _date(version: object) -> datetime | None:
    if not isinstance(version, int) or not 20_100_101 <= version <= 20_991_231:
        return None
    try:
        return datetime(version // 10_000, version // 100 % 100, version % 100, tzinfo=UTC)
    except ValueError:
        return None

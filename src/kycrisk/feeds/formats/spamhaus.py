"""Spamhaus DROP: JSON lines with a metadata trailer, and the old text form."""

from __future__ import annotations

import json

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats.parsed import Parsed, data_lines, header_time, text_of, unix_moment


def parse_drop_json(body: bytes) -> Parsed:
    """`{"cidr","sblid","rir"}` a line; the last is `{"type":"metadata","timestamp","size","records",…}`.

    A list without its trailer, or with another number of records than the trailer says, is cut off.
    """
    entries: list[str] = []
    trailer: dict[str, object] | None = None
    for number, line in enumerate(text_of(body).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise FeedFailure(f"line {number} is not a JSON record, so the list is cut off or not DROP") from None
        if isinstance(record, dict) and isinstance(record.get("cidr"), str):
            entries.append(record["cidr"])
        elif isinstance(record, dict) and record.get("type") == "metadata":
            trailer = record
        else:
            raise FeedFailure(f"line {number} has neither `cidr` nor metadata, so this is not DROP")
    if trailer is None:
        raise FeedFailure(f"the metadata line at the end is missing after {len(entries)} records")
    records = trailer.get("records")
    if not isinstance(records, int) or isinstance(records, bool):
        raise FeedFailure("the metadata line does not say how many records there are")
    return Parsed(entries=entries, as_of=unix_moment(trailer.get("timestamp")), records=records)


def parse_drop_text(body: bytes) -> Parsed:
    """`CIDR ; SBLnnn` a line, `;` comments; among them `; Last-Modified: Tue, 27 Feb 2024 03:55:05 GMT`."""
    text = text_of(body)
    return Parsed(entries=list(data_lines(text)), as_of=header_time(text))

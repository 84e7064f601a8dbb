"""Apple's iCloud Private Relay egress ranges: CSV of network, country, region, city."""

from __future__ import annotations

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats.parsed import Parsed, data_lines, text_of


def parse_private_relay(body: bytes) -> Parsed:
    """`172.224.224.0/27,GB,GB-EN,London,` a line (the self-published geofeed form of RFC 8805)."""
    rows = [line.split(",") for line in data_lines(text_of(body), comments="#")]
    short = next((row for row in rows if len(row) < 4), None)
    if short is not None:
        raise FeedFailure(f"`{','.join(short)[:60]}` is not a row of network, country, region and city")
    return Parsed(entries=[row[0].strip() for row in rows])

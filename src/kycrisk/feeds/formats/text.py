"""Text lists: one domain, network or e-mail address a line, with `#` or `;` comments; FireHOL's netsets."""

from __future__ import annotations

import re

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats.parsed import (
    HEADER_BYTES,
    Parsed,
    data_lines,
    header_time,
    json_of,
    strings_of,
    text_of,
)


def parse_lines(body: bytes) -> Parsed:
    """One entry a line."""
    text = text_of(body)
    return Parsed(entries=list(data_lines(text)), as_of=header_time(text))


def parse_emails(body: bytes) -> Parsed:
    """One exact e-mail address a line; `#` and `;` may stand in an address (RFC 5322), so only at the start of a
    line they open a comment."""
    text = text_of(body)
    lines = (line.strip() for line in text.splitlines())
    return Parsed(entries=[line for line in lines if line and line[0] not in "#;"], as_of=header_time(text))


def parse_json_array(body: bytes) -> Parsed:
    """A JSON array of entries, or an object that holds one under `domains`."""
    value = json_of(body)
    if isinstance(value, dict):
        value = value.get("domains")
    return Parsed(entries=strings_of(value, "the document"))


# `# Entries : 3911 subnets, 611209217 unique IPs` (hash:net) or `# Entries : 3195 unique IPs` (hash:ip). The number
# of subnets is counted after merging and is not the number of lines; the number of addresses is exact.
_ENTRIES = re.compile(r"^#\s*Entries\s*:\s*(?:[0-9]{1,12} subnets, )?([0-9]{1,12}) unique IPs\s*$", re.M)


def parse_netset(body: bytes) -> Parsed:
    """A FireHOL ipset or netset: its header says how many addresses follow."""
    text = text_of(body)
    found = _ENTRIES.search(text[:HEADER_BYTES])
    if found is None:
        raise FeedFailure("the `# Entries` header of a FireHOL list is missing")
    return Parsed(
        entries=list(data_lines(text)),
        as_of=header_time(text),
        addresses=int(found[1]),
    )

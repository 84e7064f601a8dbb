"""Unpacking what strangers packed, never more of it than was asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from kycrisk.feeds.failure import FeedFailure


def gunzip(body: bytes, max_bytes: int) -> bytes:
    """The unpacked body, never more than `max_bytes` of it. Raises `FeedFailure` for a bomb and for a cut-off one."""
    return b"".join(_members(body, max_bytes))


def _members(body: bytes, max_bytes: int) -> Iterator[bytes]:
    left = max_bytes
    while body:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            part = unpacker.decompress(body, left + 1)
        except zlib.error as error:
            raise FeedFailure(f"the gzip packing is damaged: {str(error).lower()}") from None
        left -= len(part)
        if left < 0:
            raise FeedFailure(f"it unpacks to more than {max_bytes} bytes")
        if not unpacker.eof:
            raise FeedFailure("the gzip packing is cut off")
        yield part
        body = unpacker.unused_data.lstrip(b"\0")  # padding between and behind members is allowed

"""Stop Forum Spam's downloads: a zip that holds one text or CSV file of addresses."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats.parsed import Parsed, text_of

#: The largest list unpacked is about 30 MB (a year of addresses); what is beyond this is a bomb.
MAX_UNPACKED = 128 * 1024 * 1024
_SEPARATORS = re.compile(r"[,\s]+")


def parse_address_zip(body: bytes) -> Parsed:
    """Addresses parted by commas or line ends; a CSV's further columns are told apart by not being addresses."""
    text = text_of(_only_member(body))
    if '"' not in text:
        return Parsed(entries=[item for item in _SEPARATORS.split(text) if item])
    # `"192.0.2.1","12","2026-11-01 10:00:00"`: the address is the first column.
    return Parsed(entries=[line.split(",", 1)[0].strip().strip('"') for line in text.splitlines() if line.strip()])


def _only_member(body: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise FeedFailure(f"the zip holds {len(members)} files, expected one")
            if members[0].flag_bits & 1:
                raise FeedFailure("the zip is encrypted")
            with archive.open(members[0]) as file:
                # Read up to the limit and not what the directory promises: that number is the bomb's to choose.
                unpacked = file.read(MAX_UNPACKED + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FeedFailure(f"the zip is damaged or cut off: {str(error).lower()}") from None
    if len(unpacked) > MAX_UNPACKED:
        raise FeedFailure(f"the zip unpacks to more than {MAX_UNPACKED // 2**20} MB")
    return unpacked

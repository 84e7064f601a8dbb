"""A picture without what came along with it, before a decoder sees it: no EXIF, profile, comment, or second picture.

Of all of that only how the camera was held is read, here, by a reader that follows one tag and nothing else.
"""

from __future__ import annotations

import struct

from kycrisk.verification.documents.header import SOS, MediaType, jpeg_segments, png_chunks

_ORIENTATION, _SHORT = 0x0112, 3
_EXIF = b"Exif\0\0"
_ADOBE, _APP1, _COMMENT = 0xEE, 0xE1, 0xFE  # Adobe's segment says what the colours are
_APPLICATION = range(0xE0, 0xF0)
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOST_TAGS = 200


def bare(raw: bytes, type_: MediaType) -> tuple[bytes, int]:
    """The picture alone, and how the camera was held (EXIF 2.32, tag 274): 1 to 8, and 1 where that is not said."""
    match type_:
        case MediaType.JPEG:
            return _jpeg(raw)
        case MediaType.PNG:
            return _png(raw)
        case MediaType.WEBP:
            return _webp(raw)


def _jpeg(raw: bytes) -> tuple[bytes, int]:
    parts, turned, scanned = [raw[:2]], 1, False
    for marker, start, end in jpeg_segments(raw):
        scanned = scanned or marker == SOS
        if marker == _APP1 and raw[start + 4 : start + 10] == _EXIF and turned == 1:
            turned = orientation(raw[start + 10 : end])
        if (marker not in _APPLICATION or marker == _ADOBE) and marker != _COMMENT:
            parts.append(raw[start:end])
        last = end
    whole = scanned and raw[last : last + 2] == b"\xff\xd9"
    return b"".join(parts) + (b"\xff\xd9" if whole else b""), turned


def _png(raw: bytes) -> tuple[bytes, int]:
    parts, turned = [raw[:8]], 1
    for name, start, end in png_chunks(raw):
        if name == b"eXIf":
            turned = orientation(raw[start + 8 : end - 4])
        if name in _PNG_KEPT:
            parts.append(raw[start:end])
    return b"".join(parts), turned


def _webp(raw: bytes) -> tuple[bytes, int]:
    """The decoder takes only the picture out of a WebP, so it stays as it is."""
    at = 12
    while at + 8 <= len(raw):
        name, length = struct.unpack("<4sI", raw[at : at + 8])
        if name == b"EXIF":
            return raw, orientation(raw[at + 8 : at + 8 + length].removeprefix(_EXIF))
        at += 8 + length + length % 2
    return raw, 1


def orientation(exif: bytes) -> int:
    """The orientation in a block of EXIF: the tag in its first list; 1 where there is none, or the block is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    [at] = struct.unpack(f"{order}I", exif[4:8])
    if at + 2 > len(exif):
        return 1
    [count] = struct.unpack(f"{order}H", exif[at : at + 2])
    for number in range(min(count, _MOST_TAGS)):
        entry = exif[at + 2 + 12 * number : at + 14 + 12 * number]
        if len(entry) < 12:
            break
        tag, kind, values, value = struct.unpack(f"{order}HHIH", entry[:10])
        if tag == _ORIENTATION:
            return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else 1
    return 1

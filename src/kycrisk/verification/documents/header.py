"""What a file is, and how large a picture in it would be, from its first bytes: before any library unpacks it.

A picture of 400 megapixels can be a file of some kilobytes, so the size is judged here, by a reader that unpacks
nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_PNG = b"\x89PNG\r\n\x1a\n"
_SOF = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what browsers and cameras write
_OTHER_SOF = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
SOS, _EOI = 0xDA, 0xD9
MOST_SCANS = 100  # of a progressive JPEG; each is a walk over the whole picture


class MediaType(StrEnum):
    """The formats that are accepted."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of a picture say."""

    type: MediaType
    width: int
    height: int
    moving: bool = False


class NotAPicture(ValueError):
    """A file that is none of the accepted pictures. Its words are for the customer: plain, and without what came."""


# What customers send in good faith, by its first bytes, and what they can do.
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "this is a PDF, not a picture: photograph the document, or save the page as JPEG or PNG"),
    (0, b"GIF8", "this is a GIF, not a photograph: send a JPEG, PNG or WebP picture"),
    (
        4,
        b"ftyp",
        "this is HEIC, AVIF or a film: send a JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)",
    ),
    (0, b"II*\0", "this is a TIFF or a raw picture: send a JPEG, PNG or WebP picture"),
    (0, b"MM\0*", "this is a TIFF or a raw picture: send a JPEG, PNG or WebP picture"),
    (0, b"BM", "this is a bitmap: send a JPEG, PNG or WebP picture"),
    (0, b"PK\x03\x04", "this is an archive or an office document: send a JPEG, PNG or WebP picture"),
)


def read_header(raw: bytes) -> Header:
    """The header of a picture. Raises `NotAPicture`."""
    if raw.startswith(b"\xff\xd8\xff"):
        return _jpeg(raw)
    if raw.startswith(_PNG):
        return _png(raw)
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return _webp(raw)
    for at, start, why in _REFUSED:
        if raw.startswith(start, at):
            raise NotAPicture(why)
    text = raw[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml", b"<!doctype svg")) or b"<svg" in text:
        raise NotAPicture("this is an SVG drawing, not a photograph: send a JPEG, PNG or WebP picture")
    if b"%pdf-" in text:  # readers of PDF accept it behind other bytes, too
        raise NotAPicture(_REFUSED[0][2])
    raise NotAPicture("this is no picture that is accepted here: send a JPEG, PNG or WebP picture")


def _png(raw: bytes) -> Header:
    if len(raw) < 33 or raw[12:16] != b"IHDR":
        raise NotAPicture("this PNG is damaged")
    width, height = struct.unpack(">II", raw[16:24])
    return Header(MediaType.PNG, width, height, moving=any(name == b"acTL" for name, _, _ in png_chunks(raw)))


def _webp(raw: bytes) -> Header:
    kind, body = raw[12:16], raw[20:40]
    if len(body) < 10:
        raise NotAPicture("this WebP is damaged")
    if kind == b"VP8X":
        width = 1 + int.from_bytes(body[4:7], "little")
        return Header(MediaType.WEBP, width, 1 + int.from_bytes(body[7:10], "little"), moving=bool(body[0] & 0x02))
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return Header(MediaType.WEBP, width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return Header(MediaType.WEBP, 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    raise NotAPicture("this WebP is damaged")


def _jpeg(raw: bytes) -> Header:
    scans, size = 0, None
    for marker, start, end in jpeg_segments(raw):
        if marker in _OTHER_SOF:
            raise NotAPicture("this is a rare kind of JPEG: save it anew, and send that")
        if marker in _SOF:
            if end - start < 9:
                raise NotAPicture("this JPEG is damaged")
            height, width = struct.unpack(">HH", raw[start + 5 : start + 9])
            if size is not None and size != (width, height):
                raise NotAPicture("this JPEG is damaged")
            size = (width, height)
        scans += marker == SOS
        if scans > MOST_SCANS:
            raise NotAPicture("this JPEG is unusually complicated: save it anew, and send that")
    if size is None or not scans:
        raise NotAPicture("this JPEG is damaged")
    return Header(MediaType.JPEG, *size)


def jpeg_segments(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments of a JPEG up to its end: marker, first byte, and the one behind the last; scans with their data.

    Raises `NotAPicture` where no segment stands.
    """
    at = 2
    while at + 4 <= len(raw):
        if raw[at] != 0xFF:
            raise NotAPicture("this JPEG is damaged")
        marker = raw[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _EOI:
            return
        length = 0 if marker in _BARE else struct.unpack(">H", raw[at + 2 : at + 4])[0]
        end = min(at + 2 + length, len(raw))
        if marker == SOS:
            end = _after_scan(raw, end)
        yield marker, at, end
        at = end


def png_chunks(raw: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG up to its end: name, first byte, and the one behind the last."""
    at = len(_PNG)
    while at + 12 <= len(raw):
        length, name = struct.unpack(">I4s", raw[at : at + 8])
        end = at + 12 + length
        yield name, at, min(end, len(raw))
        if name == b"IEND":
            return
        at = end


def _after_scan(raw: bytes, at: int) -> int:
    """Where the next marker stands that is no part of a scan."""
    while True:
        at = raw.find(b"\xff", at)
        if at < 0 or at + 1 >= len(raw):
            return len(raw)
        if raw[at + 1] != 0x00 and not 0xD0 <= raw[at + 1] <= 0xD7:
            return at
        at += 2

"""Accepting a picture: told by its content, bounded before it is unpacked, decoded, and written anew.

What is kept is a picture that this program wrote: no EXIF, no place where it was taken, no second file behind the
first, nothing that a browser of a reviewer could take for something else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from types import MappingProxyType

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from kycrisk.verification.documents.bare import bare
from kycrisk.verification.documents.header import MediaType, NotAPicture, read_header
from kycrisk.verification.reasons import Code, Reason

_QUALITY = 90
# Named by their classes, so that no other decoder of the library is ever asked.
_DECODERS: Mapping[MediaType, Callable[[BytesIO], ImageFile]] = {
    MediaType.JPEG: JpegImageFile,
    MediaType.PNG: PngImageFile,
    MediaType.WEBP: WebPImageFile,
}
# What decoders raise for files that are damaged, on purpose or not (Pillow 11 and 12, fuzzed).
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    AttributeError,
    ZeroDivisionError,
    AssertionError,
    NotImplementedError,
    struct.error,
    MemoryError,
    RuntimeError,
)
_TURNS: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_UPRIGHT = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """What is taken: bytes of the file, pixels of the picture. `longest` is what is kept of its longer side.

    A JPEG is unpacked no larger than it is kept; others take four bytes a pixel, WebP more than twice that.
    """

    bytes: int = 15_000_000
    pixels: int = 50_000_000  # of a JPEG: phones take 48 to 50
    unpacked: int = 36_000_000  # of a PNG or WebP: a page at 600 dots an inch has 35
    longest: int = 3000

    def most(self, type_: MediaType) -> int:
        """The pixels that are taken in a format."""
        return self.pixels if type_ is MediaType.JPEG else self.unpacked


LIMITS = PictureLimits()


@dataclass(frozen=True, slots=True)
class AcceptedPicture:
    """A picture as it is kept. `width` and `height` are of what came, upright."""

    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    image: Image.Image = field(repr=False, compare=False)


class PictureRefused(ValueError):
    """A file that is not taken. Its words are for the customer."""

    reason = Reason(Code.IMAGE_REFUSED)


def accept_picture(raw: bytes, declared: str = "", limits: PictureLimits = LIMITS) -> AcceptedPicture:
    """The picture in an uploaded file. Raises `PictureRefused`.

    `declared` is the content type that came with it; where it names another format, somebody is mistaken or up to
    something. Takes processor time and memory: call it in a thread, and not in many at once.
    """
    if not raw:
        raise PictureRefused("the file is empty")
    if len(raw) > limits.bytes:
        raise PictureRefused(f"the file has more than {limits.bytes // 1_000_000} MB: send a smaller one")
    try:
        header = read_header(raw)
    except NotAPicture as refused:
        raise PictureRefused(str(refused)) from None
    _check_declared(declared, header.type)
    if header.moving:
        raise PictureRefused("this is a moving picture: send a photograph")
    if not header.width or not header.height:
        raise PictureRefused("this picture has no pixels")
    most, size = limits.most(header.type), header.width * header.height
    if size > most:
        megapixels = f"{size / 1_000_000:.0f} megapixels, more than {most / 1_000_000:.0f}"
        raise PictureRefused(f"this picture has {megapixels}: send a smaller one, or a JPEG")
    try:
        upright, width, height = _decoded(raw, header.type, limits)
    except _DAMAGED:
        raise PictureRefused("this picture is damaged or cut off: save or take it anew") from None
    out = BytesIO()
    upright.save(out, "JPEG", quality=_QUALITY)
    return AcceptedPicture(out.getvalue(), MediaType.JPEG.value, width, height, upright)


def _check_declared(declared: str, type_: MediaType) -> None:
    given = declared.partition(";")[0].strip().lower()
    given = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "application/octet-stream": ""}.get(given, given)
    if given and given != type_.value:
        raise PictureRefused(f"the file is {type_.name}, but was sent as something else: send it under its own type")


def _decoded(raw: bytes, type_: MediaType, limits: PictureLimits) -> tuple[Image.Image, int, int]:
    alone, orientation = bare(raw, type_)
    with _DECODERS[type_](BytesIO(alone)) as image:
        size = image.size
        if image.width * image.height > limits.most(type_):  # the decoder sees more than the header said
            raise ValueError("larger than its header says")
        if getattr(image, "n_frames", 1) > 1:
            raise ValueError("moves, unlike its header says")
        turn = _TURNS.get(orientation)
        if type_ is MediaType.JPEG:
            image.draft("RGB", (limits.longest, limits.longest))  # unpacked no larger than it is kept
        image.load()
        plain = _rgb(_smaller(image, limits.longest))
    plain.thumbnail((limits.longest, limits.longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
    upright = plain if turn is None else plain.transpose(turn)
    clean = Image.new("RGB", upright.size)  # nothing of what came along with the pixels
    clean.paste(upright)
    turned = turn is not None and turn not in _UPRIGHT
    width, height = (size[1], size[0]) if turned else size
    return clean, width, height


def _smaller(image: Image.Image, longest: int) -> Image.Image:
    """The picture at a whole fraction of its size, still larger than it is kept: what follows takes copies of it."""
    factor = max(image.size) // longest
    if factor < 2 or image.mode.startswith("I"):
        return image
    if image.mode in ("P", "PA", "1"):  # numbers of colours have no mean
        image = image.convert("L" if image.mode == "1" else "RGBA")
    return image.reduce(factor)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel, which `convert` would cut off at 255
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")

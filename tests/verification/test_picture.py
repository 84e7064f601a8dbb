"""Accepting pictures: what is taken is written anew, and what is not is refused with a plain reason."""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from kycrisk.verification.documents.header import NotAPicture, read_header
from kycrisk.verification.documents.picture import PictureLimits, PictureRefused, accept_picture
from tests.verification.pictures import jpeg, saved

SMALL = PictureLimits(bytes=400_000, pixels=1_000_000, unpacked=800_000, longest=300)


def drawn(size=(400, 300), mode="RGB"):
    """Red above, blue below left, green below right, so that turns show."""
    image = Image.new("RGB", size, "red")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, size[1] // 2, size[0] // 2, size[1]), fill="blue")
    draw.rectangle((size[0] // 2, size[1] // 2, size[0], size[1]), fill="lime")
    return image.convert(mode)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *chunks, bits=8, colour=2):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def bomb():
    """400 megapixels in some kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 20_000 * 3)
    data = b"".join(packer.compress(row) for _ in range(200)) + packer.flush()
    return png(20_000, 20_000, chunk(b"IDAT", data))


def exif(orientation=6, size=0):
    """A block with an orientation, where the camera was, and, if wanted, much else."""
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010F] = "SECRET-CAMERA" + "x" * size
    data.get_ifd(0x8825)[2] = (47.0, 22.0, 33.0)
    return data.tobytes()


def broken_exif():
    """Tags that point to themselves, far out, and count four thousand million values."""
    tags = b"".join(struct.pack("<HHII", 0x0112 + n, 3 + n % 9, 0xFFFFFFFF, 8) for n in range(60))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 60) + tags + struct.pack("<I", 8)


ACCEPTED = {
    "jpeg": jpeg(drawn()),
    "progressive jpeg": jpeg(drawn(), progressive=True),
    "grey jpeg": jpeg(drawn(mode="L")),
    "cmyk jpeg": jpeg(drawn(mode="CMYK")),
    "png": saved(drawn(), "PNG"),
    "png with a palette": saved(drawn(mode="P"), "PNG"),
    "png with transparency": saved(drawn(mode="RGBA"), "PNG"),
    "grey png with transparency": saved(drawn(mode="LA"), "PNG"),
    "black and white png": saved(drawn(mode="1"), "PNG"),
    "png of 16 bits": saved(Image.new("I;16", (400, 300), 40_000), "PNG"),
    "webp": saved(drawn(), "WEBP"),
    "lossless webp": saved(drawn(), "WEBP", lossless=True),
    "webp with transparency": saved(drawn(mode="RGBA"), "WEBP"),
    "two jpegs in one, as phones write": jpeg(drawn()) + jpeg(drawn()),
}


@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=ACCEPTED)
def test_the_formats_that_are_taken(raw):
    accepted = accept_picture(raw)
    with Image.open(BytesIO(accepted.content)) as kept:
        assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (400, 300))
    assert (accepted.width, accepted.height, accepted.media_type) == (400, 300, "image/jpeg")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (saved(Image.new("I;16", (40, 30), 32_768), "PNG"), (128, 128, 128)),
        (saved(Image.new("RGBA", (40, 30), (0, 0, 0, 0)), "PNG"), (255, 255, 255)),
        (saved(Image.new("LA", (40, 30), (0, 255)), "PNG"), (0, 0, 0)),
        (jpeg(Image.new("CMYK", (40, 30), (0, 255, 255, 0))), (255, 0, 0)),
    ],
    ids=["16 bits", "transparent", "opaque", "cmyk"],
)
def test_colours_come_through(raw, expected):
    kept = accept_picture(raw).image.getpixel((20, 15))
    assert all(abs(one - other) <= 6 for one, other in zip(kept, expected, strict=True)), kept


POLYGLOTS = {
    "with a page behind it": jpeg(drawn()) + b"<script>alert(1)</script>",
    "with an archive behind it": jpeg(drawn()) + b"PK\x03\x04" + b"evil" * 50,
    "with a page in a comment": jpeg(drawn(), comment=b"<script>alert(1)</script>"),
    "with a program in a text": png(
        40, 30, chunk(b"tEXt", b"Comment\0<?php evil(); ?>"), chunk(b"IDAT", zlib.compress(bytes((1 + 120) * 30)))
    ),
    "with EXIF": jpeg(drawn(), exif=exif()),
    "with a profile": jpeg(drawn(), icc_profile=b"SECRET-PROFILE" * 10),
    "webp with EXIF": saved(drawn(), "WEBP", exif=exif()),
    "png with EXIF": saved(drawn(), "PNG", exif=exif()),
}


@pytest.mark.parametrize("raw", POLYGLOTS.values(), ids=POLYGLOTS)
def test_nothing_but_the_pixels_is_kept(raw):
    kept = accept_picture(raw).content
    assert [word for word in (b"<script", b"PK\x03", b"evil", b"SECRET", b"Exif", b"ICC_") if word in kept] == []
    with Image.open(BytesIO(kept)) as image:
        assert {*image.info} <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    ("orientation", "size", "top_left"),
    [
        (1, (400, 300), "red"),
        (2, (400, 300), "red"),
        (3, (400, 300), "lime"),
        (4, (400, 300), "blue"),
        (5, (300, 400), "red"),
        (6, (300, 400), "blue"),
        (7, (300, 400), "lime"),
        (8, (300, 400), "red"),
        (9, (400, 300), "red"),
    ],
)
def test_pictures_are_turned_as_the_camera_was_held(orientation, size, top_left):
    accepted = accept_picture(jpeg(drawn(), exif=exif(orientation)))
    colour = {(255, 0, 0): "red", (0, 0, 255): "blue", (0, 255, 0): "lime"}
    shown = tuple(255 if value > 127 else 0 for value in accepted.image.getpixel((30, 30)))
    assert ((accepted.width, accepted.height), accepted.image.size, colour[shown]) == (size, size, top_left)


@pytest.mark.parametrize(
    "block", [broken_exif(), exif(size=60_000), b"Exif\0\0" + b"\xff" * 500], ids=["loops", "large", "junk"]
)
def test_bad_exif_does_not_make_a_bad_picture(block):
    assert accept_picture(jpeg(drawn(), exif=block)).width in (300, 400)


def frames(kind):
    return saved(drawn(), kind, save_all=True, append_images=[Image.new("RGB", (400, 300), "white")], duration=100)


def scans(count):
    """A JPEG with one scan many times over."""
    raw = jpeg(drawn((64, 64)))
    at = raw.index(b"\xff\xda")
    return raw[:at] + raw[at:-2] * count + raw[-2:]


REFUSED = {
    "nothing": (b"", "the file is empty"),
    "too many bytes": (b"\xff" * 400_001, "more than 0 MB"),
    "a bomb of 400 megapixels": (bomb(), "has 400 megapixels, more than 1: send a smaller one, or a JPEG"),
    "a png of one megapixel": (png(1000, 1000), "has 1 megapixels, more than 1"),
    "a wide jpeg": (jpeg(Image.new("L", (20_000, 60))), "has 1 megapixels, more than 1"),
    "no width": (png(0, 10), "no pixels"),
    "a pdf": (b"%PDF-1.7\n%\xe2\xe3", "this is a PDF"),
    "a pdf behind blanks": (b"\n\n  %PDF-1.7\n", "this is a PDF"),
    "an svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "SVG drawing"),
    "an svg behind its declaration": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg/>', "SVG drawing"),
    "a gif": (saved(drawn(mode="P"), "GIF"), "this is a GIF"),
    "an iphone's heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
    "a tiff": (saved(drawn(), "TIFF"), "this is a TIFF"),
    "a bitmap": (saved(drawn(), "BMP"), "this is a bitmap"),
    "an office document": (b"PK\x03\x04\x14\0", "an archive or an office document"),
    "a page": (b"<!doctype html><p>hello", "no picture that is accepted"),
    "a program": (b"\x7fELF" + bytes(60), "no picture that is accepted"),
    "a moving webp": (frames("WEBP"), "moving picture"),
    "a moving png": (frames("PNG"), "moving picture"),
    "a jpeg that is cut off": (jpeg(drawn())[:-400], "damaged or cut off"),
    "a png that is cut off": (saved(drawn(), "PNG")[:-60], "damaged or cut off"),
    "a webp that is cut off": (saved(drawn(), "WEBP")[:-60], "damaged or cut off"),
    "only the start of a jpeg": (b"\xff\xd8\xff", "this JPEG is damaged"),
    "only the start of a png": (b"\x89PNG\r\n\x1a\n", "this PNG is damaged"),
    "only the start of a webp": (b"RIFF\0\0\0\0WEBP", "this WebP is damaged"),
    "an arithmetic jpeg": (jpeg(drawn()).replace(b"\xff\xc0", b"\xff\xc9", 1), "a rare kind of JPEG"),
    "a jpeg of a hundred walks": (scans(101), "unusually complicated"),
    "a jpeg of two sizes": (
        jpeg(drawn())[:2] + b"\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0" + jpeg(drawn())[2:],
        "this JPEG is damaged",
    ),
    "a png that unpacks to texts": (
        png(40, 30, *[chunk(b"zTXt", b"x\0\0" + zlib.compress(b"x" * 2_000_000))] * 9),
        "damaged or cut off",
    ),
}


@pytest.mark.parametrize(("raw", "says"), REFUSED.values(), ids=REFUSED)
def test_files_that_are_refused_with_a_plain_reason(raw, says):
    with pytest.raises(PictureRefused, match=says) as refused:
        accept_picture(raw, limits=SMALL)
    assert str(refused.value.reason) == "IMAGE_REFUSED"


@pytest.mark.parametrize(
    ("declared", "taken"),
    [
        ("", True),
        ("image/jpeg", True),
        ("image/jpg", True),
        ("IMAGE/JPEG; charset=binary", True),
        ("application/octet-stream", True),
        ("image/png", False),
        ("application/pdf", False),
        ("text/html", False),
    ],
)
def test_the_content_type_must_be_the_right_one(declared, taken):
    if taken:
        assert accept_picture(jpeg(drawn()), declared).width == 400
    else:
        with pytest.raises(PictureRefused, match="the file is JPEG, but was sent as something else"):
            accept_picture(jpeg(drawn()), declared)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK"])
def test_pictures_of_every_mode_are_kept_smaller(mode):
    image = drawn((900, 700), mode)
    raw = jpeg(image) if mode == "CMYK" else saved(image, "PNG")
    kept = accept_picture(raw, limits=SMALL).image
    assert (kept.mode, kept.width, kept.height in (233, 234)) == ("RGB", 300, True)
    if mode in ("RGB", "RGBA", "P", "CMYK"):
        red, green, blue = kept.getpixel((150, 50))
        assert (red > 240, green < 15, blue < 15) == (True, True, True)


def test_large_pictures_are_kept_smaller():
    accepted = accept_picture(jpeg(drawn((1200, 800))), limits=SMALL)
    assert ((accepted.width, accepted.height), accepted.image.size) == ((1200, 800), (300, 200))


@given(at=st.integers(0, 3000), new=st.binary(min_size=1, max_size=12), kind=st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_damaged_files_are_taken_or_refused(at, new, kind):
    raw = bytearray(_WHOLE[kind])
    place = at % len(raw)
    raw[place : place + len(new)] = new
    taken_or_refused(bytes(raw))


@given(
    raw=st.binary(max_size=80), start=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF0000WEBPVP8X"])
)
def test_any_bytes_have_a_header_or_none(raw, start):
    try:
        header = read_header(start + raw)
    except NotAPicture:
        return
    assert header.width >= 0


def taken_or_refused(raw):
    try:
        accepted = accept_picture(raw, limits=SMALL)
    except PictureRefused:
        return
    assert accepted.content.startswith(b"\xff\xd8\xff")


_WHOLE = {kind: saved(drawn((64, 48)), kind) for kind in ("JPEG", "PNG", "WEBP")}

"""The quality gate on drawn documents: the table that its measures are calibrated on."""

from functools import cache

import pytest
from PIL import Image

from kycrisk.verification.documents.picture import accept_picture
from kycrisk.verification.documents.quality import judge
from tests.verification.pictures import blurred, dimmed, document, jpeg, noisy, on_a_table, reflected, shaken

HEAVY = [pytest.param(kind, marks=pytest.mark.heavy) for kind in ("card_back", "passport", "letter")]
KINDS = ["card_front", *HEAVY]


@cache
def photo(kind, **more):
    return on_a_table(document(kind, 1200), **{"size": (1200, 900), **more})


def found(image, quality=85):
    return judge(accept_picture(jpeg(image, quality)))


def codes(image, quality=85):
    return [str(reason) for reason in found(image, quality).reasons]


READABLE = {
    "as it is": lambda kind: photo(kind),
    "a little soft": lambda kind: blurred(photo(kind), 1.5),
    "noisy": lambda kind: noisy(photo(kind), 30),
    "in dim light": lambda kind: dimmed(photo(kind), 0.55),
    "askew": lambda kind: photo(kind, turn=25),
    "far away": lambda kind: photo(kind, size=(900, 680)),
    "scanned": lambda kind: document(kind, 1200),
    "a lamp beside it": lambda kind: reflected(photo(kind), radius=0.04),
}
UNREADABLE = {
    "blurred": (lambda kind: blurred(photo(kind), 3), "IMAGE_BLURRED"),
    "blurred and noisy": (lambda kind: noisy(blurred(photo(kind), 3.5), 40), "IMAGE_BLURRED"),
    "blurred, its noise smoothed": (lambda kind: blurred(noisy(blurred(photo(kind), 3.5), 40), 0.8), "IMAGE_BLURRED"),
    "shaken to the side": (lambda kind: shaken(photo(kind), 24), "IMAGE_BLURRED"),
    "shaken up and down": (lambda kind: shaken(photo(kind), 24, across=False), "IMAGE_BLURRED"),
    "too dark": (lambda kind: dimmed(photo(kind), 0.3), "IMAGE_DARK"),
    "a lamp in it": (lambda kind: reflected(photo(kind), radius=0.1), "IMAGE_GLARE"),
    "a thumbnail": (lambda kind: photo(kind).resize((640, 480)), "IMAGE_SMALL"),
}


@pytest.mark.row("H17")
@pytest.mark.parametrize("case", READABLE)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_person_can_read_is_taken(kind, case):
    assert codes(READABLE[case](kind)) == []


@pytest.mark.row("H17")
@pytest.mark.row("Q18")
@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_can_read_is_refused_for_its_reason(kind, case):
    make, code = UNREADABLE[case]
    assert codes(make(kind)) == [code]


@pytest.mark.parametrize("kind", ["card_front", "letter"])
def test_strong_compression_is_no_blur(kind):
    assert codes(photo(kind), quality=25) == []


EMPTY = {
    "grey": (Image.new("RGB", (1200, 900), "#ccc"), ["UNREADABLE"]),
    "noise": (noisy(Image.new("RGB", (1200, 900), "#aaa"), 40), ["UNREADABLE"]),
    "smoothed noise": (blurred(noisy(Image.new("RGB", (1200, 900), "#aaa"), 60), 1), ["UNREADABLE"]),
    "white": (Image.new("RGB", (1200, 900), "white"), ["UNREADABLE"]),
    "black": (Image.new("RGB", (1200, 900), "black"), ["IMAGE_DARK"]),
    "a line": (Image.new("RGB", (1200, 1), "white"), ["IMAGE_SMALL", "UNREADABLE"]),
}


@pytest.mark.parametrize(("image", "reasons"), EMPTY.values(), ids=EMPTY)
def test_pictures_of_nothing(image, reasons):
    assert codes(image) == reasons


def test_white_paper_is_no_reflection():
    bed = Image.new("RGB", (1600, 1200), "white")
    bed.paste(document("card_front", 1200), (200, 200))
    letter = document("letter", 1200).point([min(255, value + 20) for value in range(256)] * 3)
    assert [found(image).glare for image in (bed, letter)] == [0.0, 0.0]


@pytest.mark.parametrize("kind", [pytest.param("card_front", marks=pytest.mark.heavy), "letter"])
def test_noise_does_not_pass_as_sharpness(kind):
    """However much noise is added to a blurred picture, it measures as blurred as it is."""
    soft = blurred(photo(kind), 3.5)
    measured = [found(noisy(soft, sigma) if sigma else soft).sharpness for sigma in (0, 20, 40)]
    assert max(measured) < 0.095, measured

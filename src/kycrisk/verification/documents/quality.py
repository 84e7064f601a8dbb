"""Whether a picture of a document can be read: large, sharp, light, and without a reflection that hides something.

The measures are calibrated on drawn documents (tests/verification/test_quality.py): they tell what a person could not
read from what a person could, and leave what lies between to the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops

from kycrisk.verification.documents.picture import AcceptedPicture
from kycrisk.verification.reasons import Code, Reason

_WORKING = 1600  # pixels of the longer side that is measured
_NEAR, _FAR = 2, 8  # pixels between the points that are compared
_ROWS, _GAP = 2, 2  # pixels that are averaged to a line, and how many lines two lie apart: noise does not reach so far
_SLANTS = range(-3, 4)  # pixels by which an edge may be further right in the other line: documents lie askew
_GRID = 64  # cells of the longer side, for reflections


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityTerms:
    """What a picture must reach: sides in pixels, light from 0 to 255, at most so much of it hidden by glare."""

    long_side: int = 800
    short_side: int = 480
    sharpness: float = 0.095
    detail: float = 12.0
    light: int = 90
    glare: float = 0.01


TERMS = QualityTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured, and what is wrong, worst first. `detail`: how much there is to see at all."""

    width: int
    height: int
    sharpness: float
    detail: float
    light: int
    glare: float
    reasons: tuple[Reason, ...]

    @property
    def readable(self) -> bool:
        return not self.reasons


def judge(picture: AcceptedPicture, terms: QualityTerms = TERMS) -> Quality:
    """Measure a picture that was accepted. Takes processor time: call it in a thread."""
    small = picture.image.copy()
    small.thumbnail((_WORKING, _WORKING), Image.Resampling.LANCZOS)
    grey = small.convert("L")
    sharpness, detail = sharpness_of(grey)
    light = _quantile(grey.histogram(), 0.9)
    glare = glare_of(small)
    long, short = max(picture.width, picture.height), min(picture.width, picture.height)
    wrong = [
        (long < terms.long_side or short < terms.short_side, Code.IMAGE_SMALL),
        (light < terms.light, Code.IMAGE_DARK),
        (detail < terms.detail and light >= terms.light, Code.UNREADABLE),
        (detail >= terms.detail and sharpness < terms.sharpness, Code.IMAGE_BLURRED),
        (glare > terms.glare, Code.IMAGE_GLARE),
    ]
    return Quality(
        width=picture.width,
        height=picture.height,
        sharpness=sharpness,
        detail=detail,
        light=light,
        glare=glare,
        reasons=tuple(Reason(code) for bad, code in wrong if bad),
    )


def sharpness_of(grey: Image.Image) -> tuple[float, float]:
    """How sharp the edges of a picture are (1/16 where all is soft, 1 at the most), and how much of them there is.

    Brightness differs between neighbours nearly as much as between points further apart where edges are sharp, and much
    less where they are not. Noise does so everywhere, but it does not go on along a line as edges do. So what counts is
    the product of the same difference in two lines with a gap between them, in which noise of whatever kind comes to
    nothing on average. The direction with the softer edges counts: a camera that moved blurs one of them only.
    """
    found = []
    for turned in (grey, grey.transpose(Image.Transpose.ROTATE_90)):
        lines = turned.reduce((1, _ROWS))
        near, slant = max((_going_on(lines, _NEAR, slant), slant) for slant in _SLANTS)
        far = _going_on(lines, _FAR, slant)
        found.append((min(near / far, 1.0) if far > 0 else 0.0, far))
    return min(each for each, _ in found), min(far for _, far in found)


def glare_of(image: Image.Image) -> float:
    """Which part of a picture is blotted out by reflections: patches without any drawing that fade into what is around.

    A reflection is white in its middle and fades away; white paper ends at an edge, or goes to the border.
    """
    red, green, blue = image.split()
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    factor = max(1, max(image.size) // _GRID)
    cells = darkest.reduce(factor)
    width, height = cells.size
    light = cells.tobytes()  # a byte each, row by row
    found = 0
    for patch in _patches(light, width, height):
        if _fades(patch, light, width, height):
            found += len(patch)
    return found / (width * height)


def _going_on(lines: Image.Image, apart: int, slant: int) -> float:
    """The mean product of brightness differences of two lines: of their mean squared, less their halved difference."""
    width, height = lines.size
    if width <= apart + abs(slant) or height <= _GAP:
        return 0.0
    left, right = max(0, -slant), max(0, slant)
    one = lines.crop((left, 0, width - right, height - _GAP))
    other = lines.crop((right, _GAP, width - left, height))
    mean, half = ImageChops.add(one, other, 2), ImageChops.subtract(one, other, 2, 128)
    return max(0.0, _square(mean, apart) - _square(half, apart))


def _square(lines: Image.Image, apart: int) -> float:
    """The mean square of the brightness differences between points of a line."""
    width, height = lines.size
    one, other = lines.crop((0, 0, width - apart, height)), lines.crop((apart, 0, width, height))
    counts = ImageChops.difference(one, other).histogram()
    return sum(count * value * value for value, count in enumerate(counts)) / sum(counts)


def _quantile(counts: Sequence[int], part: float) -> int:
    wanted, below = sum(counts) * part, 0
    for value, count in enumerate(counts):
        below += count
        if below >= wanted:
            return value
    return 255


_WHITE = 250
_LEAST_PATCH = 6  # cells


def _patches(light: Sequence[int], width: int, height: int) -> Iterator[frozenset[int]]:
    """Cells that are white and hang together."""
    left = {at for at, value in enumerate(light) if value >= _WHITE}
    while left:
        patch, edge = set(), [left.pop()]
        while edge:
            at = edge.pop()
            patch.add(at)
            near = left.intersection(_neighbours(at, width, height))
            left -= near
            edge += near
        yield frozenset(patch)


def _fades(patch: frozenset[int], light: Sequence[int], width: int, height: int) -> bool:
    """Whether the brightness around a patch goes down step by step, on most of its rim."""
    first = {near for at in patch for near in _neighbours(at, width, height)} - patch
    second = {near for at in first for near in _neighbours(at, width, height)} - patch - first
    if len(patch) < _LEAST_PATCH or not first or not second:
        return False
    rim, beyond = sorted(light[at] for at in first), sorted(light[at] for at in second)
    steady = rim[len(rim) // 5] >= 190 and beyond[len(beyond) // 5] >= 120  # no letters in it
    return steady and rim[len(rim) // 2] < _WHITE and beyond[len(beyond) // 2] < rim[len(rim) // 2] - 2


def _neighbours(at: int, width: int, height: int) -> list[int]:
    x, y = at % width, at // width
    around = ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1))
    return [b * width + a for a, b in around if 0 <= a < width and 0 <= b < height]

"""The flips as a picture (SVG): outcomes before on the left, now on the right, a band for each way between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from kycrisk.backtest.report import Backtest, Flip
from kycrisk.outcome import Outcome

_COLOURS = {
    Outcome.ALLOW: "#2e8b57",
    Outcome.REVIEW: "#c9a227",
    Outcome.VERIFY: "#d9782d",
    Outcome.DENY: "#b3382c",
}
_GREY = "#8a8f98"
_WIDTH, _HEIGHT, _GAP, _BAR, _LEFT, _TOP = 720, 420, 14, 18, 130, 46
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'

#: Where a decision went: an outcome, or `None` for one that cannot be told.
_Place = Outcome | None


@dataclass(frozen=True, slots=True)
class _Bar:
    place: _Place
    y: float
    height: float


def flips_svg(found: Backtest) -> str:
    """The picture, on its own. Bands are as thick as the decisions are many; tiny ones are a hairline."""
    left = _bars((each.before, each.decisions) for each in found.flips)
    right = _bars((_place(each), each.decisions) for each in found.flips)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(_said(found))}">',
        f'<text x="{_LEFT}" y="26" {_FONT} font-weight="600">decided then</text>',
        f'<text x="{_WIDTH - _LEFT}" y="26" {_FONT} font-weight="600" text-anchor="end">under the new rules</text>',
        *_bands(found.flips, left, right),
        *_shown(left, found, _LEFT, "end"),
        *_shown(right, found, _WIDTH - _LEFT - _BAR, "start"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _said(found: Backtest) -> str:
    return (
        f"{found.decisions} decisions: {found.same} have the same outcome under the new rules, {found.flipped} another"
    )


def _place(flip: Flip) -> _Place:
    return flip.lowest if flip.certain else None


def _rank(place: _Place) -> int:
    return len(Outcome) if place is None else int(place)


def _bars(counted: Iterable[tuple[_Place, int]]) -> dict[_Place, _Bar]:
    counts: dict[_Place, int] = {}
    for place, count in counted:
        counts[place] = counts.get(place, 0) + count
    room = _HEIGHT - _TOP - 20 - _GAP * (len(Outcome))
    total, y, bars = max(sum(counts.values()), 1), float(_TOP), {}
    for place in sorted(counts, key=_rank):
        height = max(counts[place] / total * room, 1.0)
        bars[place] = _Bar(place, y, height)
        y += height + _GAP
    return bars


def _colour(place: _Place) -> str:
    return _GREY if place is None else _COLOURS[place]


def _bands(flips: tuple[Flip, ...], left: dict[_Place, _Bar], right: dict[_Place, _Bar]) -> Iterator[str]:
    ways: dict[tuple[Outcome, _Place], int] = {}
    for flip in flips:
        way = flip.before, _place(flip)
        ways[way] = ways.get(way, 0) + flip.decisions
    from_left = {place: bar.y for place, bar in left.items()}
    from_right = {place: bar.y for place, bar in right.items()}
    total = {
        side: {place: sum(count for way, count in ways.items() if way[at] == place) for place in bars}
        for at, (side, bars) in enumerate((("left", left), ("right", right)))
    }
    begin, end = _LEFT + _BAR, _WIDTH - _LEFT - _BAR
    middle = (begin + end) / 2
    for (before, place), count in sorted(ways.items(), key=lambda each: (int(each[0][0]), _rank(each[0][1]))):
        thick_left = left[before].height * count / total["left"][before]
        thick_right = right[place].height * count / total["right"][place]
        y, z = from_left[before], from_right[place]
        from_left[before], from_right[place] = y + thick_left, z + thick_right
        path = (
            f"M{begin} {y:.1f}C{middle} {y:.1f} {middle} {z:.1f} {end} {z:.1f}L{end} {z + thick_right:.1f}"
            f"C{middle} {z + thick_right:.1f} {middle} {y + thick_left:.1f} {begin} {y + thick_left:.1f}Z"
        )
        strength = "0.22" if place == before else "0.6"
        now = "cannot be told" if place is None else place.word
        yield (
            f'<path d="{path}" fill="{_colour(place)}" fill-opacity="{strength}" stroke="{_colour(place)}" '
            f'stroke-width="0.5"><title>{before.word} → {now}: {count}</title></path>'
        )


def _shown(bars: dict[_Place, _Bar], found: Backtest, x: int, side: str) -> Iterator[str]:
    for place, bar in bars.items():
        at = x - 8 if side == "end" else x + _BAR + 8
        if side == "end":
            count = sum(each.decisions for each in found.flips if each.before == place)
        else:
            count = sum(each.decisions for each in found.flips if _place(each) == place)
        name = "cannot be told" if place is None else place.word
        yield f'<rect x="{x}" y="{bar.y:.1f}" width="{_BAR}" height="{bar.height:.1f}" fill="{_colour(place)}"/>'
        yield (
            f'<text x="{at}" y="{bar.y + bar.height / 2 + 4:.1f}" {_FONT} text-anchor="{side}">'
            f"{escape(name)} {count:,}</text>"
        )

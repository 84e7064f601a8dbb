"""How outcomes went, as a picture: bands from what was decided before to what is decided now, in SVG."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from kycrisk.outcome import Outcome
from kycrisk.rescreening.summary import NONE

_WIDTH, _HEIGHT, _TOP, _GAP, _BAR = 720, 360, 40, 10, 16
_LEFT, _RIGHT = 150, _WIDTH - 150
_COLOURS = {NONE: "#9aa0a6", "allow": "#3a9d5d", "review": "#d9a514", "verify": "#d9691e", "deny": "#b3261e"}
_ORDER = (NONE, *map(str, Outcome))


def picture(ways: Mapping[str, int]) -> str:
    """The picture as an SVG document. `ways` counts accounts by `before>outcome`."""
    flows = {_pair(way): count for way, count in ways.items() if count}
    total = sum(flows.values())
    before = {word: sum(count for (was, _), count in flows.items() if was == word) for word in _ORDER}
    after = {word: sum(count for (_, now), count in flows.items() if now == word) for word in _ORDER}
    left, right = _tops(before, total), _tops(after, total)
    scale = _scale(max(sum(map(bool, before.values())), sum(map(bool, after.values()))), total)
    bands: list[str] = []
    taken_left, taken_right = dict(left), dict(right)
    for was in _ORDER:
        for now in _ORDER:
            count = flows.get((was, now), 0)
            if count:
                thick = count * scale
                bands.append(
                    _band(taken_left[was], taken_right[now], thick, _COLOURS[now], f"{was} → {now}: {count:,}")
                )
                taken_left[was] += thick
                taken_right[now] += thick
    bars = [
        _bar(_LEFT - _BAR, left[word], before[word] * scale, word, before[word], "end")
        for word in before
        if before[word]
    ]
    bars += [
        _bar(_RIGHT, right[word], after[word] * scale, word, after[word], "start") for word in after if after[word]
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="Outcomes before and after" font-family="sans-serif" font-size="13">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            f'<text x="{_LEFT}" y="22" text-anchor="end" font-weight="bold">before</text>',
            f'<text x="{_RIGHT}" y="22" font-weight="bold">after</text>',
            *bands,
            *bars,
            "</svg>\n",
        ]
    )


def _pair(way: str) -> tuple[str, str]:
    before, _, outcome = way.partition(">")
    return before, outcome


def _scale(groups: int, total: int) -> float:
    """Pixels an account."""
    return (_HEIGHT - _TOP - 20 - _GAP * max(groups - 1, 0)) / total if total else 0.0


def _tops(counts: Mapping[str, int], total: int) -> dict[str, float]:
    groups, at, found = sum(map(bool, counts.values())), float(_TOP), {}
    scale = _scale(max(groups, 1), total)
    for word, count in counts.items():
        found[word] = at
        at += count * scale + (_GAP if count else 0)
    return found


def _band(left: float, right: float, thick: float, colour: str, title: str) -> str:
    middle = (_LEFT + _RIGHT) / 2
    top = f"M{_LEFT},{left:.1f} C{middle},{left:.1f} {middle},{right:.1f} {_RIGHT},{right:.1f}"
    low, end = left + thick, right + thick
    bottom = f"L{_RIGHT},{end:.1f} C{middle},{end:.1f} {middle},{low:.1f} {_LEFT},{low:.1f}"
    width = f' stroke="{colour}" stroke-width="0.8"'  # so that a handful among millions is seen
    return (
        f'<path d="{top} {bottom} Z" fill="{colour}" fill-opacity="0.45"{width}><title>{escape(title)}</title></path>'
    )


def _bar(x: float, top: float, height: float, word: str, count: int, anchor: str) -> str:
    at = x - 6 if anchor == "end" else x + _BAR + 6
    middle = top + max(height, 1) / 2 + 4
    return (
        f'<rect x="{x}" y="{top:.1f}" width="{_BAR}" height="{max(height, 1):.1f}" fill="{_COLOURS[word]}"/>'
        f'<text x="{at}" y="{middle:.1f}" text-anchor="{anchor}">{word} {count:,}</text>'
    )

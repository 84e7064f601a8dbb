"""The picture of a run: the engines on a logarithmic scale, and how much of each bar was used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_OURS, _BARE, _PEER, _TUNED, _MISSED = "#1565c0", "#90a4ae", "#b0bec5", "#e0e0e0", "#c62828"
_INK = "#263238"


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the picture as SVG. The same results give the same bytes."""
    bars = [figure for figure in results["figures"] if figure["bar"] is not None and figure["value"] is not None]
    peers = [figure for figure in bars if "times faster than" in figure["name"]]
    nearest = min(peers, key=lambda figure: figure["value"], default=None)  # the others clear it by more
    bars = [figure for figure in bars if figure not in peers or figure is nearest]
    style: dict[Any, Any] = {"svg.hashsalt": "kycrisk", "font.size": 9, "text.color": _INK, "axes.labelcolor": _INK}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(11, 10.5), layout="constrained")
        heights = (len(results["evaluation"]["40_rules"]["engines"]), len(bars))
        grid = figure.add_gridspec(2, 2, height_ratios=heights)
        for column, rules in enumerate((40, 1000)):
            _engines(figure.add_subplot(grid[0, column]), results["evaluation"], rules)
        _bars(figure.add_subplot(grid[1, :]), bars)
        figure.suptitle(
            f"kycrisk {results['kycrisk']}: what a signup costs   ({results['python']}, {results['cpus']} CPUs, "
            f"{results['date'][:10]}; medians)",
            fontweight="bold",
        )
        figure.savefig(path, metadata={"Date": None})


def _engines(axes: Axes, evaluation: dict[str, Any], rules: int) -> None:
    """Microseconds for judging one signup, fastest on top."""
    engines = evaluation[f"{rules}_rules"]["engines"]
    tuned = {peer["name"] for peer in evaluation["peers"] if not peer["usual_way"]}
    names = sorted(engines, key=lambda name: -engines[name]["us_median"])
    times = [engines[name]["us_median"] for name in names]
    axes.barh(names, times, color=[_colour(name, tuned) for name in names], height=0.7)
    axes.set_xscale("log")
    axes.set_xlim(min(times) / 2, max(times) * 6)
    for row, time in enumerate(times):
        axes.text(time * 1.12, row, _number(time), va="center")
    axes.set_title(f"{rules:,} rules: µs for a signup", loc="left")
    for label in axes.get_yticklabels():
        if label.get_text().startswith("kycrisk"):
            label.set_fontweight("bold")
        elif label.get_text() in tuned:
            label.set_fontstyle("italic")
    _tidy(axes)
    if tuned:
        axes.set_xlabel("log scale; italic: unusual use")


def _colour(name: str, tuned: set[str]) -> str:
    if name.startswith("kycrisk"):
        return _OURS
    return _BARE if name == "bare function" else _TUNED if name in tuned else _PEER


def _bars(axes: Axes, figures: list[dict[str, Any]]) -> None:
    """How much of its bar each figure uses: left of the line is better, whichever way the bar points."""
    shown = figures[::-1]
    used = [_used(figure) for figure in shown]
    axes.barh(
        [figure["name"] for figure in shown],
        used,
        color=[_OURS if figure["met"] else _MISSED for figure in shown],
        height=0.6,
    )
    axes.axvline(1, color=_INK, linewidth=1, zorder=1)
    axes.set_xlim(0, max(1.6, *used) * 1.25)
    for row, (figure, share) in enumerate(zip(shown, used, strict=True)):
        limit = "≥" if figure["bar_is"] == "at least" else "≤"
        text = f"{_number(figure['value'])} {figure['unit']}  ({limit} {_number(figure['bar'])})"
        axes.text(share + 0.02, row, text, va="center", backgroundcolor="white", zorder=3)
    axes.set_title("How much of each bar is used; the line is the bar", loc="left")
    _tidy(axes)
    axes.set_xticks([])


def _used(figure: dict[str, Any]) -> float:
    value, bar = float(figure["value"]), float(figure["bar"])
    if not bar:  # "none at all" is cleared by nothing else
        return 0.0 if not value else 2.0
    return bar / value if figure["bar_is"] == "at least" else value / bar


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _tidy(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)

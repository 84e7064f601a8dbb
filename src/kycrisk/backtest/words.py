"""Numbers of a backtest in words that text and pages share."""

from __future__ import annotations

from kycrisk.backtest.quality import Range, Share
from kycrisk.backtest.report import Backtest, RuleEffect


def number(count: int) -> str:
    return f"{count:,}"


def ranged(found: Range) -> str:
    """`12`, or `12–40` where it cannot be told."""
    return number(found.least) if found.least == found.most else f"{number(found.least)}–{number(found.most)}"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def shared(share: Share | None) -> str:
    """`83.1 % (74.0 to 89.5)`; the confidence interval in brackets."""
    if share is None:
        return "–"
    least, most = f"{100 * share.least:.1f}", f"{100 * share.most:.1f}"
    value = least if least == most else f"{least}–{most}"
    return f"{value} % ({100 * share.low:.1f} to {100 * share.high:.1f})"


def telling(rules: tuple[RuleEffect, ...]) -> tuple[RuleEffect, ...]:
    """The rules that did anything, then or now, those that decide most first."""
    some = [each for each in rules if each.hits_before or each.hits.most]
    order = sorted(some, key=lambda each: (each.shadow, -each.decides.most, -each.hits.most, each.rule))
    return tuple(order)


def headline(found: Backtest) -> str:
    """What it comes to, in a sentence."""
    sure, most = found.flipped.least, found.flipped.most
    open_ = f", and {number(most - sure)} may have another one" if most > sure else ""
    same = f"{number(found.same)} ({percent(found.same, found.decisions)}) keep their outcome"
    return f"{same}, {number(sure)} ({percent(sure, found.decisions)}) have another one{open_}."


def flagged(found: Backtest) -> str:
    word = found.flag_from.word
    before, now = found.flagged_before(found.flag_from), found.flagged(found.flag_from)
    return f"{word} or harder: {number(before)} then, {ranged(now)} under the new rules."

"""How much a list may change at once, told by how it changed before.

Four series are watched apart: what is added, what is removed, by how much the list is smaller afterwards, and how much
goes of what was there for long (lasting.py). Each change is measured on a logarithmic scale: half and double are as far
apart. The changes of lists have heavy tails: on most days hardly anything, on some a hundred times as much. So
the limit is the change that the list's own tail (Hill's estimator over its largest changes) exceeds once in `RARELY`
versions. While few changes are known, a prior for lists of that shape counts beside them, and counts less with each
change that is seen.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kycrisk.feeds.purposes import Shape

Series = Literal["added", "removed", "shrunk", "lasting"]
SERIES: tuple[Series, ...] = ("added", "removed", "shrunk", "lasting")

#: A limit is set where the list itself would go beyond it once in so many versions.
RARELY = 1_000
#: So many changes of its own weigh as much as the prior.
_PRIOR_COUNTS = 10
#: The share of the changes, the largest ones, that tell how heavy the tail is.
_TAIL = 0.1
#: However heavy the tail, the limit is at most so many times the largest change that happened.
_BEYOND = 2.5
_LIGHTEST, _HEAVIEST = 0.25, 0.7
#: Added to every size: in a list of ten entries, three more are nothing.
_SMALL = 10
#: A released change counts for at most so many times the largest one that was taken by itself.
_RELEASED_COUNTS = 2.0
#: In days: versions that come closer together tell nothing about the pace of a list.
_MINUTE = 1 / 1440


@dataclass(frozen=True, slots=True)
class Prior:
    """What holds for lists of a shape before anything is known of one: the largest change that is believed, and the
    least that is ever found implausible; both as the logarithm of a ratio of sizes."""

    limit: float
    least: float


#: Curated lists of names grow in steps and lose little; lists of addresses are renewed within days.
_PRIORS: dict[Shape, dict[Series, Prior]] = {
    Shape.DOMAIN: {
        "added": Prior(math.log(1.5), math.log(1.08)),
        "removed": Prior(-math.log(0.75), -math.log(0.98)),
        "shrunk": Prior(-math.log(0.75), -math.log(0.98)),
        "lasting": Prior(-math.log(0.75), -math.log(0.95)),
    },
    Shape.EMAIL: {
        "added": Prior(math.log(1.5), math.log(1.08)),
        "removed": Prior(-math.log(0.75), -math.log(0.98)),
        "shrunk": Prior(-math.log(0.75), -math.log(0.98)),
        "lasting": Prior(-math.log(0.75), -math.log(0.95)),
    },
    Shape.NETWORK: {
        "added": Prior(math.log(3), math.log(1.15)),
        "removed": Prior(math.log(3), -math.log(0.9)),
        "shrunk": Prior(math.log(1.6), -math.log(0.9)),
        "lasting": Prior(math.log(2), -math.log(0.9)),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of a list that was taken: `days` since the version before, which had `size` entries.

    Of a sample of them `lasting` had been there for long, of which `lost` went. `released`: somebody let it pass that
    would have been held.
    """

    days: float
    size: int
    added: int
    removed: int
    released: bool = False
    lasting: int = 0
    lost: int = 0

    def measure(self, series: Series) -> float:
        """How large the change is: the logarithm of a ratio of sizes, never negative."""
        before = self.size + _SMALL
        match series:
            case "added":
                return math.log((before + self.added) / before)
            case "removed":
                return math.log(before / (before - self.removed))
            case "shrunk":
                return max(0.0, math.log(before / (before + self.added - self.removed)))
            case "lasting":
                return math.log((self.lasting + _SMALL) / (self.lasting + _SMALL - self.lost))

    def entries_at(self, limit: float, *, growing: bool) -> int:
        """How many entries may come, or go, before a limit is passed."""
        before = self.size + _SMALL
        return int(before * (math.exp(limit) - 1)) if growing else min(self.size, int(before * (1 - math.exp(-limit))))


def limits(history: Sequence[Step], days: float, shape: Shape) -> dict[Series, float]:
    """The largest change that is believed after so many days, by series; comparable with `Step.measure`."""
    usual = _usual_days(history)
    return {series: _limit(history, series, _PRIORS[shape][series], usual) * _stretch(days, usual) for series in SERIES}


def _usual_days(history: Sequence[Step]) -> float:
    return statistics.median(step.days for step in history) if history else 1.0


def _stretch(days: float, usual: float) -> float:
    """A version that comes later than usual may differ more, as a walk gets further with the root of its steps."""
    return max(1.0, math.sqrt(days / usual)) if usual >= _MINUTE else 1.0


def _limit(history: Sequence[Step], series: Series, prior: Prior, usual: float) -> float:
    changes = _changes(history, series, usual, prior.least)
    if not changes:
        return prior.limit
    trust = len(changes) / (len(changes) + _PRIOR_COUNTS)
    own = max(_rare(changes, len(history)), prior.least)
    return math.exp(trust * math.log(own) + (1 - trust) * math.log(prior.limit))


def _changes(history: Sequence[Step], series: Series, usual: float, least: float) -> list[float]:
    """The changes that happened, per usual interval, the largest first; none of them is nothing."""
    found = [(step.measure(series) / _stretch(step.days, usual), step.released) for step in history]
    most = max(max((size for size, released in found if not released), default=math.inf) * _RELEASED_COUNTS, least)
    return sorted((min(size, most) if released else size for size, released in found if size > 0), reverse=True)


def _rare(changes: Sequence[float], versions: int) -> float:
    """The change that is exceeded once in `RARELY` versions, by the tail of those that happened (Hill, 1975)."""
    tail = max(1, math.ceil(len(changes) * _TAIL))
    if tail >= len(changes):
        return changes[0] * _BEYOND
    threshold = changes[tail]
    heavy = sum(math.log(size / threshold) for size in changes[:tail]) / tail
    heavy = min(max(heavy, _LIGHTEST), _HEAVIEST)
    rarer = max(1.0, tail * RARELY / versions)
    return min(threshold * math.pow(rarer, heavy), changes[0] * _BEYOND)

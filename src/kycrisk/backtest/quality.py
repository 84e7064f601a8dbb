"""Precision and recall over labelled accounts, as ranges where evidence is missing, with their confidence."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


@dataclass(frozen=True, slots=True)
class Range:
    """A number that lies between two, both included; one and the same where nothing is missing."""

    least: int
    most: int

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"

    def __add__(self, other: Range) -> Range:
        return Range(self.least + other.least, self.most + other.most)


NONE = Range(0, 0)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a sample: its value, or the ends that missing evidence leaves it, and the 95 % confidence interval.

    None where there is nothing that it could be a share of. The interval is Wilson's (1927); with two ends it reaches
    from the lower limit of the lower one to the upper limit of the upper one.
    """

    least: float
    most: float
    low: float
    high: float


def share(least: tuple[int, int], most: tuple[int, int]) -> Share | None:
    """A share from how many of how many, at both ends; None where an end is of nobody."""
    if not least[1] and not most[1]:
        return None
    least, most = (least if least[1] else most), (most if most[1] else least)
    return Share(least[0] / least[1], most[0] / most[1], wilson(*least)[0], wilson(*most)[1])


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share of `count` in `total`, which is not 0 (Wilson's score interval)."""
    part, square = count / total, _Z * _Z
    middle = (part + square / (2 * total)) / (1 + square / total)
    reach = _Z / (1 + square / total) * sqrt(part * (1 - part) / total + square / (4 * total * total))
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class Quality:
    """How rules deal with labelled accounts: how many there are of each label, and how many of them are flagged."""

    fraud: int
    legitimate: int
    caught: Range  # of the fraudulent ones
    bothered: Range  # of the legitimate ones

    @property
    def precision(self) -> Share | None:
        """The share of fraud among those that are flagged."""
        worst = (self.caught.least, self.caught.least + self.bothered.most)
        best = (self.caught.most, self.caught.most + self.bothered.least)
        return share(worst, best)

    @property
    def recall(self) -> Share | None:
        """The share of fraud that is flagged."""
        return share((self.caught.least, self.fraud), (self.caught.most, self.fraud))

    @property
    def bother(self) -> Share | None:
        """The share of legitimate accounts that are flagged."""
        return share((self.bothered.least, self.legitimate), (self.bothered.most, self.legitimate))

"""The verdict of a ruleset: what follows from the evidence, before it is put into words."""

from __future__ import annotations

from typing import NamedTuple

from kycrisk.outcome import Outcome


class Verdict(NamedTuple):
    """Outcome, score and interval of the live rules, and the ids of those that hit or could not be judged.

    `outcome` lies in [lowest, highest] unless the policy's floor for unsettled decisions raises it.
    """

    outcome: Outcome
    score: int
    settled: bool
    lowest: Outcome
    highest: Outcome
    lowest_score: int
    highest_score: int
    hits: tuple[str, ...]
    unknown: tuple[str, ...]
    exempt: tuple[str, ...] = ()

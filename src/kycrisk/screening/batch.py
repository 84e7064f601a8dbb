"""Many signups, one after the other: each a decision, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kycrisk.decision import Decision
from kycrisk.intake import read_row, read_signup
from kycrisk.problems import Problems
from kycrisk.screening.inputs.rows import Input
from kycrisk.screening.screener import Clock, Screener, now_utc


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is no signup, and everything that is wrong with it."""

    number: int
    problems: Problems


def screen_input(screener: Screener, given: Input, clock: Clock = now_utc) -> Iterator[Decision | Refusal]:
    """The decisions about an input's signups, in their order; a bad row does not stop the others."""
    read = read_row if given.from_text else read_signup
    attributes = screener.ruleset.policy.attributes
    screen = screener.screen
    for number, raw in given.rows:
        if isinstance(raw, Problems):
            yield Refusal(number, raw)
            continue
        try:
            signup = read(raw, attributes=attributes, now=clock())  # type: ignore[operator]
        except Problems as wrong:
            yield Refusal(number, wrong)
            continue
        yield screen(signup)

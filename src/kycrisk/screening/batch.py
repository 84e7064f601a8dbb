"""Many signups, one after the other: each a decision, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from kycrisk.decision import Decision
from kycrisk.intake import read_row, read_signup
from kycrisk.problems import Problems
from kycrisk.screening.inputs.rows import Input
from kycrisk.screening.screener import Clock, Screener, now_utc
from kycrisk.signals import Signal
from kycrisk.signup import Signup

Reader = Callable[[Mapping[str, object]], Signup]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is no signup, and everything that is wrong with it."""

    number: int
    problems: Problems


def signup_reader(given: Input, attributes: Mapping[str, Signal], clock: Clock = now_utc) -> Reader:
    """How the rows of an input become signups. The reader raises `Problems` for what is none."""
    if given.from_text:
        return lambda raw: read_row(cast("Mapping[str, str]", raw), attributes=attributes, now=clock())
    return lambda raw: read_signup(raw, attributes=attributes, now=clock())


def screen_input(screener: Screener, given: Input, clock: Clock = now_utc) -> Iterator[Decision | Refusal]:
    """The decisions about an input's signups, in their order; a bad row does not stop the others."""
    read = signup_reader(given, screener.ruleset.policy.attributes, clock)
    screen = screener.screen
    for number, raw in given.rows:
        if isinstance(raw, Problems):
            yield Refusal(number, raw)
            continue
        try:
            signup = read(raw)
        except Problems as wrong:
            yield Refusal(number, wrong)
            continue
        yield screen(signup)

"""Many signups, one after the other: each a decision, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, cast

from kycrisk.decision import Decision
from kycrisk.intake import read_row, read_signup
from kycrisk.problems import Problems
from kycrisk.screening.desk import Clock, now_utc
from kycrisk.screening.inputs.rows import Input
from kycrisk.screening.screener import Screener
from kycrisk.signals import Signal
from kycrisk.signup import Signup

#: Rows that are screened together: enough to be quick, few enough to see progress and to hold.
AT_ONCE = 250

Reader = Callable[[Mapping[str, object]], Signup]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is no signup, and everything that is wrong with it."""

    number: int
    problems: Problems


class Terms(NamedTuple):
    """What the sources are given: seconds for a signup (None: the policy's deadline), and whether all are asked."""

    within: float | None = None
    complete: bool = False


_ORDINARY = Terms()


def signup_reader(given: Input, attributes: Mapping[str, Signal], clock: Clock = now_utc) -> Reader:
    """How the rows of an input become signups. The reader raises `Problems` for what is none."""
    if given.from_text:
        return lambda raw: read_row(cast("Mapping[str, str]", raw), attributes=attributes, now=clock())
    return lambda raw: read_signup(raw, attributes=attributes, now=clock())


def screen_input(
    screener: Screener, given: Input, *, at_once: int = AT_ONCE, terms: Terms = _ORDINARY, clock: Clock = now_utc
) -> Iterator[Decision | Refusal]:
    """The decisions about an input's signups, in their order; a bad row does not stop the others.

    `at_once` rows are read before the first of them is decided: 1 answers each row as it comes.
    """
    read = signup_reader(given, screener.ruleset.policy.attributes, clock)
    rows = iter(given.rows)
    while chunk := list(islice(rows, at_once)):
        results: list[Signup | Refusal] = [_read(number, raw, read) for number, raw in chunk]
        signups = [each for each in results if isinstance(each, Signup)]
        decisions = iter(screener.screen_many(signups, within=terms.within, complete=terms.complete))
        for each in results:
            yield each if isinstance(each, Refusal) else next(decisions)


def _read(number: int, raw: Mapping[str, object] | Problems, read: Reader) -> Signup | Refusal:
    if isinstance(raw, Problems):
        return Refusal(number, raw)
    try:
        return read(raw)
    except Problems as wrong:
        return Refusal(number, wrong)

"""An explanation as the terminal shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kycrisk.cli.decision_text import interval, outcome_word, unknown_text
from kycrisk.cli.terminal import Paint, visible, wrapped
from kycrisk.decision import Lookup
from kycrisk.explanation import TRUTHS, Explanation, Judged
from kycrisk.outcome import Finding
from kycrisk.ruleset.model import Status
from kycrisk.ruleset.template import show_value
from kycrisk.ruleset.words import Explained
from kycrisk.signals import Fact, Unknown

_STYLES = {Finding.HIT: "red", Finding.UNKNOWN: "yellow", Finding.EXEMPT: "cyan", Finding.MISS: "dim"}


def explanation_lines(explained: Explanation, paint: Paint, *, whole: bool) -> Iterator[str]:
    """For a terminal; without `whole` only the rules."""
    decision = explained.decision
    if whole:
        name = paint("bold", visible(decision.account_id))
        yield f"{outcome_word(decision.outcome, paint)}  {name}  score {decision.score}"
        settled = "settled: nothing that is still unknown can change it" if decision.settled else "not settled"
        yield from wrapped(f"{settled}; {interval(decision)}", first="  ", rest="  ")
        yield ""
        yield paint("bold", "Rules")
    for judged in explained.rules:
        yield from _rule_lines(judged, paint)
    if whole:
        yield ""
        yield paint("bold", "Facts")
        yield from _facts_lines(decision.evidence.facts(), paint)
        if decision.lookups:
            yield ""
            yield paint("bold", "Lookups")
            yield from _lookup_lines(decision.lookups)
        yield ""
        yield paint("bold", "What would lower the outcome")
        yield from _change_lines(explained)


def _rule_lines(judged: Judged, paint: Paint) -> Iterator[str]:
    rule = judged.rule
    status = "" if rule.status is Status.LIVE else f", {rule.status.value}: not counted"
    word = paint(_STYLES[judged.finding], f"{judged.finding.value:<8}")
    text = f"{rule.id} ({rule.contribution}{status}): {rule.title}"
    yield from wrapped(text, first=f"  {word}", rest=" " * 12, taken=10)
    yield from why_lines(judged.why, " " * 12)


def why_lines(why: Explained, indent: str) -> Iterator[str]:
    """Why a condition is true, false or unknown: itself and its branches, a line each."""
    word = TRUTHS[why.truth]
    said = why.because in (f"{why.text}: {word}", f"{why.text} is unknown")  # a signal alone says it all
    text = f"{word:<8}{why.text}" + (f" ({why.because})" if why.because and not said else "")
    yield from wrapped(visible(text), first=indent, rest=f"{indent}{' ' * 8}")
    for branch in why.branches:
        yield from why_lines(branch, f"{indent}  ")


def _facts_lines(facts: Iterable[Fact], paint: Paint) -> Iterator[str]:
    """The facts under the sources they came from."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(_origin(fact), []).append(fact)
    for origin, group in groups.items():
        yield from (paint("dim", line) for line in wrapped(visible(origin), first="  ", rest="    "))
        column = max((len(fact.signal) for fact in group if len(fact.signal) <= 30), default=0)
        for fact in group:
            first = f"    {fact.signal:<{column}}  "
            yield from wrapped(visible(_shown(fact)), first=first, rest=" " * (column + 6))


def _lookup_lines(lookups: Iterable[Lookup]) -> Iterator[str]:
    """What was asked, with its time and cost, and what was not, with the reason; equal reasons stand together."""
    skipped: dict[str, list[str]] = {}
    for each in lookups:
        if each.asked:
            told = ", ".join(filter(None, (f"{each.ms:.0f} ms", each.cost, each.why)))
            yield from wrapped(visible(f"{each.check}: asked, {told}"), first="  ", rest="    ")
        else:
            skipped.setdefault(each.why, []).append(each.check)
    for why, checks in skipped.items():
        yield from wrapped(visible(f"{', '.join(checks)}: {why}"), first="  ", rest="    ")


def _shown(fact: Fact) -> str:
    if isinstance(fact.value, Unknown):
        return f"unknown: {unknown_text(fact.value)}"
    return show_value(fact.value) or "(empty)"


def _origin(fact: Fact) -> str:
    """`tor-bulk@3f9a1c02 of 2026-11-20`: the snapshots with the first digits of their hashes, or else the source."""
    origin = fact.origin
    names = [re.sub(r"@sha256:([0-9a-f]{8})[0-9a-f]*$", r"@\1", snapshot) for snapshot in origin.snapshots]
    dated = f" of {origin.as_of:%Y-%m-%d}" if origin.as_of else ""
    return (", ".join(names) or origin.source) + dated


def _change_lines(explained: Explanation) -> Iterator[str]:
    found = explained.changes.found
    if not found:
        lowest = explained.decision.outcome.value == 0
        yield "  nothing: it is the lowest" if lowest else "  no change of up to three facts"
    for each in found:
        yield from wrapped(visible(str(each)), first="  - ", rest="    ")
    if not explained.changes.complete:
        yield "  The search was cut short; there may be more."
    if explained.advice:
        yield ""
        yield "The customer may be told:"
        yield from (line for text in explained.advice for line in wrapped(text, first="  - ", rest="    "))


def customer_lines(explained: Explanation) -> Iterator[str]:
    """What a customer may be told, without names of rules or signals."""
    yield from explained.advice or ("There is nothing that the customer could change.",)

"""Decisions as people read them in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kycrisk.cli.terminal import Paint, counted, visible, wrapped
from kycrisk.decision import Decision, Reason, Undetermined
from kycrisk.outcome import Finding, Outcome
from kycrisk.signals import Unknown

_MOST_NAMED = 4  # rules that could not be judged, in a list of many signups
STYLES = {Outcome.ALLOW: "green", Outcome.REVIEW: "yellow", Outcome.VERIFY: "red", Outcome.DENY: "bad"}


def outcome_word(outcome: Outcome, paint: Paint, pad: int = 0) -> str:
    """The outcome in its colour."""
    return paint(STYLES[outcome], outcome.word) + " " * max(0, pad - len(outcome.word))


def decision_lines(decision: Decision, paint: Paint, *, brief: bool = False) -> Iterator[str]:
    """A decision: the outcome, the reasons, and what could not be judged (`brief`: only where it matters)."""
    yield from _head(decision, paint)
    yield from _reasons(decision.reasons, paint)
    for each in decision.exempt:
        why = f": {each.reason}" if each.reason else ""
        text = f"exempt from {each.rule} as {each.subject} until {each.until:%Y-%m-%d}, by {each.by}{why}"
        yield from wrapped(visible(text), first="    ", rest="      ")
    would_hit = [f"{each.rule} ({each.contribution})" for each in decision.shadow if each.finding is Finding.HIT]
    if would_hit:
        yield from wrapped(f"in shadow, not counted: {', '.join(would_hit)}", first="    ", rest="      ")
    if decision.undetermined and not brief:
        yield from undetermined_lines(decision.undetermined, paint)
    elif decision.undetermined and not decision.settled:
        rules = [each.rule for each in decision.undetermined]
        named = ", ".join(rules) if len(rules) <= _MOST_NAMED else counted(len(rules), "rule")
        yield from wrapped(f"not judged: {named}", first="    ", rest="      ")


def _head(decision: Decision, paint: Paint) -> Iterator[str]:
    head = f"{outcome_word(decision.outcome, paint, 6)}  {paint('bold', visible(decision.account_id))}"
    yield f"{head}  score {decision.score}"
    if not decision.settled:
        yield from wrapped(f"not settled: {interval(decision)}", first="    ", rest="    ")


def interval(decision: Decision) -> str:
    """What the decision could still become: `between review and deny, score 40 to 130`."""
    scores = f"score {decision.lowest_score} to {decision.highest_score}"
    if decision.lowest is decision.highest:
        return f"{decision.lowest}, {scores}"
    return f"between {decision.lowest} and {decision.highest}, {scores}"


def _reasons(reasons: Iterable[Reason], paint: Paint) -> Iterator[str]:
    shown = tuple(reasons)
    column = max((len(each.contribution) for each in shown if each.contribution[0] in "+-"), default=0)
    rest = " " * (column + 6)
    for each in shown:
        pad = " " * (column - len(each.contribution))
        first = f"    {pad}{paint('bold', each.contribution)}  "
        rule = f"[{each.rule}]"
        taken = len(pad) + len(each.contribution) + 6
        for line in wrapped(f"{visible(each.text)} {rule}", first=first, rest=rest, taken=taken):
            yield line.replace(rule, paint("dim", rule))


def undetermined_lines(rules: Iterable[Undetermined], paint: Paint, indent: str = "    ") -> Iterator[str]:
    """The rules that could not be judged, what was missing for how many of them, and what to run."""
    missing: dict[str, set[str]] = {}
    names, hints = [], []
    for each in rules:
        names.append(each.rule)
        for unknown in each.why.values():
            # The details of several lists are joined by `; `, and a command that helps stands last.
            for part in unknown_text(unknown).split("; "):
                if part.startswith("run `"):
                    hints.append(part)
                else:
                    missing.setdefault(part, set()).add(each.rule)
    together: dict[frozenset[str], list[str]] = {}
    for part, affected in missing.items():
        together.setdefault(frozenset(affected), []).append(part)
    yield indent + paint("yellow", f"{counted(len(names), 'rule')} could not be judged, because:")
    for group, parts in sorted(together.items(), key=lambda one: -len(one[0])):
        text = f"{', '.join(parts)} ({next(iter(group)) if len(group) == 1 else counted(len(group), 'rule')})"
        yield from wrapped(visible(text), first=f"{indent}  ", rest=f"{indent}    ")
    yield from wrapped(", ".join(names), first=f"{indent}  not judged: ", rest=f"{indent}    ")
    if hints:
        yield f"{indent}  {hints[0] if len(set(hints)) == 1 else 'run `kycrisk feeds update`'}"


def unknown_text(unknown: Unknown) -> str:
    """Why one fact is missing: the detail where there is one."""
    return unknown.detail or unknown.why.value.replace("_", " ")


class Summary:
    """What became of many signups."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.unsettled = 0
        self.refused = 0
        self._hits: Counter[tuple[str, str, str]] = Counter()
        self._missing: dict[str, Undetermined] = {}

    @property
    def decided(self) -> int:
        return self.outcomes.total()

    def add_outcome(self, decision: Decision) -> None:
        """Count a decision by its outcome alone."""
        self.outcomes[decision.outcome] += 1

    def add(self, decision: Decision) -> None:
        """Count a decision and its rules."""
        self.outcomes[decision.outcome] += 1
        self.unsettled += not decision.settled
        for reason in decision.reasons:
            self._hits[(reason.rule, reason.contribution, reason.title)] += 1
        for each in decision.undetermined:
            self._missing.setdefault(each.rule, each)

    def lines(self, paint: Paint, seconds: float) -> Iterator[str]:
        """The summary as a table: how many of each outcome, which rules hit, what could not be judged."""
        refused = f", {counted(self.refused, 'row')} refused" if self.refused else ""
        yield paint("bold", f"{counted(self.decided, 'signup')}{refused}, {seconds:.1f} s")
        largest = max(self.outcomes.values(), default=1)
        for outcome in Outcome:
            number = self.outcomes[outcome]
            bar = "█" * max(number > 0, round(30 * number / largest))
            yield f"  {outcome_word(outcome, paint, 11)} {number:>7}  {paint(STYLES[outcome], bar)}".rstrip()
        if self.unsettled:
            yield f"  {'not settled':11} {self.unsettled:>7}"
        if self._hits:
            yield ""
            yield paint("bold", "Rules that hit most")
        for (rule, contribution, title), number in self._hits.most_common(8):
            first = f"  {number:>7}  "
            text = f"{title} ({contribution}) [{rule}]"
            yield from wrapped(text, first=first, rest=" " * len(first))
        if self._missing:
            yield ""
            yield from undetermined_lines(self._missing.values(), paint, indent="")

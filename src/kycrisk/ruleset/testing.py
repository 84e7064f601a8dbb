"""The tests inside rule files: run on the reference interpreter, and what they leave untested."""

from __future__ import annotations

from dataclasses import dataclass

from kycrisk.outcome import Finding
from kycrisk.problems import Problem
from kycrisk.ruleset.condition import SignalRef
from kycrisk.ruleset.model import Rule, Ruleset, RuleTest, Status
from kycrisk.ruleset.reference import finding
from kycrisk.ruleset.words import Explained, explain

_WORDS = {Finding.HIT: "a hit", Finding.MISS: "a miss", Finding.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestResult:
    """What a rule found for one of its tests, and why."""

    rule: Rule
    test: RuleTest
    found: Finding
    why: Explained

    @property
    def passed(self) -> bool:
        return self.found is self.test.expect

    @property
    def missing(self) -> tuple[SignalRef, ...]:
        """The signals that the rule reads and the test does not give."""
        return tuple(signal for signal in self.rule.signals if signal.name not in self.test.given)

    def problem(self) -> Problem:
        """The failed test as a problem: expectation, finding, and what the condition saw."""
        expected, found = _WORDS[self.test.expect], _WORDS[self.found]
        message = f"test `{self.test.name}` of rule `{self.rule.id}` expects {expected}, and finds {found}"
        return Problem(self.test.place, message, "\n".join([*self._advice(), *self.why.lines()]))

    def _advice(self) -> list[str]:
        if self.found is not Finding.UNKNOWN or not self.missing:
            return ["the condition is judged so:"]
        names = ", ".join(f"`{signal.name}`" for signal in self.missing)
        return [f"what is not given is unknown, here {names}; the condition is judged so:"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Rules that are evaluated (live and shadow) and lack a test that finds this; in the order of the ruleset."""

    untested: tuple[Rule, ...]
    without_hit: tuple[Rule, ...]
    without_miss: tuple[Rule, ...]
    without_unknown: tuple[Rule, ...]

    @property
    def complete(self) -> bool:
        return not (self.without_hit or self.without_miss or self.without_unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestReport:
    """The results of every test of a ruleset, and what they cover."""

    results: tuple[RuleTestResult, ...]
    coverage: Coverage

    @property
    def failures(self) -> tuple[Problem, ...]:
        """The failed tests as problems, in the order of the files."""
        return tuple(result.problem() for result in self.results if not result.passed)


def run_tests(ruleset: Ruleset) -> RuleTestReport:
    """Run every test of every rule, whatever the rule's status. A test knows what is given and nothing else."""
    results = tuple(_run(rule, test) for rule in ruleset.rules for test in rule.tests)
    return RuleTestReport(results=results, coverage=_coverage(ruleset))


def _run(rule: Rule, test: RuleTest) -> RuleTestResult:
    found, why = finding(rule, test.given), explain(rule.condition, test.given)
    return RuleTestResult(rule=rule, test=test, found=found, why=why)


def _coverage(ruleset: Ruleset) -> Coverage:
    """A test counts for what the rule really finds, not for what it expects.

    A rule whose condition reads no signal (a plain `true`) can neither miss nor be unknown.
    """
    rules = [rule for rule in ruleset.rules if rule.status in (Status.LIVE, Status.SHADOW)]
    found = {rule.id: {finding(rule, test.given) for test in rule.tests} for rule in rules}
    variable = [rule for rule in rules if rule.signals]
    return Coverage(
        untested=tuple(rule for rule in rules if not rule.tests),
        without_hit=tuple(rule for rule in rules if Finding.HIT not in found[rule.id]),
        without_miss=tuple(rule for rule in variable if Finding.MISS not in found[rule.id]),
        without_unknown=tuple(rule for rule in variable if Finding.UNKNOWN not in found[rule.id]),
    )

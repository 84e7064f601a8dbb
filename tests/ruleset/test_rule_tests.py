"""The tests inside rule files: what passes, what fails and how it says so, and what is not covered."""

from pathlib import Path

import pytest

from kycrisk.checks.catalogue import ALIASES as REAL_ALIASES
from kycrisk.outcome import Finding
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.ruleset.testing import run_tests
from kycrisk.sources.catalogue import shipped_signals
from tests.ruleset.catalogue import ALIASES, SIGNALS

SHIPPED = Path(__file__).resolve().parents[2] / "rules"
POLICY = "policy: {bands: {verify: 70}}\nlists: {partners: {kind: domain, question: Whom do we know?}}\n"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load rules, each given as an id, further keys and tests."""
    monkeypatch.chdir(tmp_path)

    def load_rules(*rules: tuple[str, str, str]) -> Ruleset:
        text = POLICY + "rules:\n"
        for id_, keys, tests in rules:
            text += f"  - id: {id_}\n    title: t\n    score: 1\n    reason: r\n    {keys}\n    tests: [{tests}]\n"
        Path("a.yaml").write_text(text)
        return load_ruleset(["a.yaml"], signals=SIGNALS, aliases=ALIASES)

    return load_rules


def test_what_is_given_is_known_and_nothing_else(load):
    report = run_tests(
        load(
            (
                "a",
                "when: ip.vpn or ip.tor_exit",
                "{name: one, given: {ip.vpn: true}, expect: hit}, "
                "{name: both, given: {ip.vpn: false, ip.tor_exit: false}, expect: miss}, "
                "{name: half, given: {ip.vpn: false}, expect: unknown}",
            )
        )
    )
    assert [(result.test.name, result.found, result.passed) for result in report.results] == [
        ("one", Finding.HIT, True),
        ("both", Finding.MISS, True),
        ("half", Finding.UNKNOWN, True),
    ]
    assert report.failures == ()
    assert report.coverage.complete


FAILURES = {
    "a hit that is a miss": (
        "when: email.disposable_lists >= 2",
        "{name: two, given: {email.disposable_lists: 1}, expect: hit}",
        """a.yaml:9:13: test `two` of rule `a` expects a hit, and finds a miss
        tests: [{name: two, given: {email.disposable_lists: 1}, expect: hit}]
                ^
help: the condition is judged so:
no      email.disposable_lists is at least 2 (email.disposable_lists is 1)""",
    ),
    "a miss that is a hit": (
        "when: {all: [ip.vpn, {none: [ip.tor_exit]}]}",
        "{name: x, given: {ip.vpn: true, ip.tor_exit: false}, expect: miss}",
        """a.yaml:9:13: test `x` of rule `a` expects a miss, and finds a hit
        tests: [{name: x, given: {ip.vpn: true, ip.tor_exit: false}, expect: miss}]
                ^
help: the condition is judged so:
yes     all of
  yes     ip.vpn (ip.vpn: yes)
  yes     not
    no      ip.tor_exit (ip.tor_exit: no)""",
    ),
    "unknown, where a base is given and not what is derived from it": (
        'when: email.domain in list("partners")',
        "{name: x, given: {email.domain: example.net}, expect: hit}",
        """a.yaml:9:13: test `x` of rule `a` expects a hit, and finds unknown
        tests: [{name: x, given: {email.domain: example.net}, expect: hit}]
                ^
help: what is not given is unknown, here `email.domain in list("partners")`; the condition is judged so:
unknown email.domain in list("partners") (email.domain in list("partners") is unknown)""",
    ),
    "unknown, though everything is given": (
        "when: 1 / email.disposable_lists > 0.5",
        "{name: x, given: {email.disposable_lists: 0}, expect: miss}",
        """a.yaml:9:13: test `x` of rule `a` expects a miss, and finds unknown
        tests: [{name: x, given: {email.disposable_lists: 0}, expect: miss}]
                ^
help: the condition is judged so:
unknown 1 / email.disposable_lists is more than 0.5 (1 / email.disposable_lists is unknown)""",
    ),
}


@pytest.mark.parametrize(("when", "test", "expected"), FAILURES.values(), ids=FAILURES)
def test_failure(when, test, expected, load):
    [failure] = run_tests(load(("a", when, test))).failures
    assert failure.render() == expected


HIT = "{name: h, given: {ip.vpn: true}, expect: hit}"
MISS = "{name: m, given: {ip.vpn: false}, expect: miss}"
UNKNOWN = "{name: u, given: {}, expect: unknown}"


def test_coverage(load):
    coverage = run_tests(
        load(
            ("all", "when: ip.vpn", f"{HIT}, {MISS}, {UNKNOWN}"),
            ("no-hit", "when: ip.vpn", f"{MISS}, {UNKNOWN}"),
            ("no-miss", "when: ip.vpn", f"{HIT}, {UNKNOWN}"),
            ("no-unknown", "when: ip.vpn", f"{HIT}, {MISS}"),
            ("none", "when: ip.vpn", ""),
            ("always", "when: true", "{name: h, given: {}, expect: hit}"),
            ("failing", "when: not ip.vpn", HIT),
            ("shadowed", "status: shadow\n    when: ip.vpn", HIT),
            ("drafted", "status: draft\n    when: ip.vpn", ""),
            ("retired", "status: retired\n    when: ip.vpn", ""),
        )
    ).coverage
    assert [rule.id for rule in coverage.untested] == ["none"]
    assert [rule.id for rule in coverage.without_hit] == ["no-hit", "none", "failing"]
    assert [rule.id for rule in coverage.without_miss] == ["no-miss", "none", "shadowed"]
    assert [rule.id for rule in coverage.without_unknown] == ["no-unknown", "none", "failing", "shadowed"]
    assert not coverage.complete


@pytest.mark.parametrize("status", ["draft", "shadow", "live", "retired"])
def test_rules_of_every_status_are_tested(status, load):
    report = run_tests(load(("a", f"status: {status}\n    when: ip.vpn", HIT)))
    assert [result.passed for result in report.results] == [True]


def test_shipped_rules_pass_and_are_covered():
    report = run_tests(load_ruleset(SHIPPED, signals=shipped_signals(), aliases=REAL_ALIASES))
    assert [failure.render() for failure in report.failures] == []
    assert report.coverage.complete

"""`kycrisk check`, `test`, `fmt` and `schema`."""

import json

import pytest

GOOD = """\
rules:
  - id: tor
    title: Tor
    when: ip.tor_exit
    score: 45
    reason: through Tor
    tests:
      - {name: listed, given: {ip.tor_exit: true}, expect: hit}
"""
FAILING = GOOD.replace("expect: hit", "expect: miss")
UNTIDY = (
    "rules:\n - title: Tor  # through Tor\n   id: tor\n   when: ip.tor_exit\n   score: 45\n   reason: through Tor\n"
)
TIDY = """\
rules:
  - id: tor
    title: Tor # through Tor
    when: ip.tor_exit
    score: 45
    reason: through Tor
"""


def test_check_is_silent_when_all_is_fine(run):
    found = run("check")
    assert (found.exit_code, found.output) == (0, "")


def test_check_shows_every_problem_with_its_place(run):
    run.write(
        "rules/broken.yaml", "rules:\n  - id: x\n    title: X\n    when: ip.tor_exi\n    score: 1\n    reason: x\n"
    )
    found = run("check")
    assert found.exit_code == 1
    assert found.stdout == (
        "rules/broken.yaml:4:11: unknown signal `ip.tor_exi`\n"
        "        when: ip.tor_exi\n"
        "              ^\n"
        "help: did you mean `ip.tor_exit`?\n"
    )
    assert found.stderr == "1 problem\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("kycrisk.yaml", "feeds: [mine.yaml]\n", "mine.yaml", id="a catalogue that is not there"),
        pytest.param(
            "exemptions.yaml",
            'exemptions:\n  - {rule: compny, account: a-1, until: "2030-01-01", by: Jane}\n',
            "exemptions.yaml: there is no rule `compny` to be exempt from\nhelp: did you mean `company`?\n",
            id="an exemption from no rule",
        ),
    ],
)
def test_check_looks_at_the_whole_folder(run, name, text, message):
    run.write(name, text)
    found = run("check")
    assert (found.exit_code, message in found.stdout) == (1, True)


def test_check_of_a_file_shows_its_own_problems(run):
    run.write("rules/a.yaml", "rules: [{id: x}]\n")
    run.write("rules/b.yaml", GOOD)
    assert run("check", "rules/b.yaml").exit_code == 0
    assert run("check", "rules/a.yaml").exit_code == 1
    assert run("check", "rules").exit_code == 1


def test_tests_pass(run):
    found = run("test")
    assert (found.exit_code, found.stdout) == (0, "2 tests passed\n")


def test_a_failed_test_says_what_the_rule_saw(run):
    run.write("rules/tor.yaml", FAILING)
    found = run("test")
    assert found.exit_code == 1
    assert "rules/tor.yaml:8:9: test `listed` of rule `tor` expects a miss, and finds a hit\n" in found.stdout
    assert found.stdout.endswith("\n1 of 3 tests failed\n")


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        pytest.param(["--run", "^tor/"], "1 test passed", id="by rule"),
        pytest.param(["--run", "/none$"], "1 test passed", id="by test"),
        pytest.param(["rules/tor.yaml"], "1 test passed", id="by file"),
        pytest.param(["rules"], "3 tests passed", id="folder"),
    ],
)
def test_some_tests(run, arguments, last):
    run.write("rules/tor.yaml", GOOD)
    assert run("test", *arguments).stdout == f"{last}\n"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("zzz", "kycrisk: no test is named like `zzz`\n"),
        ("(", "kycrisk: `(` is not a regular expression: missing ), unterminated subpattern\n"),
    ],
    ids=["nothing", "broken"],
)
def test_run_that_finds_nothing(run, pattern, message):
    found = run("test", "--run", pattern)
    assert (found.exit_code, found.stderr) == (2, message)


def test_coverage(run):
    run.write("rules/tor.yaml", GOOD)
    assert run("test", "--coverage").stdout == (
        "3 tests passed\n"
        "no test hits: large-plan, domain-again\n"
        "no test misses: large-plan, domain-again, tor\n"
        "no test leaves unknown: company, large-plan, domain-again, tor\n"
    )


def test_tests_of_broken_rules_end_with_2(run):
    run.write("rules/broken.yaml", "rules: [{id: x}]\n")
    assert run("test").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "after"),
    [
        pytest.param([], 0, TIDY, id="format"),
        pytest.param(["--check"], 1, UNTIDY, id="check"),
        pytest.param(["--diff"], 1, UNTIDY, id="diff"),
    ],
)
def test_fmt(run, arguments, code, after):
    path = run.write("rules/tor.yaml", UNTIDY)
    found = run("fmt", *arguments, "rules/tor.yaml")
    assert (found.exit_code, path.read_text().replace("  #", " #")) == (code, after.replace("  #", " #"))
    assert found.stdout.startswith(
        {0: "formatted rules/tor.yaml", 1: "--- rules/tor.yaml" if "--diff" in arguments else "rules/tor.yaml is not"}[
            code
        ]
    )
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []


def test_fmt_twice_changes_nothing(run):
    run.write("rules/tor.yaml", UNTIDY)
    run("fmt")
    assert (run("fmt", "--check").exit_code, run("fmt").stdout) == (0, "")


def test_fmt_goes_on_behind_a_broken_file(run):
    run.write("rules/a.yaml", "rules: [\n")
    path = run.write("rules/tor.yaml", UNTIDY)
    found = run("fmt")
    assert (found.exit_code, "rules/a.yaml:1:9: " in found.stderr) == (1, True)
    assert path.read_text() != UNTIDY


def test_schema(run):
    printed = json.loads(run("schema").stdout)
    assert printed["title"] == "kycrisk rules"
    run("schema", "-o", "rules/kycrisk.schema.json")
    assert json.loads((run.folder / "rules/kycrisk.schema.json").read_text()) == printed

"""Files that are made to break the reader give a message: no crash, no hang, no memory."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.checks.catalogue import ALIASES as REAL_ALIASES
from kycrisk.checks.catalogue import SIGNALS as REAL_SIGNALS
from kycrisk.problems import Problems
from kycrisk.ruleset import compose as composing
from kycrisk.ruleset.format import format_rules
from kycrisk.ruleset.load import check_ruleset
from kycrisk.ruleset.nodes import Source
from kycrisk.ruleset.noting import MOST, Notes
from tests.ruleset.catalogue import ALIASES, SIGNALS

RULES = Path(__file__).resolve().parents[2] / "rules"
POLICY = "policy: {bands: {verify: 70}}\n"
RULE = "rules: [{id: a, title: t, reason: r, score: 1, when: %s}]\n"
BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

HOSTILE = {
    "200,000 brackets": ("[" * 200_000, "bad.yaml:1:41: the file nests deeper than 40 levels"),
    "200,000 braces": ("{" * 200_000, "bad.yaml:1:41: the file nests deeper than 40 levels"),
    "200,000 dashes": ("- " * 200_000, "bad.yaml:1:81: the file nests deeper than 40 levels"),
    "200,000 question marks": ("? " * 200_000, "bad.yaml:1:81: the file nests deeper than 40 levels"),
    "brackets in a condition": (
        POLICY + RULE % ("'" + "(" * 3900 + "'"),
        "bad.yaml:2:95: the condition nests deeper than 40 levels",
    ),
    "900 times not": (
        POLICY + RULE % ("not " * 900 + "ip.vpn"),
        "bad.yaml:2:54: the condition nests deeper than 40 levels",
    ),
    "a condition of 4,001 characters": (
        POLICY + RULE % ("ip.vpn" + " " * 3989 + "or x.y"),
        "bad.yaml:2:54: the condition has 4001 characters, at most 4000 are read",
    ),
    "60,000 directives": (
        "".join(f"%TAG !a{n}! x\n" for n in range(60_000)) + "---\na: 1\n",
        "bad.yaml:1:1: YAML directives are not read",
    ),
    "a directive behind comments": ("# a\n\n  # b\n%YAML 1.1\n---\n", "bad.yaml:4:1: YAML directives are not read"),
    "an alias bomb": (BOMB, "bad.yaml:1:4: `&a` is a YAML anchor, which is not read here"),
    "a number of 100,000 digits": (
        "policy: {bands: {verify: " + "9" * 100_000 + "}}",
        "bad.yaml:1:26: `" + "9" * 37 + "...` is too long a number",
    ),
    "a number of 400 digits": (
        "policy: {bands: {verify: " + "9" * 400 + "}}",
        "bad.yaml:1:26: the number is not between -1000000000 and 1000000000",
    ),
    "more than 2 MB": ("#" * 2_000_001, "bad.yaml: is larger than 2 MB"),
    "10,001 rules": (
        POLICY + "rules:\n" + "  - {}\n" * 10_001,
        "bad.yaml:3:5: a rule needs `id:`",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_file(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(text)
    problems = check_ruleset(["bad.yaml"], signals=SIGNALS, aliases=ALIASES)
    assert expected in [str(problem) for problem in problems]
    assert len(problems) <= MOST + 1


def test_nested_brackets_do_not_crash_a_process_of_their_own(tmp_path):
    """A crash in C would take the whole test run with it, and be no failure."""
    path = tmp_path / "deep.yaml"
    path.write_text("rules: " + "[" * 200_000)
    script = (
        "import sys; from kycrisk.ruleset.load import check_ruleset\n"
        "print(*check_ruleset(sys.argv[1], signals={}, aliases={}), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, f"{path}:1:47: the file nests deeper than 40 levels\n")


def test_one_rule_too_many(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kycrisk.ruleset.load.MAX_RULES", 2)
    rules = "".join(f"  - {{id: rule-{number}, title: t, when: ip.vpn, score: 1, reason: r}}\n" for number in range(4))
    Path("a.yaml").write_text(POLICY + "rules:\n" + rules)
    problems = check_ruleset(["a.yaml"], signals=SIGNALS, aliases=ALIASES)
    assert [str(problem) for problem in problems] == ["a.yaml:5:5: there are more than 2 rules"]


def test_reading_stops_after_a_thousand_problems(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("".join(f"key-{number}: 1\n" for number in range(5000)))
    problems = check_ruleset(["a.yaml"], signals=SIGNALS, aliases=ALIASES)
    assert len(problems) == MOST + 1
    assert str(problems[-1]) == "a.yaml:1001:1: there are more than 1000 problems; this is the last one shown"


_FRAGMENTS = [
    *"[]{}\"':-#|>?%@`~()=.,\t\n\r\0\u2028\ufeffé😀",
    *("\n  ", "- ", "&a ", "*a", "!t ", "no", "null", "010", "2026-01-01", "not ", " and ", "...\n", "---\n", "<<: "),
    *("1e999", "9" * 30, "lambda: 0", 'f"{x}"', "1or ", '"\\ud800"', "{{", '"0001-01-01T00:00:00+05:00"'),
]


@given(data=st.data())
def test_no_spoilt_file_is_worse_than_problems(data, tmp_path_factory):
    """The shipped rules with pieces cut out and put in: read, or refused with places that can be printed."""
    text = data.draw(st.sampled_from([path.read_text() for path in sorted(RULES.glob("*.yaml"))]))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text)))
        text = (
            text[:at] + data.draw(st.sampled_from(_FRAGMENTS)) + text[at + data.draw(st.sampled_from([0, 0, 1, 10])) :]
        )
    path = tmp_path_factory.mktemp("spoilt") / "a.yaml"
    path.write_bytes(text.encode())
    for problem in check_ruleset([path], signals=REAL_SIGNALS, aliases=REAL_ALIASES):
        assert problem.render().startswith(str(path))
    with suppress(Problems):
        assert format_rules(format_rules(text)) == format_rules(text)


TEXTS = {
    "a rule": """rules:
  - id: a
    tags: [x, 'y z', "w\n"]
    when: |
      a
       b
    description: >-
      c

      d
""",
    "empty values": "a:\nb: ''\nc: []\nd: {}\ne: ~\n",
    "beyond the BMP": "'😀': \"\\U0001F600 é\" # c\nb: 😀\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_pure_parser_reads_the_same_nodes(text, monkeypatch):
    """PyYAML may have been built without libyaml."""

    def read() -> object:
        notes = Notes()
        return composing.compose(Source("a.yaml", text), notes), notes.problems

    quick = read()
    monkeypatch.setattr(composing, "PARSER", yaml.SafeLoader)
    assert read() == quick

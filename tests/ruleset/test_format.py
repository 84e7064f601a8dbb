"""Laying out rule files: what changes, what stays, and that nothing is ever lost."""

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.problems import Problems
from kycrisk.ruleset.format import format_rules
from kycrisk.ruleset.load import load_ruleset
from tests.ruleset.catalogue import ALIASES, SIGNALS

RULES = Path(__file__).resolve().parents[2] / "rules"
BAD = Path(__file__).parent / "bad"
LAYOUT = Path(__file__).parent / "layout"  # NAME.before and NAME.after


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_rules_are_laid_out(path):
    assert format_rules(path.read_text()) == path.read_text()


FILES = sorted(path.stem for path in LAYOUT.glob("*.before"))


@pytest.mark.parametrize("name", FILES)
def test_layout_of_a_file(name):
    expected = (LAYOUT / f"{name}.after").read_text()
    assert format_rules((LAYOUT / f"{name}.before").read_text()) == expected
    assert format_rules(expected) == expected


LAYOUTS = {
    "unknown keys last, as they were": (
        "rules:\n  - z: 1\n    y: 2\n    id: a\n",
        "rules:\n  - id: a\n    z: 1\n    y: 2\n",
    ),
    "a comment behind a text that hangs below its key": (
        "a: |\n    text\n  # why\nb: 1\n",
        "a: |\n    text\n# why\nb: 1\n",
    ),
    "empty items and keys": ("a:\n-   # why\n-\n- b:\n  c:   # so\n", "a:\n  - # why\n  -\n  - b:\n    c:   # so\n"),
    "a dash on a line of its own": ("rules:\n  - # why\n    # so\n    id: a\n", "rules:\n  # why\n  # so\n  - id: a\n"),
    "trailing blanks, a missing end of line": ("a:   \n  - b  \n  -  c   # d  ", "a:\n  - b\n  - c   # d\n"),
    "no document markers": ("# one --- two ...\na: 1 # ...\n", "# one --- two ...\na: 1 # ...\n"),
    "document markers": ("---\na: 1\n...\n", "a: 1\n"),
    "Windows line breaks": ("a:\r\n- b\r\n", "a:\n  - b\n"),
    "nothing": ("", ""),
    "only a comment": ("# why", "# why\n"),
    "a flow mapping as the whole file": ("{rules:   []}", "{rules:   []}\n"),
}


@pytest.mark.parametrize(("text", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_layout(text, expected):
    assert format_rules(text) == expected
    assert format_rules(expected) == expected


REFUSED = {
    "no YAML": ("rules: [", "a.yaml:1:9: a value is missing here"),
    "a doubled key": ("a: 1\na: 2\n", "a.yaml:2:1: the key `a` stands twice"),
    "an alias": ("a: *b\n", "a.yaml:1:4: `*b` is a YAML alias, which is not read here"),
    "a key behind a question mark": (
        "? a\n: 1\n",
        "a.yaml:1:3: a key that is written behind `?` or `---` is not laid out",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused(text, expected):
    with pytest.raises(Problems) as raised:
        format_rules(text, "a.yaml")
    assert [str(problem) for problem in raised.value.problems] == [expected]


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_does_not_load_is_laid_out_or_refused_but_never_spoilt(path):
    text = path.read_text()
    with suppress(Problems):
        formatted = format_rules(text, path.name)
        assert format_rules(formatted) == formatted


# Random files: the same rules, written by many hands.

_comment = st.sampled_from(["", "", "", "# c1", "# c2: d ...", "#", "# --- e"])
_gap = st.sampled_from([[], [], [], [""], ["", ""]])


@st.composite
def written_rules(draw, depth: int = 0) -> str:
    """Two rules in any order of keys, indentation, quotes, with comments and blank lines anywhere."""
    lines: list[str] = ["policy: {bands: {verify: 70}}", "rules:"]
    dash = draw(st.integers(0, 4))
    for name in ("rule-a", "rule-b"):
        lines += draw(_gap) + _at(dash, draw(_comment))
        inner = draw(st.integers(1, 3))
        column = dash + 1 + inner
        keys = draw(st.permutations(_keys(draw, name, column)))
        for at, key in enumerate(keys):
            first, *rest = key.split("\n")
            if at:
                lines += draw(_gap) + _at(column, draw(_comment))
                lines.append(" " * column + first)
            else:
                lines.append(" " * dash + "-" + " " * inner + first)
            deeper = 0 if rest and key.split("\n")[0][-1] in "|-" else 3  # there it would be part of the text
            lines += rest + _at(column + draw(st.integers(0, deeper)), draw(_comment))
    return "\n".join([*lines, *draw(_gap), *_at(0, draw(_comment))]) + draw(st.sampled_from(["", "\n", "\n\n"]))


def _at(column: int, comment: str) -> list[str]:
    return [" " * column + comment] if comment else []


def _keys(draw, name: str, column: int) -> list[str]:
    pad = " " * (column + draw(st.integers(1, 4)))
    aside = draw(st.sampled_from(["", "   # aside"]))
    return [
        f"id: {draw(st.sampled_from([name, repr(name)]))}{aside}",
        draw(st.sampled_from(["title: It's a rule", "title: 'It''s a rule'", f"title: >-\n{pad}It's\n{pad}a rule"])),
        draw(
            st.sampled_from(
                [
                    "when: ip.vpn and ip.tor_exit",
                    f"when: ip.vpn\n{pad}and ip.tor_exit",
                    f"when: |\n{pad}ip.vpn\n{pad}  and ip.tor_exit",
                    f"when: # tree\n{pad}all: # both\n{pad}- ip.vpn\n{pad}# second\n{pad}-   ip.tor_exit",
                    f"when:\n{pad}all: [ip.vpn,\n{pad}  ip.tor_exit] # both",
                ]
            )
        ),
        "score:   1",
        draw(st.sampled_from(['reason: "because"', "reason: because", "reason: 'because'"])),
        f"tests:\n{pad}- {{name: x,   given: {{}}, expect: unknown}}\n{pad}-   name: z\n"
        f"{pad}    given: {{ip.vpn: false}}\n\n{pad}    # deep\n{pad}    expect: miss",
    ]


@given(text=written_rules())
def test_any_layout_keeps_meaning_and_comments(text, tmp_path_factory):
    formatted = format_rules(text)
    assert format_rules(formatted) == formatted
    assert _comments(formatted) == _comments(text)
    folder = tmp_path_factory.mktemp("layout")
    (folder / "a.yaml").write_text(text)
    before = load_ruleset(folder, signals=SIGNALS, aliases=ALIASES)
    (folder / "a.yaml").write_text(formatted)
    after = load_ruleset(folder, signals=SIGNALS, aliases=ALIASES)
    assert after.version == before.version
    assert [[(test.name, test.given, test.expect) for test in rule.tests] for rule in after.rules] == [
        [(test.name, test.given, test.expect) for test in rule.tests] for rule in before.rules
    ]


def _comments(text: str) -> Counter[str]:
    return Counter(re.findall(r"(?:^|(?<=\s))#.*", text))

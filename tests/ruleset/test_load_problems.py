"""Every defect of a rule file gives a message with its place, the line, a caret and what to do.

`bad/NAME.yaml` has the one defect that its name says, `bad/NAME.expected` the whole printed text.
"""

from pathlib import Path

import pytest

from kycrisk.problems import Problems
from kycrisk.ruleset.load import check_ruleset, load_ruleset
from tests.ruleset.catalogue import ALIASES, SIGNALS

BAD = Path(__file__).parent / "bad"
POLICY = "policy:\n  bands: {review: 40, verify: 70, deny: 150}\n"
LISTS = "lists:\n  partners: {kind: domain, question: Whom do we know?}\n"
RULE = "rules:\n  - id: a-rule\n    title: A rule\n    when: ip.tor_exit\n    score: 45\n    reason: because\n"


def printed(*files: Path) -> str:
    problems = check_ruleset(files, signals=SIGNALS, aliases=ALIASES)
    return "\n".join(problem.render() for problem in problems) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, with paths shown as they are named in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_bad_file(name, folder):
    (folder / f"{name}.yaml").write_bytes((BAD / f"{name}.yaml").read_bytes())
    (folder / "base.yaml").write_text(POLICY + ("" if name.startswith("list-") else LISTS))
    base = [] if name.startswith("policy-") else [Path("base.yaml")]
    assert printed(*base, Path(f"{name}.yaml")) == (BAD / f"{name}.expected").read_text()


def test_every_expectation_has_its_file():
    assert {path.stem for path in BAD.glob("*.expected")} == {path.stem for path in BAD.glob("*.yaml")}


BYTES = {
    "not UTF-8": (
        POLICY.encode() + b"# Caf\xe9\n",
        "bad.yaml:3:6: the byte 0xe9 is not UTF-8\n    # Caf\ufffd\n         ^\nhelp: save the file as UTF-8\n",
    ),
    "UTF-16": (
        POLICY.encode("utf-16"),
        "bad.yaml: is UTF-16, not UTF-8\nhelp: save it as UTF-8 without a byte-order mark\n",
    ),
    "a byte-order mark": (
        b"\xef\xbb\xbf" + POLICY.encode(),
        "bad.yaml: begins with a byte-order mark\nhelp: save it as UTF-8 without a byte-order mark\n",
    ),
    "a NUL": (
        POLICY.encode() + b"# a \0 b\n",
        "bad.yaml:3:5: the character U+0000 has no place in YAML\n    # a \ufffd b\n        ^\n"
        'help: delete it, or write it as `"\\u0000"` in double quotes\n',
    ),
    "what a terminal would act upon": (
        POLICY.encode() + b"# \x1b[31m\n",
        "bad.yaml:3:3: the character U+001B has no place in YAML\n    # \ufffd[31m\n      ^\n"
        'help: delete it, or write it as `"\\u001b"` in double quotes\n',
    ),
    "the same behind an escape": (
        POLICY.encode() + b'"\\e[31m": 1\n',
        "bad.yaml:3:1: a rule file has no key `\ufffd[31m`\n    \"\\e[31m\": 1\n    ^\n"
        "help: its keys are policy, attributes, lists, rules\n",
    ),
    "a line break that editors do not show": (
        POLICY.encode() + "# a\u2028b: 1\n".encode(),
        "bad.yaml:3:4: the character U+2028 has no place in YAML\n    # a\ufffdb: 1\n       ^\n"
        'help: delete it, or write it as `"\\u2028"` in double quotes\n',
    ),
    "an old Mac's line breaks": (
        POLICY.replace("\n", "\r").encode() + b"rules: x\r",
        "bad.yaml:3:8: `rules:` needs a list, got `x`\n    rules: x\n           ^\n"
        "help: begin each rule with `- id: ...`, or write `rules: []`\n",
    ),
    "Windows line breaks": (
        (POLICY + "rules: x\n").replace("\n", "\r\n").encode(),
        "bad.yaml:3:8: `rules:` needs a list, got `x`\n    rules: x\n           ^\n"
        "help: begin each rule with `- id: ...`, or write `rules: []`\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_text(raw, expected, folder):
    (folder / "bad.yaml").write_bytes(raw)
    assert printed(Path("bad.yaml")) == expected


def test_all_problems_of_all_files_by_file_and_place(folder):
    (folder / "rules").mkdir()
    (folder / "rules/b.yaml").write_text(RULE + RULE.removeprefix("rules:\n").replace("45", "0"))
    (folder / "rules/a.yaml").write_text(RULE.replace("ip.tor_exit", "ip.tor_exti").replace("because", "{nothing}"))
    (folder / "rules/c.yaml").write_text("rules: [\n")
    (folder / "rules/d.yaml").write_text(POLICY)
    (folder / "rules/old.yml").write_text(RULE)
    problems = check_ruleset("rules", signals=SIGNALS, aliases=ALIASES)
    assert [str(problem) for problem in problems] == [
        "rules/a.yaml:4:11: unknown signal `ip.tor_exti`",
        "rules/a.yaml:6:13: expected a text, got a mapping",
        "rules/b.yaml:2:9: two rules have the id `a-rule`",
        "rules/b.yaml:7:9: two rules have the id `a-rule`",
        "rules/b.yaml:10:12: a score of 0 changes nothing",
        "rules/c.yaml:1:9: a value is missing here",
        "rules/old.yml: is not read, because its name does not end in `.yaml`",
    ]
    with pytest.raises(Problems) as raised:
        load_ruleset("rules", signals=SIGNALS, aliases=ALIASES)
    assert list(raised.value.problems) == problems


FOLDERS = {
    "none": ("nowhere", "nowhere: there is no such folder"),
    "an empty one": (".", ".: holds no rules: no file in it ends in `.yaml`"),
}


@pytest.mark.parametrize(("where", "expected"), FOLDERS.values(), ids=FOLDERS)
def test_folder_without_rules(where, expected, folder):
    assert [str(problem) for problem in check_ruleset(where, signals=SIGNALS, aliases=ALIASES)] == [expected]


def test_folder_named_like_a_file(folder):
    (folder / "a.yaml").mkdir()
    (folder / "b.yaml").write_text(POLICY)
    assert printed(*sorted(Path().glob("*.yaml"))) == (
        "a.yaml: is not a file\nhelp: put the rules in a file that ends in `.yaml`\n"
    )


def test_two_files_with_lists(folder):
    (folder / "a.yaml").write_text(POLICY + LISTS)
    (folder / "b.yaml").write_text(LISTS)
    assert [str(each) for each in check_ruleset(".", signals=SIGNALS, aliases=ALIASES)] == [
        "b.yaml:1:1: `lists:` stands in two files"
    ]

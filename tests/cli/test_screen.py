"""`kycrisk screen`."""

import csv
import io
import json

import polars as pl
import pytest

from kycrisk.decision_json import decision_from_json
from tests.cli.conftest import HEAD, SIGNUP

FLAGS = ["--email", "ann@example.com", "--ip", "192.0.2.1"]
ROWS = (
    HEAD
    + "a-1,ann@example.com,192.0.2.1,,small,2026-11-16T08:00:00Z\n"
    + "a-2,bob@example.net,192.0.2.2,Acme,small,2026-11-16T08:01:00Z\n"
    + "a-3,eve@example.net,192.0.2.3,Acme,large,2026-11-16T08:02:00Z\n"
)


def outcomes(jsonl):
    return [(each.account_id, each.outcome.word) for each in map(decision_from_json, jsonl.splitlines())]


def test_one_by_flags(run):
    found = run("screen", *FLAGS, "--company", "Acme", "--attribute", "plan=small", "--account-id", "a-9")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == (
        "review  a-9  score 45\n"
        "    not settled: between review and deny, score 45 to 45\n"
        "    +45  Acme is a company [company]\n"
        "    1 rule could not be judged, because:\n"
        "      no history of earlier signups (domain-again)\n"
        "      not judged: domain-again\n"
    )


def test_many_from_csv(run):
    run.write("in.csv", ROWS)
    found = run("screen", "in.csv", "--history", "input")
    assert (found.exit_code, found.stderr) == (0, "")
    decisions, summary = found.stdout.split("\n3 signups, ")
    assert decisions == (
        "allow   a-1  score 0\n"
        "\n"
        "review  a-2  score 45\n"
        "    +45  Acme is a company [company]\n"
        "\n"
        "deny    a-3  score 75\n"
        "    +45  Acme is a company [company]\n"
        "    +30  the plan is large [large-plan]\n"
        "    at least deny  example.net was here before [domain-again]\n"
    )
    assert summary.split("\n", 1)[1] == (
        "  allow             1  ██████████████████████████████\n"
        "  review            1  ██████████████████████████████\n"
        "  verify            0\n"
        "  deny              1  ██████████████████████████████\n"
        "\n"
        "Rules that hit most\n"
        "        2  A company signs up (+45) [company]\n"
        "        1  A large plan is ordered (+30) [large-plan]\n"
        "        1  The mail domain was here before (at least deny) [domain-again]\n"
    )


def test_an_account_of_the_input_does_not_count_itself(run):
    twice = ROWS.replace("a-3,eve@example.net", "a-2,bob@example.net")
    run.write("in.csv", twice)
    found = run("screen", "in.csv", "--format", "jsonl", "--history", "input")
    assert outcomes(found.stdout) == [("a-1", "allow"), ("a-2", "review"), ("a-2", "verify")]


def test_one_person_at_one_address_is_counted_in_the_input(run):
    rules = run.folder / "rules" / "policy.yaml"
    text = rules.read_text().replace('signups(email.domain, "1h")', 'signups(name_address, "1h")')
    rules.write_text(text.replace('"{email.domain} was here before"', '"known by name and address"'))
    signup = {**SIGNUP, "submitted_at": "2026-11-16T08:00:00Z", "first_name": "Anna"}
    rows = [
        {**signup, "account_id": account, "last_name": name, "address": {"lines": lines, "postal_code": "3011"}}
        for account, name, lines in [
            ("a-1", "Müller", "Hauptstraße 12a"),
            ("a-2", "Müller", "Hauptstraße 14"),
            ("a-3", "Mueller", "Hauptstr. 12 A"),
        ]
    ]
    run.write("in.jsonl", "\n".join(map(json.dumps, rows)))
    found = run("screen", "in.jsonl", "--format", "jsonl", "--history", "input")
    assert outcomes(found.stdout) == [("a-1", "allow"), ("a-2", "allow"), ("a-3", "deny")]


def test_without_history_velocity_is_unknown(run):
    run.write("in.csv", ROWS)
    found = run("screen", "in.csv", "--format", "jsonl")
    assert outcomes(found.stdout) == [("a-1", "allow"), ("a-2", "review"), ("a-3", "verify")]
    assert [decision_from_json(line).settled for line in found.stdout.splitlines()] == [False, False, False]


def parquet(run, name):
    frame = pl.read_csv(io.StringIO(ROWS)).with_columns(pl.col("submitted_at").cast(pl.Utf8))
    frame.with_columns(pl.col("submitted_at").str.to_datetime(time_zone="UTC")).write_parquet(run.folder / name)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet", "stdin"])
def test_every_kind_of_input_gives_the_same(run, kind):
    rows = list(csv.DictReader(io.StringIO(ROWS)))
    raw = [{"attributes": {"plan": row.pop("attributes.plan")}, **row} for row in rows]
    stdin, name = None, f"in.{kind}"
    match kind:
        case "csv":
            run.write(name, ROWS)
        case "jsonl":
            run.write(name, "\n".join(map(json.dumps, raw)))
        case "json":
            run.write(name, json.dumps(raw))
        case "parquet":
            parquet(run, name)
        case "stdin":
            stdin, name = ROWS, "-"
    found = run("screen", name, "--format", "jsonl", "--history", "input", stdin=stdin)
    assert (found.exit_code, found.stderr) == (0, "")
    assert outcomes(found.stdout) == [("a-1", "allow"), ("a-2", "review"), ("a-3", "deny")]


@pytest.mark.parametrize(
    "stdin",
    [json.dumps(SIGNUP), json.dumps(SIGNUP, indent=2), "\ufeff" + json.dumps(SIGNUP)],
    ids=["one line", "indented", "with a BOM"],
)
def test_one_from_standard_input(run, stdin):
    found = run("screen", "-", "--format", "json", stdin=stdin)
    assert (found.exit_code, json.loads(found.stdout)["account_id"]) == (0, "a-1")


def test_a_single_json_decision_reads_back(run):
    found = run("screen", *FLAGS, "--format", "json")
    assert found.stdout.startswith('{\n  "format": "kycrisk.decision/1",\n')
    assert decision_from_json(found.stdout).account_id == "command-line"


def test_many_as_json_are_a_list(run):
    run.write("in.csv", ROWS)
    assert [each["account_id"] for each in json.loads(run("screen", "in.csv", "-f", "json").stdout)] == [
        "a-1",
        "a-2",
        "a-3",
    ]
    run.write("none.csv", HEAD)
    assert json.loads(run("screen", "none.csv", "-f", "json").stdout) == []


def test_csv_output(run):
    run.write("in.csv", ROWS)
    [first, *_] = found = list(csv.DictReader(io.StringIO(run("screen", "in.csv", "-f", "csv").stdout)))
    assert [(row["account_id"], row["outcome"], row["rules_hit"]) for row in found] == [
        ("a-1", "allow", ""),
        ("a-2", "review", "company"),
        ("a-3", "verify", "company large-plan"),
    ]
    assert (first["settled"], first["highest_outcome"], first["rules_not_judged"]) == ("false", "deny", "domain-again")


@pytest.mark.parametrize(
    ("name", "starts"),
    [("out.jsonl", '{"format":'), ("out.json", "[\n{"), ("out.csv", "account_id,outcome,"), ("out.txt", "allow   a-1")],
)
def test_output_file_and_its_format(run, name, starts):
    run.write("in.csv", ROWS)
    found = run("screen", "in.csv", "--output", name)
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", f"3 decisions written to {name}\n")
    assert (run.folder / name).read_text().startswith(starts)


GOOD = "a-2,bob@example.net,192.0.2.2,,small,2026-11-16T08:01:00Z\n"


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        pytest.param(
            "a-1,ann@example.com,nonsense,,small,\n",
            ["in.csv:2: ip: `nonsense` is not an IP address"],
            id="no address",
        ),
        pytest.param(
            "a-1,,192.0.2.1,,small,\n",
            ["in.csv:2: email: is missing", "help: every signup has `account_id`, `email`, `ip`"],
            id="no e-mail",
        ),
        pytest.param(
            ",,fe80::1%eth0,,small,yesterday\n",
            [
                "in.csv:2: account_id: is missing",
                "in.csv:2: email: is missing",
                "in.csv:2: ip: ",
                "in.csv:2: submitted_at: ",
            ],
            id="everything at once",
        ),
        pytest.param("a-1,ann@example.com\n", ["in.csv:2: has 2 cells, the header names 6 columns"], id="short row"),
        pytest.param(
            b"a-1,ann@example.com,192.0.2.1,M\xfcller,small,\n",
            ["in.csv:2: is not text in UTF-8"],
            id="Latin-1",
        ),
    ],
)
def test_a_bad_row_is_reported_and_the_others_go_on(run, row, messages):
    row = row.encode() if isinstance(row, str) else row
    run.write("in.csv", HEAD.encode() + row + GOOD.encode())
    found = run("screen", "in.csv", "--format", "jsonl")
    assert found.exit_code == 1
    assert outcomes(found.stdout) == [("a-2", "allow")]
    assert [message for message in messages if message not in found.stderr] == []
    assert found.stderr.endswith("1 of 2 rows was refused\n")


def test_line_numbers_count_line_ends_inside_quotes(run):
    run.write("in.csv", HEAD + 'a-1,ann@example.com,192.0.2.1,"one\r\ntwo",small,\n' + "a-2,,192.0.2.2,,small,\n")
    assert "in.csv:4: email: is missing" in run("screen", "in.csv", "-f", "jsonl").stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param([], 0, id="flagged signups are results"),
        pytest.param(["--fail-on", "verify"], 1, id="when asked, an outcome fails"),
        pytest.param(["--fail-on", "deny"], 0, id="a lesser outcome does not"),
    ],
)
def test_exit_codes(run, arguments, code):
    run.write("in.csv", ROWS)
    assert run("screen", "in.csv", *arguments).exit_code == code


def test_a_refused_signup_of_flags(run):
    found = run("screen", "--ip", "nonsense", "--attribute", "seats=many", "--attribute", "plna=x")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == (
        "email: is missing\n"
        "help: every signup has `account_id`, `email`, `ip`\n"
        "ip: `nonsense` is not an IP address\n"
        "attributes.seats: `many` is not a whole number\n"
        "attributes.plna: unknown attribute\n"
        "help: did you mean `plan`?\n"
    )


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        pytest.param({}, ["in.csv"], "in.csv: cannot be read: no such file or directory", id="missing file"),
        pytest.param({}, ["rules"], "rules: is a folder\nhelp: name a file", id="folder"),
        pytest.param({"in.csv": ""}, ["in.csv"], "in.csv: is empty", id="empty file"),
        pytest.param({"in.json": "{"}, ["in.json"], "in.json:1:2: is not JSON: ", id="half a JSON"),
        pytest.param({"in.json": '{"a": 1, "a": 2}'}, ["in.json"], "in.json: the key `a` is there twice", id="doubled"),
        pytest.param({"in.json": '{"a": NaN}'}, ["in.json"], "in.json: `NaN` is not a number in JSON", id="NaN"),
        pytest.param({"in.parquet": "x"}, ["in.parquet"], "in.parquet: is not a Parquet file", id="not Parquet"),
        pytest.param(
            {"in.csv": "account_id,mail,ip\n"},
            ["in.csv"],
            "in.csv:1: unknown column `mail`\nhelp: did you mean `email`? `--ignore-unknown` leaves such columns out\n",
            id="unknown column",
        ),
        pytest.param(
            {"in.csv": ROWS},
            ["in.csv", "--output", "./in.csv"],
            "kycrisk: `in.csv` is the file that is read\nhelp: name another one for the decisions\n",
            id="output over input",
        ),
        pytest.param(
            {"in.csv": ROWS}, ["in.csv", "--email", "x"], "kycrisk: a signup by flags and a file", id="flags and a file"
        ),
        pytest.param({}, [], "kycrisk: there is no signup to look at\n", id="nothing"),
        pytest.param(
            {}, ["--email", "a@b.example", "--attribute", "plan"], "is not NAME=VALUE", id="half an attribute"
        ),
        pytest.param(
            {}, ["-", "--input-format", "parquet"], "Parquet cannot be read from standard", id="piped Parquet"
        ),
    ],
)
def test_what_cannot_be_screened_ends_with_2(run, files, arguments, message):
    for name, text in files.items():
        run.write(name, text)
    found = run("screen", *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert message in found.stderr
    if "in.csv" in files:
        assert (run.folder / "in.csv").read_text() == files["in.csv"]


def test_a_terminal_is_no_input(run, monkeypatch):
    monkeypatch.setattr("kycrisk.cli.signup_flags.is_terminal", lambda stream: True)
    found = run("screen", "-")
    assert (found.exit_code, "kycrisk: standard input is a terminal\n" in found.stderr) == (2, True)


def test_parquet_needs_polars(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "kycrisk.screening.inputs.parquet", None)
    run.write("in.parquet", "PAR1")
    found = run("screen", "in.parquet")
    assert found.exit_code == 2
    assert found.stderr == 'kycrisk: Parquet files are read with Polars\nhelp: pip install "kycrisk[parquet]"\n'


def test_unknown_columns_may_be_left_out(run):
    run.write("in.csv", "account_id,email,ip,notes\na-1,ann@example.com,192.0.2.1,hello\n")
    assert outcomes(run("screen", "in.csv", "--ignore-unknown", "-f", "jsonl").stdout) == [("a-1", "allow")]


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        pytest.param({}, False, id="no terminal"),
        pytest.param({"FORCE_COLOR": "1"}, True, id="FORCE_COLOR"),
        pytest.param({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, id="NO_COLOR wins"),
    ],
)
def test_colour(run, env, coloured):
    found = run("screen", *FLAGS, env=env)
    assert ("\x1b[32mallow\x1b[0m" in found.stdout) is coloured


def test_coloured_and_plain_lines_break_at_the_same_words(site):
    arguments = ["-c", "samples/kycrisk.yaml", "screen", "samples/signups.csv"]
    plain, coloured = site(*arguments).stdout, site(*arguments, env={"FORCE_COLOR": "1"}).stdout
    bare = __import__("re").sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert bare.split(" signups, ")[0] == plain.split(" signups, ")[0]


def test_nothing_is_wider_than_the_terminal(site):
    found = site("-c", "samples/kycrisk.yaml", "screen", "samples/signups.csv", "--history", "input")
    assert [line for line in found.stdout.splitlines() if len(line) > 80] == []


def test_what_customers_type_cannot_steer_the_terminal(run):
    """Controls are refused in most fields, direction marks are not: they are spelled out."""
    found = run("screen", *FLAGS, "--company", "Acme\u202ezzz", "--account-id", "a\u200b1")
    assert "\u202e" not in found.stdout
    assert "\u200b" not in found.stdout
    assert r"Acme\u202ezzz is a company" in found.stdout
    assert found.stdout.startswith(r"review  a\u200b1  score 45")


def test_the_samples_show_every_outcome(site):
    found = site(
        "--config", "samples/kycrisk.yaml", "screen", "samples/signups.csv", "--history", "input", "-f", "jsonl"
    )
    assert (found.exit_code, found.stderr) == (0, "")
    assert {outcome for _, outcome in outcomes(found.stdout)} == {"allow", "review", "verify", "deny"}
    assert all(decision_from_json(line).settled for line in found.stdout.splitlines())

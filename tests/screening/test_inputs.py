"""Signups from files: what is read, and what is said about what cannot be."""

import io
from pathlib import Path

import pytest

from kycrisk.problems import Problems
from kycrisk.screening.inputs.opening import kind_of, open_file, text_input
from kycrisk.signals import Signal, Subject, Type

PLAN = {"signup.plan": Signal("signup.plan", Type.STR, "Which plan is being ordered?", Subject.SIGNUP)}
HEAD = b"account_id,email,ip\n"


def read(body, kind="", *, ignore_unknown=False):
    return text_input(io.BytesIO(body), "in", kind, PLAN, ignore_unknown=ignore_unknown)


def rows(body, kind="", **options):
    """Every row: its number, and its signup or its problems in words."""
    return [
        (number, str(row) if isinstance(row, Problems) else dict(row))
        for number, row in read(body, kind, **options).rows
    ]


ANN = {"account_id": "1", "email": "ann@example.com", "ip": "192.0.2.1"}
BOB = {"account_id": "2", "email": "bob@example.com", "ip": "192.0.2.2"}
ANN_CSV, BOB_CSV = b"1,ann@example.com,192.0.2.1", b"2,bob@example.com,192.0.2.2"
ANN_JSON = b'{"account_id": "1", "email": "ann@example.com", "ip": "192.0.2.1"}'
BOB_JSON = b'{"account_id": "2", "email": "bob@example.com", "ip": "192.0.2.2"}'


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        pytest.param(HEAD + ANN_CSV + b"\n" + BOB_CSV + b"\n", "csv", [(2, ANN), (3, BOB)], id="csv"),
        pytest.param(HEAD + ANN_CSV, "csv", [(2, ANN)], id="csv without a last line end"),
        pytest.param((HEAD + ANN_CSV + b"\n").replace(b"\n", b"\r\n"), "csv", [(2, ANN)], id="csv with CRLF"),
        pytest.param(b"\xef\xbb\xbf" + HEAD + ANN_CSV, "csv", [(2, ANN)], id="csv with a BOM"),
        pytest.param(b'"account_id", email ,ip\n' + ANN_CSV, "csv", [(2, ANN)], id="csv with blanks in its header"),
        pytest.param((HEAD + ANN_CSV).replace(b",", b";"), "csv", [(2, ANN)], id="csv with semicolons"),
        pytest.param((HEAD + ANN_CSV).replace(b",", b"\t"), "csv", [(2, ANN)], id="csv with tabs"),
        pytest.param(HEAD + b"\n" + ANN_CSV + b"\n\n", "csv", [(3, ANN)], id="csv with blank lines"),
        pytest.param(HEAD, "csv", [], id="csv with a header alone"),
        pytest.param(
            b'account_id,company,email,ip\n1,"one\ntwo",a@example.com,192.0.2.1\n2,x\n',
            "csv",
            [
                (2, {"account_id": "1", "company": "one\ntwo", "email": "a@example.com", "ip": "192.0.2.1"}),
                (4, "has 2 cells, the header names 4 columns"),
            ],
            id="csv with a line end inside quotes",
        ),
        pytest.param(
            HEAD + b"1,ann@example.com\n" + BOB_CSV,
            "csv",
            [(2, "has 2 cells, the header names 3 columns"), (3, BOB)],
            id="csv with a short row",
        ),
        pytest.param(
            HEAD + b"1,a,b,c\n" + BOB_CSV,
            "csv",
            [(2, "has 4 cells, the header names 3 columns"), (3, BOB)],
            id="csv with a long row",
        ),
        pytest.param(
            HEAD + b"1,J\xfcrg@example.com,192.0.2.1\n" + BOB_CSV,
            "csv",
            [(2, "is not text in UTF-8\nhelp: save the table in UTF-8"), (3, BOB)],
            id="csv with a row in Latin-1",
        ),
        pytest.param(
            HEAD + b'1,"a"b,192.0.2.1\n' + BOB_CSV,
            "csv",
            [(2, "a quote inside a quoted value must be doubled"), (3, BOB)],
            id="csv with a stray quote",
        ),
        pytest.param(
            HEAD + b'1,"ann@example.com,192.0.2.1\n' + BOB_CSV + b"\n",
            "csv",
            [(2, "a quote that is opened here is never closed\nhelp: lines 2 to 3 are left out")],
            id="csv with an open quote",
        ),
        pytest.param(
            HEAD + b'1,"' + b"x\n" * 70_000 + BOB_CSV + b"\n",
            "csv",
            None,
            id="csv with an open quote in a large file",
        ),
        pytest.param(ANN_JSON + b"\n\n" + BOB_JSON, "jsonl", [(1, ANN), (3, BOB)], id="json lines"),
        pytest.param(b"\xef\xbb\xbf" + ANN_JSON, "jsonl", [(1, ANN)], id="json lines with a BOM"),
        pytest.param(
            b'{"email": \n' + BOB_JSON,
            "jsonl",
            [(1, "is not JSON at column 1: expecting value"), (2, BOB)],
            id="json lines with half a line",
        ),
        pytest.param(
            b"[1]\nnull",
            "jsonl",
            [
                (1, "expected an object with named fields, got a list"),
                (2, "expected an object with named fields, got null"),
            ],
            id="json lines that are no objects",
        ),
        pytest.param(
            b'{"email": "a", "email": "b"}',
            "jsonl",
            [(1, "the key `email` is there twice")],
            id="json with a key twice",
        ),
        pytest.param(b'{"x": NaN}', "jsonl", [(1, "`NaN` is not a number in JSON")], id="json with NaN"),
        pytest.param(
            b'{"x": -Infinity}', "jsonl", [(1, "`-Infinity` is not a number in JSON")], id="json with infinity"
        ),
        pytest.param(b'{"x": "\xff"}', "jsonl", [(1, "is not text in UTF-8")], id="json that is not UTF-8"),
        pytest.param(b"[" * 100_000, "jsonl", [(1, "is nested too deeply")], id="json nested 100,000 times"),
        pytest.param(
            b'{"x": ' + b"9" * 5000 + b"}",
            "jsonl",
            [(1, "holds a number with too many digits")],
            id="json with a huge number",
        ),
        pytest.param(b"[" + ANN_JSON + b"," + BOB_JSON + b"]", "json", [(1, ANN), (2, BOB)], id="a list"),
        pytest.param(b"[]", "json", [], id="an empty list"),
        pytest.param(ANN_JSON, "", [(1, ANN)], id="unnamed: one object"),
        pytest.param(ANN_JSON.replace(b", ", b",\n"), "", [(1, ANN)], id="unnamed: one object over lines"),
        pytest.param(ANN_JSON + b"\n" + BOB_JSON, "", [(1, ANN), (2, BOB)], id="unnamed: json lines"),
        pytest.param(b"\n[" + ANN_JSON + b"]", "json", [(1, ANN)], id="json behind a blank line"),
        pytest.param(b"[" + ANN_JSON + b"]", "", [(1, ANN)], id="unnamed: a list"),
        pytest.param(HEAD + ANN_CSV, "", [(2, ANN)], id="unnamed: csv"),
    ],
)
def test_rows(body, kind, expected):
    found = rows(body, kind)
    if expected is None:
        [(number, problem), *_] = found
        assert number == 2
        assert problem.startswith("a quote that is opened here is not closed within 128 KB\nhelp: lines 2 to ")
        assert found[-1][1] == BOB
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        pytest.param(b"", "csv", "in: is empty\nhelp: the first line names the columns", id="empty csv"),
        pytest.param(b"", "", "in: is empty", id="empty, unnamed"),
        pytest.param(b" \n", "json", "in: is empty", id="empty json"),
        pytest.param(
            b"account_id,emial,ip\n",
            "csv",
            "in:1: unknown column `emial`\nhelp: did you mean `email`? `--ignore-unknown` leaves such columns out\n"
            "in:1: there is no column `email`\nhelp: every signup has account_id, email and ip",
            id="misspelt column",
        ),
        pytest.param(
            b"account_id,email,ip,country,plan,zzz\n",
            "csv",
            "in:1: unknown column `country`\n"
            "help: did you mean `address.country`? `--ignore-unknown` leaves such columns out\n"
            "in:1: unknown column `plan`\n"
            "help: did you mean `attributes.plan`? `--ignore-unknown` leaves such columns out\n"
            "in:1: unknown column `zzz`\nhelp: `--ignore-unknown` leaves such columns out",
            id="columns under other names",
        ),
        pytest.param(b"account_id,email,ip,ip\n", "csv", "in:1: column `ip` is there twice", id="column twice"),
        pytest.param(b"account_id,email,ip,\n", "csv", "in:1: column 4 has no name", id="column without a name"),
        pytest.param(
            b"1,ann@example.com,192.0.2.1\n",
            "csv",
            "in:1: the first line names no column of a signup\n"
            "help: it should read as `account_id,email,ip,first_name,…`",
            id="no header",
        ),
        pytest.param(
            b'"account_id\n', "csv", "in:1: a quote that is opened here is never closed", id="open quote in the header"
        ),
        pytest.param(
            b"\x1f\x8b\x08",
            "csv",
            "in: is packed with gzip\nhelp: unpack it first: `gunzip -c FILE | kycrisk screen -`",
            id="gzip",
        ),
        pytest.param(
            b"PK\x03\x04", "", "in: is a zip file or a spreadsheet\nhelp: save the table as CSV in UTF-8", id="xlsx"
        ),
        pytest.param(b"\xff\xfea\x00", "csv", "in: is written in UTF-16\nhelp: save it in UTF-8", id="UTF-16"),
        pytest.param(
            b"PAR1",
            "csv",
            "in: is Parquet\nhelp: name a file that ends in `.parquet`, or say `--input-format parquet`",
            id="Parquet",
        ),
        pytest.param(
            b"account_id,\xff\n",
            "csv",
            "in:1: is not text in UTF-8\nhelp: save the table in UTF-8",
            id="header in Latin-1",
        ),
        pytest.param(b'{\n"a": 1,\n}', "json", None, id="json with a mistake"),
    ],
)
def test_what_is_wrong_with_all_of_it(body, kind, message):
    with pytest.raises(Problems) as caught:
        read(body, kind)
    if message is None:  # Python 3.13 words and places this one differently
        assert str(caught.value).startswith(("in:3:1: is not JSON: ", "in:2:7: is not JSON: "))
    else:
        assert str(caught.value) == message


def test_a_line_without_end_is_not_read_into_memory():
    with pytest.raises(Problems, match=r"^in:2: the line has more than 1000000 bytes$"):
        rows(HEAD + b"x" * 3_000_000, "csv")


def test_unknown_columns_are_left_out_when_asked():
    assert rows(b"account_id,email,ip,notes\n" + ANN_CSV + b",hello\n", "csv", ignore_unknown=True) == [(2, ANN)]


def test_declared_attributes_are_columns():
    body = b"account_id,email,ip,attributes.plan\n" + ANN_CSV + b",pro\n"
    assert rows(body, "csv") == [(2, {**ANN, "attributes.plan": "pro"})]


@pytest.mark.parametrize(
    ("body", "kind", "single", "place"),
    [
        (HEAD + ANN_CSV, "csv", False, "in:7"),
        (ANN_JSON, "jsonl", False, "in:7"),
        (b"[" + ANN_JSON + b"]", "json", False, "in: item 7"),
        (ANN_JSON, "json", True, "in"),
    ],
    ids=["csv", "json lines", "list", "one object"],
)
def test_how_rows_are_named(body, kind, single, place):
    given = read(body, kind)
    assert (given.single, given.place(7)) == (single, place)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.CSV", "csv"),
        ("a.tsv", "csv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.json", "json"),
        ("a.parquet", "parquet"),
        ("a.txt", ""),
        ("a", ""),
    ],
)
def test_kind_by_name(name, kind):
    assert kind_of(Path(name)) == kind


def test_a_folder_is_no_input(tmp_path):
    with pytest.raises(Problems, match="is a folder"):
        open_file(tmp_path)


def test_a_missing_file_is_no_input(tmp_path):
    with pytest.raises(Problems, match="cannot be read: no such file or directory"):
        open_file(tmp_path / "none.csv")

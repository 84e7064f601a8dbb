"""Labels in CSV: what is read, and every mistake at once."""

from datetime import UTC, datetime

import pytest

from kycrisk.backtest.label_file import LabelRow, read_labels
from kycrisk.backtest.run import GivenLabels
from kycrisk.problems import Problems

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "\ufeffaccount_id,label,source,at,why\n"
        'a-1,fraud,chargeback,2026-11-20T10:00:00+01:00,"case 7, lost"\n'
        "\n"
        "a-2,legitimate,,2026-11-01,\n"
        "a-3,fraud,,,\n"
    )
    assert read_labels(path, now=NOW) == (
        LabelRow(2, "a-1", "fraud", "chargeback", datetime(2026, 11, 20, 9, tzinfo=UTC), "case 7, lost"),
        LabelRow(4, "a-2", "legitimate", "", datetime(2026, 11, 1, tzinfo=UTC), ""),
        LabelRow(5, "a-3", "fraud", "", None, ""),
    )


WRONG = [
    ("neither label", "account_id,label\na-1,suspicious\na-2,Fraud\n",
     ["L.csv:2: `suspicious` is no label", "L.csv:3: `Fraud` is no label"]),
    ("taken back where nothing can be", "account_id,label\na-1,withdrawn\n", ["L.csv:2: `withdrawn` is no label"]),
    ("unknown columns", "account,label,note\na-1,fraud,x\n",
     ["L.csv:1: unknown column `account`", "L.csv:1: unknown column `note`",
      "L.csv:1: there is no column `account_id`"]),
    ("a column twice", "account_id,label,label\na-1,fraud,fraud\n", ["L.csv:1: a column is named twice"]),
    ("no account", "account_id,label\n,fraud\n", ["L.csv:2: names no account"]),
    ("too few cells", "account_id,label,at\na-1,fraud\n", ["L.csv:2: has 2 cells, the header names 3 columns"]),
    ("a time without a zone", "account_id,label,at\na-1,fraud,2026-11-20T10:00:00\n",
     ["L.csv:2: `2026-11-20T10:00:00` is not a time such as `2026-11-23T10:00:00Z`"]),
    ("a time to come", "account_id,label,at\na-1,fraud,2027-01-01\n", ["L.csv:2: `2027-01-01` is still to come"]),
    ("empty", "", ["L.csv:1: there is no column `account_id`", "L.csv:1: there is no column `label`"]),
    ("a quote that stays open", 'account_id,label\n"a-1,fraud\n', ["L.csv: is no CSV: unexpected end of data"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_files_that_are_refused(tmp_path, monkeypatch, text, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "L.csv").write_text(text)
    with pytest.raises(Problems) as refused:
        read_labels((tmp_path / "L.csv").relative_to(tmp_path), now=NOW)
    assert [str(problem) for problem in refused.value.problems] == told


def test_many_mistakes_are_counted(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("account_id,label\n" + "a,x\n" * 80)
    with pytest.raises(Problems) as refused:
        read_labels(path, now=NOW)
    assert len(refused.value.problems) == 51
    assert str(refused.value.problems[-1]) == f"{path}: 30 more lines are wrong"


def at(day):
    return datetime(2026, 11, day, tzinfo=UTC)


IN_FORCE = [
    ("the later one", [("fraud", at(1)), ("legitimate", at(3))], at(9), "legitimate"),
    ("the later one, in whatever order", [("legitimate", at(3)), ("fraud", at(1))], at(9), "legitimate"),
    ("as it was known", [("fraud", at(1)), ("legitimate", at(3))], at(2), "fraud"),
    ("not known yet", [("fraud", at(3))], at(2), None),
    ("known all along", [("fraud", None)], at(2), "fraud"),
    ("known all along, and then corrected", [("legitimate", at(1)), ("fraud", None)], at(2), "legitimate"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "until", "label"), [row[1:] for row in IN_FORCE], ids=[row[0] for row in IN_FORCE])
def test_which_label_counts(rows, until, label):
    given = GivenLabels(name="x", rows=tuple(LabelRow(2, "a", word, "", moment, "") for word, moment in rows))
    assert given.in_force(until)[0].get("a") == label

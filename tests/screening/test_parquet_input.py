"""Signups from Parquet."""

from datetime import UTC, datetime

import polars as pl
import pytest

from kycrisk.problems import Problems
from kycrisk.screening.inputs.parquet import parquet_input
from kycrisk.signals import Signal, Subject, Type

PLAN = {"signup.plan": Signal("signup.plan", Type.STR, "Which plan is being ordered?", Subject.SIGNUP)}
ANN = {"account_id": "1", "email": "ann@example.com", "ip": "192.0.2.1"}
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def written(path, columns):
    pl.DataFrame(columns).write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param({}, ANN, id="plain"),
        pytest.param({"phone": [None]}, ANN, id="null is not given"),
        pytest.param({"address.country": ["CH"]}, {**ANN, "address": {"country": "CH"}}, id="flat column"),
        pytest.param(
            {"address": [{"country": "CH", "city": None}]}, {**ANN, "address": {"country": "CH"}}, id="nested column"
        ),
        pytest.param({"attributes.plan": ["pro"]}, {**ANN, "attributes": {"plan": "pro"}}, id="attribute"),
        pytest.param({"signup.plan": ["pro"]}, {**ANN, "attributes": {"plan": "pro"}}, id="attribute by its signal"),
        pytest.param({"submitted_at": [AT]}, {**ANN, "submitted_at": AT}, id="time"),
    ],
)
def test_rows(tmp_path, columns, expected):
    path = written(tmp_path / "in.parquet", {name: [value] for name, value in ANN.items()} | columns)
    given = parquet_input(path, PLAN)
    assert list(given.rows) == [(1, expected)]
    assert (given.place(1), given.size, given.position()) == (f"{path}: row 1", 1, 1)


def test_rows_beyond_one_slice(tmp_path):
    number = 45_000
    columns = {name: [value] * number for name, value in ANN.items()} | {"account_id": list(map(str, range(number)))}
    given = parquet_input(written(tmp_path / "in.parquet", columns), PLAN)
    assert [(at, row["account_id"]) for at, row in given.rows] == [(at + 1, str(at)) for at in range(number)]


def test_unknown_columns(tmp_path):
    path = written(tmp_path / "in.parquet", {name: [value] for name, value in ANN.items()} | {"emial": ["x"]})
    with pytest.raises(Problems, match="unknown column `emial`"):
        parquet_input(path, PLAN)
    assert list(parquet_input(path, PLAN, ignore_unknown=True).rows) == [(1, ANN)]


def test_not_parquet(tmp_path):
    path = tmp_path / "in.parquet"
    path.write_bytes(b"account_id,email,ip\n")
    with pytest.raises(Problems, match="is not a Parquet file that can be read"):
        parquet_input(path, PLAN)


def test_cut_off(tmp_path):
    path = written(tmp_path / "in.parquet", {name: [value] for name, value in ANN.items()})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Problems, match="is not a Parquet file that can be read"):
        parquet_input(path, PLAN)

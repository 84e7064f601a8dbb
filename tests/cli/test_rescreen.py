"""`kycrisk rescreen` as people see it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from kycrisk.cli import app
from tests.rescreening.files import write_facts
from tests.rescreening.making import fill, write_lists, write_site
from tests.store.making import Clock


@pytest.fixture
def folder(tmp_path):
    return write_site(tmp_path / "site")


def run(folder, *arguments, code=0):
    found = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, ["-c", str(folder), "rescreen", *arguments])
    assert found.exit_code == code, found.output
    return found


def test_the_store_dry_and_for_good(folder):
    url = f"sqlite:///{folder}/.kycrisk/store.db"
    asyncio.run(fill(folder, url, 12, Clock(datetime.now(UTC) - timedelta(days=3))))
    write_lists(folder, throwaway=("d3.example",))
    dry = run(folder, "--dry-run")
    assert dry.stdout.splitlines()[:3] == [
        "before, after           allow       review       verify         deny",
        "allow                       8            0            1            0",
        "review                      0            3            0            0",
    ]
    assert "            1          0  throwaway" in dry.stdout
    assert "a-3  allow → verify, score 70\n    +70: d3.example is thrown away" in dry.stdout
    told = json.loads(run(folder, "--format", "json", "--by", "ada").stdout)
    assert told["summary"]["news"] == 1
    page = (folder / ".kycrisk/rescreening/store-1/report.html").read_text()
    assert "<b>a-3</b> allow → verify, score 70<ul><li>+70: d3.example is thrown away</li></ul>" in page
    assert "<title>allow → verify: 1</title>" in page
    again = json.loads(run(folder, "--format", "json").stdout)
    assert again["summary"]["ways"] == {"allow>allow": 8, "review>review": 3, "verify>verify": 1}


def test_files_with_a_report_of_their_own(folder, tmp_path):
    path, out = write_facts(tmp_path / "facts.parquet", 50), tmp_path / "run"
    found = run(folder, str(path), "--out", str(out), "--rows", "20", "--report", str(tmp_path / "report.html"))
    assert 'not asked: signups(ip.address, "1h"): no file tells it' in found.stderr
    assert f"report: {tmp_path}" in found.stderr or "report: " in found.stderr
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600
    assert len(list((out / "parts").iterdir())) == 3
    twice = run(folder, str(path), "--out", str(out), "--rows", "20")
    assert f"{out.name} is finished: this is its report" in twice.stderr
    assert twice.stdout == found.stdout
    other = run(folder, str(path), "--out", str(out), "--rows", "30", code=2)
    assert "holds a run of other files or options" in other.stderr


WRONG = {
    "an engine for the store": (["--engine", "dask"], "--out, --engine and --cluster are for files"),
    "a cluster of nobody": (["facts.parquet", "--cluster", "tcp://x:1"], "the local engine has no cluster"),
    "no such file": (["gone.parquet"], "gone.parquet: cannot be read: no such file or directory"),
    "no store": ([], "there is no store at"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_said(folder, name):
    arguments, message = WRONG[name]
    (folder / ".kycrisk").mkdir()
    (folder / ".kycrisk/site.key").write_text("ab" * 32)
    assert message in run(folder, *arguments, code=2).stderr

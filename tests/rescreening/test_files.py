"""Files of accounts screened again: every row once, whatever is wrong is named, and a run goes on where it stopped."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from kycrisk.cli import app
from kycrisk.decision import Exemption
from kycrisk.problems import Problems
from kycrisk.rescreening.engines.engine import Screened
from kycrisk.rescreening.engines.local import LocalEngine
from kycrisk.rescreening.files import check_run, go_on, run_of
from kycrisk.rescreening.run_folder import Plan
from kycrisk.screening.exemptions import Exempted, Exemptions
from kycrisk.screening.site import read_site
from tests.rescreening.files import write_facts, write_signups
from tests.rescreening.making import settings_of, signup, write_lists, write_site
from tests.store.making import NOW

ROOT = Path(__file__).resolve().parents[2]
THOROUGH = os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak")


@pytest.fixture
def folder(tmp_path):
    return write_site(tmp_path / "site")


def site_of(folder):
    return read_site(settings_of(folder, "sqlite:///unused.db"))


def screened(folder, paths, out, *, rows=100, dry_run=False, site=None):
    """A run to its end: its summary, and the results of all its slices."""
    run = run_of(
        Plan(paths=tuple(paths), dry_run=dry_run, rows=rows), site or site_of(folder), NOW, out=out, anew=False
    )
    try:
        gaps = check_run(run)
        go_on(run, LocalEngine())
        results = pl.concat([pl.read_parquet(run.part(each.number)) for each in run.slices])
        return run.summary(), results, gaps
    finally:
        run.close()


def test_facts_and_signups_come_out_row_by_row(folder, tmp_path):
    paths = write_facts(tmp_path / "facts.parquet", 250), write_signups(tmp_path / "signups.parquet", 110)
    summary, results, gaps = screened(folder, paths, tmp_path / "run")
    assert results["account_id"].to_list() == [f"a-{n}" for n in range(250)] + [f"a-{n}" for n in range(110)]
    assert results["row"].to_list() == [*range(1, 251), *range(1, 111)]
    assert (summary.rows, summary.screened, summary.refused) == (360, 350, 10)
    signups = results[250:].filter(pl.col("refused").is_null())
    # thrown away: every seventh; from an exit: every fifth; more than 100 seats: the last nine
    for row in signups.iter_rows(named=True):
        number = row["row"] - 1
        score = (number % 7 == 0) * 70 + (number % 5 == 0) * 45 + (number > 100) * 20
        assert (row["score"], row["outcome"]) == (
            score,
            "verify" if score >= 70 else "review" if score >= 40 else "allow",
        )
        assert row["news"] == (row["outcome"] != "allow")
    assert results[250]["refused"][0] == "ip: `nonsense` is not an IP address"
    assert [each.place for each in summary.refusals[:2]] == ["signups.parquet: row 1", "signups.parquet: row 12"]
    [told] = signups.filter(pl.col("account_id") == "a-35").to_dicts()
    assert told["why"] == ["+70: trash.example is thrown away", "+45: 203.0.113.35 is an exit"]
    assert told["gained"] == ["exit", "throwaway"]
    assert gaps == ['signups(ip.address, "1h"): no file tells it']


def test_a_dry_run_keeps_who_would_change(folder, tmp_path):
    path = write_facts(tmp_path / "facts.parquet", 250)
    summary, everyone, _ = screened(folder, [path], tmp_path / "all")
    again, changed, _ = screened(folder, [path], tmp_path / "dry", dry_run=True)
    assert again == summary
    assert changed.equals(everyone.filter("news"))
    assert 0 < changed.height == summary.news < 250


@pytest.mark.parametrize(
    ("kind", "key"),
    [("account", "a-35"), ("domain", "trash.example"), ("email", "u35@trash.example"), ("ip", "203.0.113.35/32")],
)
def test_exemptions_of_the_site_count(folder, tmp_path, kind, key):
    path = write_signups(tmp_path / "signups.parquet", 50)
    exemption = Exemption("throwaway", f"{kind} {key}", NOW + timedelta(days=1), "Ada")
    found = site_of(folder)
    exempted = Exempted(exemption, kind, ip_network(key) if kind == "ip" else key)
    object.__setattr__(found, "exemptions", Exemptions([exempted]))
    _, results, _ = screened(folder, [path], tmp_path / "run", site=found)
    scores = dict(results.filter(pl.col("refused").is_null()).select("account_id", "score").rows())
    assert scores["a-35"] == 45  # an exit; its mailbox is forgiven
    assert scores["a-7"] == (0 if kind == "domain" else 70)


BAD = {
    "no account": ({"email.domain": ["a.example"]}, "there is no column `account_id`"),
    "misspelt": ({"account_id": ["a"], "email.domian": ["a.example"]}, "unknown column `email.domian`"),
    "mistyped": ({"account_id": ["a"], "signup.seats": ["many"]}, "column `signup.seats`: expected int, got String"),
    "outcome of another kind": ({"account_id": ["a"], "outcome": [3]}, "column `outcome`: expected outcomes"),
    "no such outcome": ({"account_id": ["a"], "outcome": ["maybe"]}, "`maybe` is no outcome"),
    "nobody": ({"account_id": ["a", None], "email.domain": ["a.example", "b.example"]}, "row 2: there is no account"),
}


@pytest.mark.parametrize("name", BAD)
def test_columns_that_are_wrong_are_named(folder, tmp_path, name):
    columns, message = BAD[name]
    path = tmp_path / "bad.parquet"
    pl.DataFrame(columns).write_parquet(path)
    with pytest.raises(Problems) as caught:
        screened(folder, [path], tmp_path / "run")
    assert message in str(caught.value)
    assert "bad.parquet" in str(caught.value)


def test_files_that_are_none_are_all_named(folder, tmp_path):
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(Problems, match=r"gone.parquet: cannot be read: no such file"):
        screened(folder, [tmp_path / "gone.parquet"], tmp_path / "run")
    with pytest.raises(Problems, match=r"text.parquet: is not a Parquet file"):
        screened(folder, [tmp_path / "text.parquet"], tmp_path / "run")
    path = write_facts(tmp_path / "facts.parquet", 10)  # and the folder can be used after all
    assert screened(folder, [path], tmp_path / "run")[0].rows == 10


def test_accounts_without_evidence_are_counted(folder, tmp_path):
    path = tmp_path / "empty.parquet"
    pl.DataFrame({"account_id": ["a", "b"], "email.domain": ["trash.example", None]}).write_parquet(path)
    summary, results, _ = screened(folder, [path], tmp_path / "run")
    assert (summary.rows, summary.without_evidence, summary.unsettled) == (2, 1, 2)
    assert results["evidence"].to_list() == [True, False]


def test_csv_is_read_like_parquet(folder, tmp_path):
    lines = ["account_id,email,ip,attributes.seats,outcome"]
    lines += [f"{each['account_id']},{each['email']},{each['ip']},{each['attributes']['seats']},allow"
              for each in map(signup, range(1, 40))]  # fmt: skip
    (tmp_path / "accounts.csv").write_text("\n".join(lines) + "\n")
    summary, results, _ = screened(folder, [tmp_path / "accounts.csv"], tmp_path / "run", rows=10)
    assert summary.ways == {"allow>allow": 32, "allow>review": 7}
    assert results["row"].to_list()[-1] == 39
    (tmp_path / "bad.csv").write_text("account_id,email,ip,attributes.seats\na,x@a.example,192.0.2.1,many\n")
    with pytest.raises(
        Problems, match=r"bad.csv: is no CSV file that can be read: conversion from `str` to `i64` failed"
    ):
        screened(folder, [tmp_path / "bad.csv"], tmp_path / "bad")


def test_a_run_goes_on_by_what_it_began_with(folder, tmp_path):
    path, out = write_facts(tmp_path / "facts.parquet", 300), tmp_path / "run"
    undisturbed = screened(folder, [path], tmp_path / "other")
    plan = Plan(paths=(path,), dry_run=False, rows=100)
    run = run_of(plan, site_of(folder), NOW, out=out, anew=False)
    with pytest.raises(Problems, match="another process is working on this run"):
        run_of(plan, site_of(folder), NOW, out=out, anew=False)
    for each, result in LocalEngine().screen(run.pinned, run.digest, run.slices[:1]):
        run.commit(each, result)
    run.close()
    write_lists(folder, throwaway=("mail.example",))  # the site has changed; the run has not
    summary, results, _ = screened(folder, [path], out)
    assert summary == undisturbed[0]
    assert results.equals(undisturbed[1])
    again, results, _ = screened(folder, [path], out)  # it may have been killed before it told this
    assert again == summary
    assert results.equals(undisturbed[1])


DAMAGE = {
    "a list vanished": (lambda run: (run / "pinned/lists/some.list").unlink(), "some.list: has vanished"),
    "a list changed": (lambda run: (run / "pinned/lists/some.list").write_text("y"), "some.list: has changed"),
    "the rules changed": (
        lambda run: (run / "pinned/site.json").write_text((run / "pinned/site.json").read_text() + " "),
        "site.json: is not what this run began with",
    ),
    "results vanished": (lambda run: (run / "parts/00000.parquet").unlink(), "00000.parquet: has vanished or changed"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_vanished_is_named_and_nothing_is_left_out_for_it(folder, tmp_path, name):
    damage, message = DAMAGE[name]
    path, out = write_facts(tmp_path / "facts.parquet", 300), tmp_path / "run"
    lists = folder / ".kycrisk" / "lists"
    lists.mkdir(parents=True)
    (lists / "some.list").write_text("x")
    run = run_of(Plan(paths=(path,), dry_run=False, rows=100), site_of(folder), NOW, out=out, anew=False)
    for each, result in LocalEngine().screen(run.pinned, run.digest, run.slices[:1]):
        run.commit(each, result)
    run.close()
    damage(out)
    with pytest.raises(Problems, match=message):
        screened(folder, [path], out)


def test_a_file_that_changed_is_another_run(folder, tmp_path):
    path, out = write_facts(tmp_path / "facts.parquet", 300), tmp_path / "run"
    run = run_of(Plan(paths=(path,), dry_run=False, rows=100), site_of(folder), NOW, out=out, anew=False)
    write_facts(path, 200)
    with pytest.raises(Problems, match=r"200 rows are there|cannot be read|the file has changed"):
        go_on(run, LocalEngine())
    run.close()
    with pytest.raises(Problems, match="holds a run of other files"):
        screened(folder, [path], out)


class LosingARow(LocalEngine):
    def screen(self, pinned, digest, slices):
        for each, result in super().screen(pinned, digest, slices):
            yield Screened(each, result[1:] if each.number == 1 else result)


class LosingASlice(LocalEngine):
    def screen(self, pinned, digest, slices):
        return (each for each in super().screen(pinned, digest, slices) if each.slice.number != 1)


LOST = {
    "a row": (LosingARow(), r"100 rows of .*facts.parquet went in, 99 came out", 1),
    "a slice": (LosingASlice(), r"300 rows went in, 200 came out", 2),
}


@pytest.mark.parametrize("name", LOST)
def test_what_an_engine_loses_is_noticed_and_made_up_for(folder, tmp_path, name):
    engine, message, done = LOST[name]
    path, out = write_facts(tmp_path / "facts.parquet", 300), tmp_path / "run"
    run = run_of(Plan(paths=(path,), dry_run=False, rows=100), site_of(folder), NOW, out=out, anew=False)

    def to_the_end():
        go_on(run, engine)
        return run.summary()

    with pytest.raises(RuntimeError, match=message):
        to_the_end()
    assert len(run.done()) == done
    run.close()
    assert screened(folder, [path], out)[0] == screened(folder, [path], tmp_path / "other")[0]


def command(folder, path, out, rows):
    options = ["-c", str(folder), "rescreen", str(path), "--out", str(out), "--rows", str(rows), "--format", "json"]
    return [sys.executable, "-m", "kycrisk", *options]


def parts(out):
    return {each.name: each.read_bytes() for each in sorted((out / "parts").iterdir())}


def test_a_full_disk_is_named_and_the_run_goes_on(folder, tmp_path):
    path, out = write_facts(tmp_path / "facts.parquet", 6000), tmp_path / "run"
    line = command(folder, path, out, 3000)[3:]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:  # no file may grow beyond this, as on a disk that is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, before[1]))
        full = CliRunner().invoke(app, line)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full.exit_code == 2, full.output
    assert "00000.parquet: cannot be written: the disk is full" in full.stderr
    assert "0 of 2 slices are done; the same command goes on from there" in full.stderr
    assert parts(out) == {}
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["summary"]["rows"] == 6000
    screened(folder, [path], tmp_path / "other", rows=3000)
    assert parts(out) == parts(tmp_path / "other")


@pytest.mark.heavy
def test_killed_at_any_moment_a_run_gives_the_same_bytes(folder, tmp_path):
    path, chance = write_facts(tmp_path / "facts.parquet", 6000), random.Random(20261125)
    screened(folder, [path], tmp_path / "other", rows=100)
    out, kills = tmp_path / "run", 0
    while True:
        until = len(list(out.glob("done/*.json"))) + chance.randint(1, 6 if THOROUGH else 20)
        with subprocess.Popen(command(folder, path, out, 100), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None and len(list(out.glob("done/*.json"))) < until:
                time.sleep(chance.random() * 0.01)
            process.send_signal(signal.SIGKILL)
            printed = process.stdout.read()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
        assert kills < 200
    assert kills >= 2
    assert json.loads(printed)["summary"]["rows"] == 6000
    assert parts(out) == parts(tmp_path / "other")

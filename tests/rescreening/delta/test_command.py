"""`kycrisk rescreen --changed`, over files of accounts and a site that changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from kycrisk.cli import app
from kycrisk.ruleset.columns.values import packed
from tests.rescreening.making import POLICY, write_lists, write_site


def facts_of(count):
    addresses = [packed(ip_address(f"203.0.113.{number}")) for number in range(count)]
    return pl.DataFrame(
        {
            "account_id": [f"a-{number}" for number in range(count)],
            "email.domain": [f"d{number}.example" for number in range(count)],
            "ip.address": pl.Series(addresses, dtype=pl.Binary),
            "signup.seats": list(range(count)),
            'signups(ip.address, "1h")': [0] * count,
        }
    )


@pytest.fixture
def site(tmp_path):
    folder = write_site(tmp_path / "site", exits=())
    facts_of(100).write_parquet(tmp_path / "accounts.parquet")
    return folder


def run(site, *more):
    arguments = ["--config", str(site / "kycrisk.yaml"), "rescreen", "--changed", str(site.parent / "accounts.parquet")]
    found = CliRunner().invoke(app, [*arguments, "--format", "json", *more])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout.splitlines()[0])


def test_runs_one_after_the_other(site):
    first = run(site)
    assert first["taken_in_because"] == "there was no index"
    assert first["summary"]["news"] == 0

    nothing = run(site)
    assert (nothing["entries"], nothing["accounts_touched"], nothing["summary"]["news"]) == (0, 0, 0)

    write_lists(site, throwaway=("trash.example", "d7.example", "mx.d8.example"), exits=("203.0.113.64/26",))
    listed = run(site)
    assert listed["entries"] == 3
    assert (listed["accounts_touched"], listed["accounts_judged"]) == (37, 37)
    assert listed["summary"]["ways"] == {"allow>review": 36, "allow>verify": 1}
    assert listed["summary"]["gained"] == {"exit": 36, "throwaway": 1}
    assert "d7.example is thrown away" in json.dumps(listed["summary"]["examples"])

    policy = POLICY.replace("score: 45", "score: 39")
    (site / "rules" / "policy.yaml").write_text(policy)
    ruled = run(site)
    assert ruled["rules"] == ["exit"]
    assert ruled["summary"]["ways"] == {"review>allow": 36}

    (site / "rules" / "policy.yaml").write_text(policy.replace("score: 39", "score: 38"))
    moved = run(site)
    assert (moved["accounts_moved"], moved["accounts_judged"], moved["summary"]["news"]) == (36, 0, 0)

    exempt = 'exemptions:\n  - {rule: throwaway, domain: d7.example, until: "2099-01-01", by: Ada, reason: known}\n'
    (site / "exemptions.yaml").write_text(exempt)
    exempted = run(site)
    assert exempted["accounts_exempted"] == 1
    assert exempted["summary"]["ways"] == {"verify>allow": 1}


def test_a_fact_counts_until_its_moment(site, monkeypatch):
    moments = pl.Series([datetime(2030, 1, 1, tzinfo=UTC)] * 2 + [None] * 98, dtype=pl.Datetime("us", "UTC"))
    facts = facts_of(100).with_columns(pl.lit(101).alias("signup.seats"), moments.alias("until signup.seats"))
    facts.write_parquet(site.parent / "accounts.parquet")
    (site / "rules" / "policy.yaml").write_text(POLICY.replace("score: 20", "score: 75"))
    assert run(site)["summary"]["ways"] == {"none>verify": 100}
    assert run(site)["accounts_expired"] == 0
    monkeypatch.setattr("kycrisk.screening.desk.now_utc", lambda: datetime(2031, 1, 1, tzinfo=UTC))
    told = run(site)
    assert (told["accounts_expired"], told["summary"]["ways"]) == (2, {"verify>allow": 2})
    again = run(site)
    assert (again["accounts"], again["accounts_expired"], again["summary"]["news"]) == (100, 0, 0)


def test_what_a_list_said_once_does_not_stand(site):
    said = facts_of(100).with_columns(pl.lit(True).alias('email.domain in list("throwaway")'))
    said.write_parquet(site.parent / "accounts.parquet")
    assert run(site)["summary"]["news"] == 0
    write_lists(site, throwaway=("d7.example",), exits=())
    assert run(site)["summary"]["ways"] == {"allow>verify": 1}


def test_a_dry_run_remembers_nothing(site):
    run(site)
    write_lists(site, throwaway=("d7.example",), exits=())
    told = [run(site, "--dry-run")["summary"]["news"], run(site)["summary"]["news"], run(site)["summary"]["news"]]
    assert told == [1, 1, 0]


def test_files_that_changed_are_taken_in_anew_and_compared_with_what_stood(site):
    run(site)
    write_lists(site, throwaway=("d7.example",), exits=())
    facts_of(120).write_parquet(site.parent / "accounts.parquet")
    told = run(site)
    assert told["taken_in_because"] == "the files have changed, or what rules read of them"
    assert (told["accounts"], told["summary"]["ways"]) == (120, {"allow>verify": 1})


def test_an_index_of_another_version_is_made_anew(site):
    folder = run(site)["index"]
    path = Path(folder) / "index.json"
    path.write_text(path.read_text().replace("kycrisk.accounts.index/1", "kycrisk.accounts.index/0"))
    assert run(site)["taken_in_because"].endswith("is an index of another version")
    assert run(site)["taken_in_because"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["rescreen", "--changed", "--anew"], "do not go with --changed", id="beginning anew"),
        pytest.param(["rescreen", "--changed", "--ask", "x.parquet"], "do not go with --changed", id="asking sources"),
        pytest.param(["rescreen", "--changed", "x.parquet"], "is not a Parquet file that can be read", id="no file"),
    ],
)
def test_what_is_refused(site, arguments, message):
    found = CliRunner().invoke(app, ["--config", str(site / "kycrisk.yaml"), *arguments])
    assert found.exit_code == 2
    assert message in found.output

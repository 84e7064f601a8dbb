"""A store screened again where something changed, on both databases: the same decisions as a full run makes."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from kycrisk.cli import app
from kycrisk.rescreening.delta.store import rescreen_store_changes
from tests.rescreening.making import POLICY, fill, filled, rescreener, write_lists, write_site
from tests.store.conftest import clock, opened, postgresql, run, url

__all__ = ["clock", "opened", "postgresql", "run", "url"]


@pytest.fixture
def folder(tmp_path):
    return write_site(tmp_path / "site")


def changes(folder, url, clock, **options):
    async def go():
        async with rescreener(folder, url, clock) as made:
            found = await rescreen_store_changes(made, folder / "index", by="ada", **options)
            full = await made.dry_run()
            seen = await made.store.read(lambda connection: connection.execute(text(DECISIONS)).all())
            return found, full, [tuple(row) for row in seen]

    return asyncio.run(go())


DECISIONS = "SELECT account, outcome FROM decisions WHERE seq > 40 ORDER BY account, seq"


def test_each_run_decides_what_a_full_run_would(folder, url):
    clock = filled(folder, url)
    first, full, decisions = changes(folder, url, clock)
    assert (first.accounts, first.told, first.why, first.looked_at) == (40, None, "there was no index", 0)
    assert (full.news, decisions) == (0, [])

    write_lists(folder, throwaway=("trash.example", "d9.example", "d30.example"), exits=("203.0.113.0/27",))
    dry, full, decisions = changes(folder, url, clock, dry_run=True)
    assert (dry.told.entries, dry.looked_at, full.news, decisions) == (4, 3, 3, [])
    listed, full, decisions = changes(folder, url, clock)
    assert (listed.told.effect.touched, listed.looked_at, listed.summary.news, full.news) == (9, 3, 3, 0)
    assert decisions == [(10, 2), (31, 2), (36, 0)]

    (folder / "rules" / "policy.yaml").write_text(POLICY.replace("score: 45", "score: 39"))
    ruled, full, decisions = changes(folder, url, clock)
    assert (ruled.ahead, ruled.told.rules, ruled.summary.news, full.news) == (3, ("exit",), 6, 0)
    assert len(decisions) == 9

    (folder / "rules" / "policy.yaml").write_text(POLICY.replace("signup.seats > 100", "signup.seats > 37"))
    again, full, _ = changes(folder, url, clock)
    assert (again.told.rules, again.summary.news, full.news) == (("exit", "seats"), 6, 0)


def test_accounts_that_came_or_were_erased_since(folder, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    clock = filled(folder, url, 40)
    changes(folder, url, clock)
    asyncio.run(fill(folder, url, 44, clock))  # forty of them sign up once more

    async def erase():
        async with rescreener(folder, url, clock) as made:
            await made.store.personal_data.erase("a-3", "ada", "asked for")

    asyncio.run(erase())
    write_lists(folder, throwaway=("trash.example", "d42.example", "d3.example"))
    found, full, _ = changes(folder, url, clock)
    assert (found.accounts, found.ahead, found.summary.news) == (43, 44, 1)
    assert (full.news, full.ways["verify>verify"]) == (0, 1)
    assert b"d3.example" not in b"".join(path.read_bytes() for path in (folder / "index").rglob("accounts.arrow"))


def test_a_run_that_dies_before_the_index_is_put_away_does_nothing_twice(folder, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    clock = filled(folder, url)
    changes(folder, url, clock)
    write_lists(folder, throwaway=("trash.example", "d9.example"))

    def dies(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("kycrisk.rescreening.delta.store.save", dies)
        with pytest.raises(KeyboardInterrupt):
            changes(folder, url, clock)
    again, full, decisions = changes(folder, url, clock)
    assert (again.looked_at, again.summary.news, full.news, decisions) == (0, 0, 0, [(10, 2)])


def test_rules_that_count_something_else_take_all_accounts_in_anew(folder, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    clock = filled(folder, url)
    changes(folder, url, clock)
    (folder / "rules" / "policy.yaml").write_text(
        POLICY.replace('signups(ip.address, "1h") >= 3', 'signups(ip.address, "2h") >= 1')
    )
    found, full, _ = changes(folder, url, clock)
    assert found.why == "the rules count something else, or it is an index of something else"
    assert full.news == 0
    assert json.loads((folder / "index/index.json").read_text())["format"] == "kycrisk.accounts.index/1"


def test_the_command(folder, tmp_path, monkeypatch):
    database = f"sqlite:///{tmp_path / 'store.db'}"
    filled(folder, database)
    monkeypatch.setenv("KYCRISK_DATABASE", database)
    arguments = ["--config", str(folder / "kycrisk.yaml"), "rescreen", "--changed", "--by", "ada", "--format", "json"]
    told = []
    for throwaway in (("trash.example",), ("trash.example", "d9.example"), ("d9.example",)):
        write_lists(folder, throwaway=throwaway)
        found = CliRunner().invoke(app, arguments)
        assert found.exit_code == 0, found.output
        told.append(json.loads(found.stdout.splitlines()[0]))
    assert [each["looked_at"] for each in told] == [0, 1, 0]
    assert [each["summary"]["news"] for each in told] == [0, 1, 0]
    assert told[1]["touched"] == "1 of 40 accounts (2.50%)"

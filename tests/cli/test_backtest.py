"""`kycrisk backtest`, `labels` and `archive`, over a real store and over files."""

import asyncio
import json
import shutil

import pytest

from kycrisk.settings import read_settings
from kycrisk.store.sealing import make_site_key
from kycrisk.store.store import Store
from tests.backtest.making import maker
from tests.backtest.test_backtest import NEEDS_MORE, STRICTER
from tests.cli.conftest import Run
from tests.store.making import NOW


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A small folder with a store of twelve decisions, a few of them through Tor."""
    folder, make = tmp_path_factory.mktemp("filled"), maker()
    (folder / "kycrisk.yaml").write_text("rules: new\n")
    (folder / "new").mkdir()
    (folder / "new/policy.yaml").write_text(STRICTER)
    settings = read_settings(folder, environ={})

    async def fill():
        async with await Store.open(settings.database, site_key=make_site_key(settings.site_key)) as store:
            for number in range(12):
                given = {"ip.tor_exit": number % 6 == 1}
                await store.decisions.add(
                    make.screening(f"a-{number}", at=NOW, name=f"user{number}", ip=f"192.0.2.{number % 7}", **given)
                )

    settings.state.mkdir()
    asyncio.run(fill())
    return folder


@pytest.fixture
def kept(filled, tmp_path, monkeypatch):
    """A copy of it."""
    shutil.copytree(filled, tmp_path / "site")
    return Run(monkeypatch, tmp_path / "site")


def test_a_report(kept):
    found = kept("backtest", "--rules", "new")
    assert found.exit_code == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0] == "12 decisions from the store, 2026-11-25 to 2026-11-25"
    assert lines[3] == "8 (66.7 %) keep their outcome, 4 (33.3 %) have another one."
    assert lines[4] == "verify or harder: 0 then, 2 under the new rules."
    assert "allow          10           8         2         ·         ·         ·" in lines
    assert "review          2           ·         ·         2         ·         ·" in lines
    assert (kept.folder / ".kycrisk/archive/manifest.json").exists()


def test_json_html_and_the_picture(kept):
    told = json.loads(kept("backtest", "--rules", "new", "--format", "json").stdout)
    assert (told["decisions"], told["same"], told["flipped"]) == (12, 8, [4, 4])
    assert kept("backtest", "--rules", "new", "-f", "html", "--out", "page.html").stderr == "wrote page.html\n"
    page = (kept.folder / "page.html").read_text()
    assert "<h1>Backtest of 12 decisions</h1>" in page
    assert "<title>allow → review: 2</title>" in page
    assert kept("backtest", "--rules", "new", "-f", "svg").stdout.startswith("<svg ")


def test_labels(kept):
    kept.write("labels.csv", "account_id,label,why\na-1,fraud,a chargeback\na-2,legitimate,\nnobody,fraud,\n")
    imported = kept("labels", "import", "labels.csv", "--source", "chargeback", "--by", "Ann")
    assert (imported.exit_code, imported.stdout) == (1, "2 labels written down\n")
    assert imported.stderr.splitlines() == [
        "1 account was never screened here, or is erased:", "  labels.csv:4: nobody"
    ]  # fmt: skip
    assert kept("labels", "show", "a-1").stdout.endswith("  chargeback, by Ann: a chargeback\n")
    stored = json.loads(kept("backtest", "--rules", "new", "-f", "json").stdout)["labels"]
    given = json.loads(kept("backtest", "--rules", "new", "-f", "json", "--labels", "labels.csv").stdout)["labels"]
    assert (stored["source"], stored["fraud"], stored["legitimate"]) == ("the store", 1, 1)
    assert stored["now"]["precision"] == {"value": [1.0, 1.0], "confidence_95": [0.206549, 1.0]}
    assert (given["source"], given["judged"], given["unknown_accounts"]) == ("labels.csv", 2, 1)
    assert given["now"] == stored["now"]


def test_the_archive_is_brought_in_step(kept):
    first, again = kept("archive", "update"), kept("archive", "update")
    assert first.stdout == "12 decisions added; 12 in 1 segment in .kycrisk/archive\n"
    assert again.stdout == "0 decisions added; 12 in 1 segment in .kycrisk/archive\n"
    assert kept("archive", "update", "--anew").stdout == first.stdout
    elsewhere = kept("archive", "update", env={"KYCRISK_ARCHIVE": str(kept.folder / "copy")})
    assert elsewhere.stdout == "12 decisions added; 12 in 1 segment in copy\n"


def test_ranges(kept):
    kept.write("new/policy.yaml", NEEDS_MORE)
    found = kept("backtest", "--rules", "new").stdout
    assert "?: cannot be told, as the new rules read what was never gathered" in found
    assert "          2  allow → between allow and verify  (as dec_" in found
    assert "         12  ip.vpn  (100.0 %)" in found


WRONG = [
    ("an empty period", ["--since", "2999-01-01"], "begins at 2999-01-01 00:00, after the period has ended"),
    ("no decision in the period", ["--until", "2026-01-01"], "there is no decision in that period in the store"),
    ("no time", ["--since", "yesterday"], "--since: `yesterday` is no time, and no duration"),
    ("no rules", ["--rules", "nowhere"], "nowhere: there is no such folder"),
    ("no labels", ["--labels", "nowhere.csv"], "nowhere.csv: cannot be read: no such file or directory"),
    ("no file", ["nowhere.jsonl"], "nowhere.jsonl: no such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "told"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_refused(kept, arguments, told):
    found = kept("backtest", *arguments)
    assert found.exit_code == 2
    assert told in found.stderr


def test_rules_that_do_not_load_are_told_of_all_at_once(kept):
    kept.write("new/policy.yaml", STRICTER.replace("ip.tor_exit", "ip.tor_exi").replace("score: 80", "scoer: 80"))
    found = kept("backtest", "--rules", "new")
    assert found.exit_code == 2
    assert "unknown signal `ip.tor_exi`" in found.stderr
    assert "scoer" in found.stderr

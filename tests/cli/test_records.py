"""`kycrisk accounts`, `audit` and `store`, over a real store."""

import asyncio
import json
import subprocess
import sys

import pytest
from sqlalchemy import text

from kycrisk.screening.desk import now_utc
from kycrisk.settings import read_settings
from kycrisk.store.sealing import read_site_key
from kycrisk.store.store import Store
from kycrisk.store.upgrade import newest
from kycrisk.verification.bureau import Bureau
from kycrisk.verification.practice.server import Answer, PracticeServer
from kycrisk.verification.state import Trigger
from tests.store.making import Maker, read_rules


@pytest.fixture
def kept(site, tmp_path):
    """A folder with a store that holds decisions about Jane and Joe. Runs what is asked of the store."""
    assert site("store", "upgrade").exit_code == 0
    settings = read_settings(site.folder)
    (tmp_path / "rules-of-the-store").mkdir()
    make = Maker(read_rules(tmp_path / "rules-of-the-store"))

    def ask(question):
        async def go():
            async with await Store.open(settings.database, site_key=read_site_key(settings.site_key)) as store:
                return await question(store)

        return asyncio.run(go())

    async def fill(store):
        for name in ("jane", "joe"):
            await store.decisions.add(make.screening(f"acct-{name}", name=name))

    ask(fill)
    return ask


def test_the_tables_and_the_key_are_made_once(site):
    made, again = site("store", "upgrade"), site("store", "upgrade")
    assert (made.exit_code, again.exit_code) == (0, 0)
    assert made.stdout.splitlines()[-1] == f"made tables of version {newest()}"
    assert "site.key; keep a copy apart from the database" in made.stdout
    assert again.stdout == f"the tables are of version {newest()} already\n"
    assert (site.folder / ".kycrisk/site.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments", [("audit", "verify"), ("accounts", "export", "a-1"), ("accounts", "find", "--ip", "::1")]
)
def test_without_a_store(site, arguments):
    found = site(*arguments)
    assert found.exit_code == 2
    assert "there is no store at " in found.stderr
    assert "help: `kycrisk store upgrade` makes one" in found.stderr


def test_a_lost_key_is_told_before_anything_is_made(site):
    site("store", "upgrade")
    (site.folder / ".kycrisk/site.key").unlink()
    for arguments in (("store", "upgrade"), ("audit", "verify")):
        found = site(*arguments)
        assert (found.exit_code, "the site key cannot be read" in found.stderr) == (2, True)
    assert not (site.folder / ".kycrisk/site.key").exists()


def test_a_chain_that_holds_and_one_that_does_not(site, kept):
    found = site("audit", "verify")
    holds, expect = found.stdout.splitlines()
    assert (found.exit_code, holds) == (0, "holds  2 rows")
    expected = expect.removeprefix("expect ")
    assert site("audit", "verify", "--expect", expected).exit_code == 0
    other = site("audit", "verify", "--expect", "2:" + "0" * 64)
    assert (other.exit_code, other.stdout.splitlines()[0]) == (
        1,
        "broken  row 2: it is not the row that was expected, so the log was written anew",
    )
    assert site("audit", "verify", "--expect", "two").exit_code == 2

    async def tamper(store):
        for statement in ("DROP TRIGGER audit_unchanged", "UPDATE audit SET actor = 'me' WHERE seq = 1"):
            await store.write(lambda tx, statement=statement: tx.connection.execute(text(statement)))

    kept(tamper)
    found = site("audit", "verify")
    assert (found.exit_code, found.stdout) == (
        1,
        "broken  row 1: its content does not match its hash\n0 rows before it hold\n",
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(("--email", "Jane@EXAMPLE.com"), (0, "acct-jane\n"), id="email-in-another-spelling"),
        pytest.param(("--ip", "192.0.2.7"), (0, "acct-jane\nacct-joe\n"), id="both-from-one-address"),
        pytest.param(("--phone", "+41446681800"), (1, ""), id="nobody"),
        pytest.param(("--ip", "nonsense"), (2, ""), id="no-address"),
        pytest.param((), (2, ""), id="nothing-asked"),
        pytest.param(("--ip", "::1", "--phone", "1"), (2, ""), id="two-things-asked"),
    ],
)
def test_people_are_found_by_what_they_gave(site, kept, arguments, expected):
    found = site("accounts", "find", *arguments)
    assert (found.exit_code, found.stdout) == expected


def test_an_export_goes_to_a_private_file(site, kept, tmp_path):
    found = site("accounts", "export", "acct-jane", "--by", "ann", "-o", str(tmp_path / "jane.json"))
    assert (found.exit_code, found.stdout) == (0, "")
    assert (tmp_path / "jane.json").stat().st_mode & 0o777 == 0o600
    told = json.loads((tmp_path / "jane.json").read_text())
    assert (told["document"]["account_id"], len(told["document"]["decisions"]), len(told["proof"])) == (
        "acct-jane",
        1,
        64,
    )
    rows = kept(lambda store: store.audit.page())
    assert [(row.actor, row.action) for row in rows.items][-1] == ("ann", "account.exported")
    missing = site("accounts", "export", "nobody", "--by", "ann")
    assert (missing.exit_code, missing.stderr) == (2, "kycrisk: there is no account `nobody`\n")


def test_an_erasure_wants_a_yes_and_a_reason(site, kept):
    unasked = site("accounts", "erase", "acct-jane", "--why", "asked")
    assert (unasked.exit_code, "say --yes" in unasked.stderr) == (2, True)
    assert site("accounts", "erase", "acct-jane", "--yes").exit_code == 2
    done = site("accounts", "erase", "acct-jane", "--why", "asked", "--yes", "--by", "ann")
    told = json.loads(done.stdout)["document"]
    assert (done.exit_code, told["by"], told["why"], len(told["decisions"])) == (0, "ann", "asked", 1)
    again = site("accounts", "erase", "acct-jane", "--why", "asked", "--yes", "--by", "ann")
    assert (again.exit_code, "was erased on" in again.stderr) == (2, True)
    assert site("audit", "verify").exit_code == 0


class Panel(PracticeServer):
    """A panel that is told by signed messages what to hold back and what to let go."""

    def answer(self, asked):
        return Answer(200, {"was": "active"})

    @property
    def told(self):
        heard = [json.loads(each.body) for each in self.asked]
        return [(each["type"], each["data"]["account_id"], each["data"]["kind"]) for each in heard]


HELD = [("hold.placed", "acct-jane", kind) for kind in ("services", "refunds")]
FREED = [("hold.lifted", "acct-jane", kind) for kind in ("services", "refunds")]


@pytest.fixture
def panel(site, kept):
    """A panel that holds Jane back, after an abuse report."""
    with Panel() as server:
        panel = f'{{kind: webhook, url: "{server.url}", secret: c2VjcmV0LW9mLXRoZS1wYW5lbA==, allow_private: true}}'
        settings = site.folder / "kycrisk.yaml"
        settings.write_text(f"{settings.read_text()}\nverification: {{policy: hostkey, panel: {panel}}}\n")

        async def hold(store):
            read = read_settings(site.folder)
            bureau = Bureau(read, store, read_site_key(read.site_key), now_utc)
            await bureau.cases.open("acct-jane", Trigger.ABUSE_EVENT, actor="tests", reference="dmca-1")
            await bureau.errands.run_all()
            await bureau.aclose()

        kept(hold)
        yield server


ERASE = ("accounts", "erase", "acct-jane", "--why", "asked", "--yes", "--by", "ann")


def test_an_erasure_has_the_panel_let_go_first(site, panel):
    done = site(*ERASE)
    assert (done.exit_code, done.stderr) == (0, "")
    assert panel.told == [*HELD, *FREED]
    assert json.loads(done.stdout)["document"]["left"] == []


def test_a_panel_that_is_away_keeps_an_account_from_being_erased_unless_it_is_to_be_left(site, panel):
    panel.fail_next(*[Answer(503, {})] * 20)
    refused, offline = site(*ERASE), site(*ERASE, "--offline")
    assert [each.exit_code for each in (refused, offline)] == [2, 2]
    assert "the panel still holds something back, and does not let it go now" in refused.stderr
    assert "the panel holds back refunds, services of this account" in offline.stderr
    assert all("erase with `--leave`" in " ".join(each.stderr.split()) for each in (refused, offline))
    left = site(*ERASE, "--leave")
    assert left.exit_code == 0
    assert json.loads(left.stdout)["document"]["left"] == ["panel refunds", "panel services"]
    assert site("audit", "verify").exit_code == 0


@pytest.mark.parametrize("library", ["sqlalchemy", "cryptography", "alembic", "psycopg"])
def test_without_the_extra(site, library):
    code = f"import sys; sys.modules['{library}'] = None; from kycrisk.cli import main; main()"
    command = [sys.executable, "-c", code, "audit", "verify"]
    done = subprocess.run(command, cwd=site.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"kycrisk: the store needs {library}, which is not installed\nhelp: pip install 'kycrisk[service]'\n",
    )


def test_the_database_can_be_named_by_the_environment(site, monkeypatch, tmp_path):
    monkeypatch.setenv("KYCRISK_DATABASE", "postgresql://kycrisk@db.internal/x")
    monkeypatch.setenv("KYCRISK_SITE_KEY", str(tmp_path / "elsewhere.key"))
    settings = read_settings(site.folder)
    assert (settings.database, settings.site_key) == ("postgresql://kycrisk@db.internal/x", tmp_path / "elsewhere.key")
    monkeypatch.setenv("KYCRISK_DATABASE", str(tmp_path / "other.db"))
    assert read_settings(site.folder).database == f"sqlite:///{tmp_path}/other.db"

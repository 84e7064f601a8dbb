"""The index on disk: what was remembered, what changed since, and what is no index any more."""

from __future__ import annotations

import errno
import json
import random
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kycrisk.problems import Problems
from kycrisk.rescreening.delta.index import IndexBusy, IndexUnusable, locked, open_index, save
from kycrisk.rescreening.delta.judging import taken_in
from kycrisk.rescreening.delta.rescreen import new_index, rescreened, waiting_for, with_accounts
from kycrisk.ruleset.evaluate import compile_ruleset
from tests.checks.making import NOW
from tests.rescreening.delta.making import Accounts, first_moment, next_moment
from tests.rescreening.delta.test_rule_changes import edited


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    return Accounts(tmp_path_factory.mktemp("site"), 200)


def stands(index):
    """What stands about every account, by its name."""
    tables = []
    for each in index.segments:
        present = each.still(pl.int_range(each.height, dtype=pl.UInt32, eager=True))
        tables.append(each.accounts.select("account_id")[present].hstack(each.standing.all()[present]))
    return pl.concat(tables, how="diagonal").sort("account_id")


def full(facts, screener):
    segment = taken_in(facts, screener)
    return segment.accounts.select("account_id").hstack(segment.standing.base).sort("account_id")


def test_runs_find_by_themselves_what_changed_since_the_last_one(accounts, tmp_path):
    source, folder = random.Random(1), tmp_path / "index"
    at, ruleset = first_moment(source), accounts.site.compiled.ruleset
    save(folder, new_index(accounts.facts[:80], accounts.screener(at), source="eighty"))
    known = 80
    for _ in range(6):
        index = open_index(folder)
        at, ruleset = next_moment(source, at), edited(source, ruleset, accounts.site.compiled.ruleset)
        screener = accounts.screener(at, compile_ruleset(ruleset))
        before = index.remembered.lists
        index, told = rescreened(index, screener)
        assert told.effect.accounts == known
        again, more = known - 10, min(known + 25, accounts.facts.height)  # ten of them are known already
        index = with_accounts(index, accounts.facts[again:more], screener, source=f"{more}")
        known = more
        save(folder, index, before)
        opened = open_index(folder)
        assert opened.source == str(known)
        assert opened.accounts == known
        assert_frame_equal(stands(opened), full(accounts.facts[:known], screener), check_column_order=False)
        _, nothing = rescreened(opened, screener)
        assert (nothing.entries, nothing.rules, nothing.everywhere) == (0, (), ())
        assert nothing.effect.news.height == 0
    names = {each.name for each in folder.iterdir()}
    assert names == {"index.json", "lists-7", *(each.name for each in opened.placed)}


@pytest.fixture
def folder(accounts, tmp_path):
    save(tmp_path / "index", new_index(accounts.facts, accounts.screener(first_moment(random.Random(2)))))
    return tmp_path / "index"


def edit(path: Path, **instead):
    path.write_text(json.dumps({**json.loads(path.read_text()), **instead}))


DAMAGE = {
    "of another version": (lambda folder: edit(folder / "index.json", format="kycrisk.index/0"), "another version"),
    "cut off": (lambda folder: (folder / "index.json").write_text("{"), "cannot be read"),
    "without its segments": (lambda folder: edit(folder / "index.json", segments=[{}]), "makes no sense"),
    "whose accounts vanished": (lambda folder: (folder / "000001/accounts.arrow").unlink(), "is not the file"),
    "whose keys are others": (lambda folder: (folder / "000001/v4.rows.arrow").write_bytes(b"x"), "is not the file"),
    "whose accounts are fewer": (lambda folder: fewer(folder), "out of step"),
}  # fmt: skip


def fewer(folder):
    path = folder / "000001/accounts.arrow"
    pl.read_ipc(path)[:-1].write_ipc(path)
    told = json.loads((folder / "index.json").read_text())
    told["segments"][0]["files"]["accounts.arrow"] = path.stat().st_size
    (folder / "index.json").write_text(json.dumps(told))


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_an_index_is_refused(folder, damage, message):
    damage(folder)
    with pytest.raises(IndexUnusable, match=message):
        open_index(folder)


def test_there_may_be_no_index(tmp_path):
    assert open_index(tmp_path) is None


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b"kycrisk list 1\n{}")], ids=["vanished", "damaged"]
)
def test_a_list_of_which_is_not_known_what_it_held_touches_everybody(accounts, folder, damage):
    damage(folder / "lists-1/tor.list")
    at = first_moment(random.Random(2))
    _, told = rescreened(open_index(folder), accounts.screener(at))
    assert told.everywhere == ("what `tor_exit` lists held is not known, or whether they can be asked is another",)
    assert told.effect.touched == accounts.facts.height
    assert told.effect.news.height == 0


def test_one_run_at_a_time(tmp_path):
    with locked(tmp_path), pytest.raises(IndexBusy), locked(tmp_path):
        pass


BAD = {
    "raw signups": (pl.DataFrame({"account_id": ["a"], "email": ["a@b.de"], "ip": ["192.0.2.1"]}), "raw signups"),
    "nobody's": (pl.DataFrame({"email.domain": ["b.de"]}), "no column `account_id`"),
    "twice the same": (pl.DataFrame({"account_id": ["a", "b", "a"]}), "`a` stands there more than once"),
    "without a name": (pl.DataFrame({"account_id": ["a", None]}), "row 2: there is no account"),
    "a misspelt fact": (pl.DataFrame({"account_id": ["a"], "email.domian": ["b.de"]}), "unknown column `email.domian`"),
    "a moment of no fact": (pl.DataFrame({"account_id": ["a"], "until email.role": [NOW]}), "no column `email.role`"),
    "a moment that is none": (pl.DataFrame({"account_id": ["a"], "email.role": [True], "until email.role": ["soon"]}),
                              "expected times with a zone"),
    "a mistyped fact": (pl.DataFrame({"account_id": ["a"], "email.role": ["yes"]}), "expected bool"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "message"), BAD.values(), ids=BAD)
def test_tables_that_are_refused(accounts, table, message):
    with pytest.raises(Problems, match=message):
        taken_in(table, accounts.screener(first_moment(random.Random(2))))


def test_accounts_without_evidence_are_counted_and_judged_each_time(accounts):
    screener = accounts.screener(first_moment(random.Random(3)))
    nobody = pl.DataFrame({"account_id": ["x", "y"], "email.domain": [None, "gmail.com"], "ip.address": [None, None]},
                          schema_overrides={"email.domain": pl.String, "ip.address": pl.Binary})  # fmt: skip
    index = new_index(nobody, screener)
    _, told = rescreened(index, screener)
    assert (told.effect.accounts, told.effect.without_evidence, told.effect.judged) == (2, 1, 1)
    assert told.effect.share == 0.5


def test_accounts_that_wait_for_a_source(accounts):
    screener = accounts.screener(first_moment(random.Random(3)))
    facts = pl.DataFrame(
        {"account_id": ["a", "b"], "email.domain": ["example.com", "example.com"], "ip.asn": [None, 64496]},
        schema_overrides={"ip.asn": pl.Int64},
    )
    index = new_index(facts, screener)
    assert index.segments[0].standing.base["settled"].to_list() == [False, False]
    assert waiting_for(index, ["ip.asn"]).to_list() == ["a"]
    assert waiting_for(index, ["email.domain"]).to_list() == []
    assert waiting_for(index, ["fraudrecord.score"]).to_list() == ["a", "b"]


@pytest.mark.parametrize("which", [0, 2, 5])
def test_a_full_disk_leaves_the_index_as_it_was(accounts, folder, monkeypatch, which):
    index = open_index(folder)
    screener = accounts.screener(next_moment(random.Random(4), first_moment(random.Random(2)), gaps=False))
    changed, told = rescreened(index, screener)
    more = accounts.facts[:20].with_columns(account_id="new " + pl.col("account_id"))
    changed = with_accounts(changed, more, screener)
    calls = iter(range(1000))

    def full(descriptor):
        if next(calls) >= which:
            raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space left"):
            save(folder, changed, index.remembered.lists)
    again, told_again = rescreened(open_index(folder), screener)
    assert told_again.entries == told.entries
    assert_frame_equal(told_again.effect.news, told.effect.news)
    save(folder, with_accounts(again, more, screener), index.remembered.lists)
    assert_frame_equal(stands(open_index(folder)), stands(changed))

"""Decisions in files give what the store gives, and what is wrong with a file is named."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import polars as pl
import pytest

from kycrisk.backtest.files import decisions_of
from kycrisk.backtest.picture import flips_svg
from kycrisk.backtest.quality import Range
from kycrisk.backtest.report_json import backtest_to_json
from kycrisk.backtest.run import Options, backtest_files
from kycrisk.checks.catalogue import SIGNALS
from kycrisk.decision_json import decision_to_json
from kycrisk.outcome import Outcome
from kycrisk.problems import Problems
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.signals import Type
from tests.backtest.making import LATER, archive_of, backtest_of, maker, past, rules
from tests.backtest.test_backtest import NEEDS_MORE, flips
from tests.store.making import NOW, RULES

TOR = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}
rules:
  - {id: tor, title: A Tor exit, when: ip.tor_exit, score: 45, reason: Tor}
"""


def test_the_lines_of_a_file_are_the_decisions_of_the_store(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        texts = [each.text.decode() for each in await store.decision_history.after(0, 100)]
        return texts, await backtest_of(store, tmp_path, NEEDS_MORE)

    texts, stored = run(body)
    path = tmp_path / "decisions.jsonl"
    path.write_text("\n".join(texts) + "\n\n")
    found = backtest_files([path], compile_ruleset(rules(NEEDS_MORE)), Options(labels_until=LATER))
    assert (flips(found), found.rules, found.never_gathered) == (flips(stored), stored.rules, stored.never_gathered)
    assert found.source == str(path)
    assert archive_of(tmp_path).manifest().rows == 24


@pytest.fixture
def table(tmp_path):
    """A small table of decisions."""

    def written(**columns):
        given = {
            "account_id": ["a", "b", "c"],
            "decided_at": [NOW, NOW, NOW + timedelta(hours=1)],
            "outcome": ["allow", "verify", "deny"],
            "ip.tor_exit": [True, False, None],
            **columns,
        }
        path = tmp_path / "decisions.parquet"
        pl.DataFrame({name: values for name, values in given.items() if values is not None}).write_parquet(path)
        return path

    return written


def test_a_table(table):
    found = backtest_files([table()], compile_ruleset(rules(RULES)), Options(labels_until=LATER))
    tor = next(each for each in found.rules if each.rule == "tor")
    assert (found.decisions, tor.hits, tor.hits_before) == (3, Range(1, 2), None)
    assert (found.flips[0].before, found.flips[0].example) == (Outcome.ALLOW, "row 1")


PROBLEMS = [
    ("no time zone", {"decided_at": [datetime(2026, 1, 1)] * 3}, "column `decided_at`: expected times with a zone"),
    ("no such outcome", {"outcome": ["allow", "verify", "ban"]},
     "column `outcome`: row 3: is none of allow, review, verify, deny"),
    ("no outcome", {"outcome": ["allow", None, "deny"]}, "column `outcome`: row 2: is none of"),
    ("no account", {"account_id": ["a", None, "c"]}, "column `account_id`: row 2: there is no account"),
    ("a fact of another type", {"ip.tor_exit": ["yes", "no", None]}, "column `ip.tor_exit`: expected bool, got String"),
    ("an unknown column", {"ip.torexit": [True] * 3}, "unknown column `ip.torexit`"),
    ("a column that is missing", {"decided_at": None}, "there is no column `decided_at`"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "told"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_tables_that_are_refused(table, columns, told):
    path = table(**columns)
    with pytest.raises(Problems) as refused:
        list(decisions_of(path, {"ip.tor_exit": Type.BOOL}, SIGNALS))
    assert str(refused.value.problems[0]).startswith(f"{path}: {told}")


def decision_line(**changed):
    make = maker()
    decision = make.screening("a-1").decide({})
    return json.dumps({**json.loads(decision_to_json(decision)), **changed})


LINES = [
    ("no JSON", "{", "is not JSON"),
    ("no decision", '{"format":"else/1"}', "expected a decision with format `kycrisk.decision/1`, got `else/1`"),
    ("no object", "[]", "the decision is malformed"),
    ("no outcome", decision_line(outcome="ban"), "the decision has no 'ban', or a word that is not known"),
    ("no evidence", decision_line(evidence={"ip.tor_exit": {"value": None}}), "the evidence is malformed"),
    ("no time zone", decision_line(decided_at="2026-01-01T00:00:00"), "`2026-01-01T00:00:00` has no time zone"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_lines_that_are_no_decisions_are_named(tmp_path, line, told):
    path = tmp_path / "decisions.jsonl"
    path.write_text(f"{decision_line()}\n{line}\n{decision_line()}\n{line}\n")
    with pytest.raises(Problems) as refused:
        list(decisions_of(path, {}, SIGNALS))
    first, second = refused.value.problems
    assert str(first).startswith(f"{path}:2: {told}")
    assert str(second).startswith(f"{path}:4: ")


def test_the_picture_shows_every_decision(table):
    found = backtest_files([table()], compile_ruleset(rules(TOR)), Options(labels_until=LATER))
    picture = flips_svg(found)
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    for text in ("allow → review: 1", "verify → allow: 1", "deny → cannot be told: 1", "cannot be told 1"):
        assert text in picture


def test_json(table):
    found = backtest_files([table()], compile_ruleset(rules(TOR)), Options(labels_until=datetime.now(UTC)))
    told = json.loads(backtest_to_json(found))
    assert (told["format"], told["decisions"], told["same"], told["flipped"]) == ("kycrisk.backtest/1", 3, 0, [3, 3])
    assert told["flips"][2] == {"before": "deny", "now": ["allow", "review"], "decisions": 1, "example": "row 3"}
    assert told["outcomes"]["allow"] == {"before": 1, "now": [1, 2]}
    assert told["labels"] is None

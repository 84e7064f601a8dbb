"""The accounts of a store screened again: who changes and why, each once, on both databases."""

import asyncio

import pytest
from sqlalchemy import text

from tests.rescreening.making import filled, rescreener, write_lists, write_site


@pytest.fixture
def folder(tmp_path):
    return write_site(tmp_path / "site")


def ask(folder, url, clock, body, **options):
    async def go():
        async with rescreener(folder, url, clock, **options) as made:
            return await body(made)

    return asyncio.run(go())


def rows(store, sql):
    return store.read(lambda connection: [tuple(row) for row in connection.execute(text(sql))])


DECISIONS = """
    SELECT d.account, d.outcome, d.score, d.ruleset, d.findings FROM decisions d
    WHERE d.seq > 40 ORDER BY d.account
"""
DELIVERIES = "SELECT decision, endpoint, event, before_outcome FROM deliveries WHERE decision > 40 ORDER BY 1, 2, 3"


def test_a_list_that_grew_changes_those_it_names(folder, url):
    clock = filled(folder, url)
    write_lists(folder, throwaway=("trash.example", "d9.example", "d30.example"), exits=("203.0.113.0/27",))

    async def body(made):
        dry = await made.dry_run()
        before = await rows(made.store, DECISIONS)
        run, summary = await made.run(by="ada")
        _, again = await made.run(by="ada")
        return dry, before, run, summary, again, await rows(made.store, DECISIONS), await rows(made.store, DELIVERIES)

    dry, before, run, summary, again, decisions, deliveries = ask(folder, url, clock, body, size=7)
    assert before == []
    assert (run.after, run.upto) == (0, 40)
    # d9 and d30 are throwaway mailboxes now; of the exits only the first 32 addresses are left
    assert [(account, outcome, score) for account, outcome, score, *_ in decisions] == [
        (10, 2, 70), (31, 2, 115), (36, 0, 0)
    ]  # fmt: skip
    assert summary.ways == {
        "allow>allow": 31,
        "allow>verify": 1,
        "review>allow": 1,
        "review>review": 6,
        "review>verify": 1,
    }
    assert (summary.rows, summary.screened, summary.news, summary.gained, summary.lost) == (
        40, 40, 3, {"throwaway": 2}, {"exit": 1}
    )  # fmt: skip
    assert [(each.account_id, each.before, each.outcome, each.why) for each in summary.examples] == [
        ("a-9", "allow", "verify", ("+70: d9.example is thrown away",)),
        ("a-35", "review", "allow", ()),
        ("a-30", "review", "verify", ("+70: d30.example is thrown away", "+45: 203.0.113.30 is an exit")),
    ]
    assert dry == summary
    assert (again.news, again.ways["verify>verify"]) == (0, 2)
    first = min(decision for decision, *_ in deliveries)
    assert [(decision - first, *rest) for decision, *rest in deliveries] == [
        (0, "ep_a", "account.outcome_changed", 0), (0, "ep_a", "decision.created", None),
        (0, "ep_b", "account.outcome_changed", 0),
        (1, "ep_a", "account.outcome_changed", 1), (1, "ep_a", "decision.created", None),
        (1, "ep_b", "account.outcome_changed", 1),
        (2, "ep_a", "account.outcome_changed", 1), (2, "ep_a", "decision.created", None),
        (2, "ep_b", "account.outcome_changed", 1),
    ]  # fmt: skip

"""The audit chain: it holds, and where somebody changed it the first row that does not is named."""

import asyncio

import pytest
from sqlalchemy import text

from kycrisk.store.audit import verify
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from tests.store.conftest import KEY
from tests.store.making import Maker, read_rules

WITHOUT_TRIGGERS = {
    "sqlite": ("DROP TRIGGER audit_unchanged", "DROP TRIGGER audit_kept"),
    "postgresql": ("ALTER TABLE audit DISABLE TRIGGER ALL",),
}


async def filled(store, rows=5):
    for n in range(rows):
        await store.write(lambda tx, n=n: tx.audit("jane", "thing.done", f"thing {n}", {"n": n}))


def test_a_chain_that_nobody_touched(run):
    async def body(store):
        empty = await store.audit.verify()
        await filled(store)
        page = await store.audit.page(limit=2)
        rest = await store.audit.page(limit=10, after=page.next)
        about = await store.audit.page(subject="thing 3")
        return empty, await store.audit.verify(), [*page.items, *rest.items], about.items

    empty, verified, rows, about = run(body)
    assert (empty.rows, empty.holds) == (0, True)
    assert (verified.rows, verified.holds, verified.hash) == (5, True, rows[-1].hash)
    assert [(row.seq, row.actor, row.action, row.subject, row.details["n"]) for row in rows] == [
        (n + 1, "jane", "thing.done", f"thing {n}", n) for n in range(5)
    ]
    assert [row.seq for row in about] == [4]


@pytest.mark.parametrize(
    ("statement", "broken", "why"),
    [
        pytest.param(
            "UPDATE audit SET actor = 'joe' WHERE seq = 3", 3, "its content does not match", id="another-actor"
        ),
        pytest.param("UPDATE audit SET at = at + 1 WHERE seq = 1", 1, "its content does not match", id="another-time"),
        pytest.param("DELETE FROM audit WHERE seq = 2", 2, "it is missing; the next row is 3", id="a-missing-row"),
        pytest.param("DELETE FROM audit WHERE seq > 3", 4, "the log ends before row 5", id="a-missing-end"),
        pytest.param(
            "UPDATE audit SET previous = hash WHERE seq = 4",
            4,
            "it is not chained to the row before",
            id="another-chain",
        ),
    ],
)
def test_the_first_row_that_does_not_hold_is_named(run, statement, broken, why):
    async def body(store):
        await filled(store)

        def tamper(tx):
            for each in (*WITHOUT_TRIGGERS[tx.connection.dialect.name], statement):
                tx.connection.execute(text(each))

        await store.write(tamper)
        return await store.audit.verify()

    verified = run(body)
    assert (verified.broken, verified.rows, verified.holds) == (broken, broken - 1, False)
    assert verified.why.startswith(why)


def test_a_log_that_was_cut_off_and_its_head_with_it_is_seen_by_what_was_expected(run):
    async def body(store):
        await filled(store)
        before = await store.audit.verify()

        def cut(tx):
            for each in (*WITHOUT_TRIGGERS[tx.connection.dialect.name], "DELETE FROM audit WHERE seq > 3"):
                tx.connection.execute(text(each))
            tx.connection.execute(
                text("UPDATE head SET audit = 3, audit_hash = (SELECT hash FROM audit WHERE seq = 3)")
            )

        await store.write(cut)
        await filled(store, 2)
        alone, expecting = await store.audit.verify(), await store.audit.verify(expected=(before.rows, before.hash))
        return alone.holds, expecting.broken, expecting.why

    assert run(body) == (True, 5, "it is not the row that was expected, so the log was written anew")


def test_a_change_that_is_taken_back_leaves_no_row(run):
    async def body(store):
        def fail(tx):
            tx.audit("jane", "thing.done", "thing")
            raise ZeroDivisionError

        results = await asyncio.gather(filled(store, 1), store.write(fail), filled(store, 1), return_exceptions=True)
        verified = await store.audit.verify()
        return [type(each) for each in results], verified.rows, verified.holds

    assert run(body) == ([type(None), ZeroDivisionError, type(None)], 2, True)


def test_another_site_key_verifies_nothing(run):
    async def body(store):
        await filled(store)
        return await store.read(verify, SiteKey(bytes(32))), await store.read(verify, KEY)

    others, mine = run(body)
    assert (others.broken, mine.holds) == (1, True)


def test_processes_chain_their_rows_in_one_order(url, clock, opened):
    async def body():
        async with await opened() as one, await Store.open(url, site_key=KEY, clock=clock) as two:
            await asyncio.gather(*(filled(store, 20) for store in (one, two, one, two)))
            return await one.audit.verify()

    verified = asyncio.run(body())
    assert (verified.rows, verified.holds) == (80, True)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        pytest.param("UPDATE decisions SET sealed = substr(sealed, 2) WHERE seq = 2", "is not as it was", id="changed"),
        pytest.param("DELETE FROM decisions WHERE seq = 2", "is missing", id="deleted"),
    ],
)
def test_a_decision_that_was_tampered_with_is_named(run, tmp_path, statement, why):
    (tmp_path / "rules").mkdir()
    make = Maker(read_rules(tmp_path / "rules"))
    without = {
        "sqlite": ("DROP TRIGGER decisions_unchanged", "DROP TRIGGER decisions_kept"),
        "postgresql": ("ALTER TABLE decisions DISABLE TRIGGER USER",),
    }

    async def body(store):
        for _ in range(3):
            await store.decisions.add(make.screening())

        def tamper(tx):
            for each in (*without[tx.connection.dialect.name], statement):
                tx.connection.execute(text(each))

        before = await store.audit.verify()
        await store.write(tamper)
        return before, await store.audit.verify()

    before, after = run(body)
    assert (before.holds, after.broken) == (True, 2)
    assert f"decision dec_00000002 {why}" in after.why

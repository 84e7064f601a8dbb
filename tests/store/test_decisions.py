"""Decisions in the store: kept to the byte, in order, once."""

import asyncio

import pytest
from sqlalchemy import text

from kycrisk.decision_json import decision_to_json
from kycrisk.outcome import Outcome
from kycrisk.ruleset.decide import replay
from kycrisk.store.decisions import DecisionFilter
from kycrisk.store.failure import Conflict, IdempotencyConflict, NotFound
from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.pages import BadCursor
from tests.store.making import NOW, Maker, read_rules


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


def test_a_decision_comes_back_to_the_byte(run, make):
    async def body(store):
        stored = await store.decisions.add(make.screening(**{"ip.tor_exit": True}))
        return stored, await store.decisions.get(stored.decision_id)

    stored, found = run(body)
    assert found.body == stored.body
    assert (found.account_id, found.outcome, found.score, found.settled) == ("a-1", Outcome.REVIEW, 45, True)
    assert decision_to_json(found.decision()).encode() == stored.body
    assert decision_to_json(replay(make.compiled, found.decision())).encode() == stored.body


def test_decisions_of_one_shape_come_back_to_the_byte(opened, make):
    """Of many decisions alike, only what is their own is kept, and what they share once."""
    names = ["t", "f", "true", "false", 'ja"ne', "\\u0000", "zoë", ""]

    async def body():
        async with await opened() as store:
            stored = []
            for start in range(0, 160, 40):
                screenings = [make.screening(f"a{n}", name=names[n % 8]) for n in range(start, start + 40)]
                stored += await asyncio.gather(*map(store.decisions.add, screenings))
            kept = text("SELECT text FROM dictionaries")
            texts = await store.read(lambda connection: connection.execute(kept).scalars().all())
        async with await opened() as store:
            return stored, (await store.decisions.page(limit=200)).items, texts

    stored, found, texts = asyncio.run(body())
    assert {each.id: each.body for each in found} == {each.decision_id: each.body for each in stored}
    assert any(b"\0" in bytes(each) for each in texts)  # a shape; the first few are deflated


def test_what_is_unknown_about_one_signup_is_of_no_shape(run, make):
    async def body(store):
        missing = {"missing": ("ip.tor_exit",), "ip": "198.51.100.77"}
        await asyncio.gather(*(store.decisions.add(make.screening(f"a{n}", **missing)) for n in range(150)))
        kept = text("SELECT text FROM dictionaries")
        return b"".join(await store.read(lambda connection: map(bytes, connection.execute(kept).scalars().all())))

    assert b"198.51.100.77" not in run(body)


def test_it_is_there_after_the_store_was_opened_again(opened, make):
    async def body():
        async with await opened() as store:
            stored = await store.decisions.add(make.screening())
        async with await opened() as store:
            return stored, await store.decisions.get(stored.decision_id)

    stored, found = asyncio.run(body())
    assert found.body == stored.body


def test_many_at_once_share_transactions_and_all_are_there(run, make):
    async def body(store):
        stored = await asyncio.gather(*(store.decisions.add(make.screening(f"a-{n % 40}")) for n in range(300)))
        page = await store.decisions.page(limit=1000)
        return stored, page

    stored, page = run(body)
    assert sorted(each.seq for each in stored) == list(range(1, 301))
    assert [each.seq for each in page.items] == list(range(300, 0, -1))
    assert {each.id: each.body for each in page.items} == {each.decision_id: each.body for each in stored}


def test_pages_follow_the_cursor_while_decisions_are_added(run, make):
    async def body(store):
        for n in range(5):
            await store.decisions.add(make.screening(f"a-{n}"))
        first = await store.decisions.page(limit=2)
        await store.decisions.add(make.screening("late"))
        second = await store.decisions.page(limit=2, after=first.next)
        third = await store.decisions.page(limit=2, after=second.next)
        return [[each.account_id for each in page.items] for page in (first, second, third)], third.next

    assert run(body) == ([["a-4", "a-3"], ["a-2", "a-1"], ["a-0"]], "")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(DecisionFilter(account_id="b"), ["b", "b"], id="account"),
        pytest.param(DecisionFilter(outcome=Outcome.REVIEW), ["b"], id="outcome"),
        pytest.param(DecisionFilter(settled=False), ["c"], id="unsettled"),
        pytest.param(DecisionFilter(ruleset="sha256:other"), [], id="another-ruleset"),
        pytest.param(DecisionFilter(since=NOW), ["c", "b", "b", "a"], id="since-is-inclusive"),
        pytest.param(DecisionFilter(until=NOW), [], id="until-is-exclusive"),
        pytest.param(DecisionFilter(account_id="nobody"), [], id="nobody"),
    ],
)
def test_a_filter_narrows_the_list_down(run, make, wanted, expected):
    async def body(store):
        await store.decisions.add(make.screening("a", ip="192.0.2.1"))
        await store.decisions.add(make.screening("b", ip="192.0.2.2", **{"ip.tor_exit": True}))
        await store.decisions.add(make.screening("b", ip="192.0.2.3"))
        await store.decisions.add(make.screening("c", ip="192.0.2.4", missing=["ip.blocklisted"]))
        return [each.account_id for each in (await store.decisions.page(wanted)).items]

    assert run(body) == expected


def test_what_is_no_cursor_is_refused(run):
    async def body(store):
        for cursor in ("x", "MTA=", "LTE", "é"):
            with pytest.raises(BadCursor):
                await store.decisions.page(after=cursor)

    run(body)


def test_one_bad_decision_of_many_fails_alone(run, make):
    async def body(store):
        await store.decisions.add(make.screening("first", id="dec_taken"))

        def wrong(counts):
            raise ZeroDivisionError

        screenings = [make.screening(f"a-{n}") for n in range(20)]
        screenings[3] = make.screening("double", id="dec_taken")
        bad = make.screening("bad")
        screenings[7] = type(bad)(signup=bad.signup, decide=wrong)
        results = await asyncio.gather(*map(store.decisions.add, screenings), return_exceptions=True)
        page = await store.decisions.page()
        with pytest.raises(NotFound):
            await store.accounts.get("bad")
        return results, len(page.items), await store.audit.verify()

    results, count, verified = run(body)
    assert {n: type(each) for n, each in enumerate(results) if isinstance(each, Exception)} == {
        3: Conflict,
        7: ZeroDivisionError,
    }
    assert (count, verified.rows, verified.holds) == (19, 19, True)


def test_the_same_key_gives_the_same_answer_once_stored(run, make):
    async def body(store):
        key = IdempotencyKey.of("key-1", "order-7", b"body")
        first = await store.decisions.add(make.screening(idempotency=key))
        again = await store.decisions.add(make.screening(idempotency=key))
        both = await asyncio.gather(
            *(store.decisions.add(make.screening(idempotency=IdempotencyKey.of("key-1", "o-8", b"x"))) for _ in "12")
        )
        with pytest.raises(IdempotencyConflict):
            await store.decisions.add(make.screening(idempotency=IdempotencyKey.of("key-1", "order-7", b"other")))
        other = await store.decisions.add(make.screening(idempotency=IdempotencyKey.of("key-2", "order-7", b"other")))
        return first, again, both, other, (await store.decisions.page()).items

    first, again, both, other, items = run(body)
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.body, again.decision_id, again.seq, again.signup) == (
        first.body,
        first.decision_id,
        first.seq,
        first.signup,
    )
    assert both[0].body == both[1].body
    assert sorted(each.repeated for each in both) == [False, True]
    assert [each.id for each in reversed(items)] == [first.decision_id, both[0].decision_id, other.decision_id]


def test_a_key_in_conflict_within_one_batch(run, make):
    async def body(store):
        keys = [IdempotencyKey.of("k", "one", body) for body in (b"a", b"b")]
        return await asyncio.gather(
            *(store.decisions.add(make.screening(idempotency=key)) for key in keys), return_exceptions=True
        )

    first, second = run(body)
    assert first.decision_id
    assert isinstance(second, IdempotencyConflict)


def test_other_changes_are_made_once_too(run):
    async def body(store):
        key = IdempotencyKey.of("k", "publish", b"1")
        made = []

        def change(tx):
            made.append(tx.audit("jane", "thing.done", "thing 1"))
            return b"answer"

        answers = [await store.idempotency.once(key, change) for _ in range(2)]
        with pytest.raises(IdempotencyConflict):
            await store.idempotency.once(IdempotencyKey.of("k", "publish", b"2"), change)
        return answers, made, (await store.audit.verify()).rows

    assert run(body) == ([(b"answer", False), (b"answer", True)], [1], 1)


def test_rows_of_other_tables_join_the_transaction(run, make):
    async def body(store):
        await store.write(
            lambda tx: tx.connection.execute(text("CREATE TABLE outbox (decision TEXT UNIQUE, seq BIGINT)")) and None
        )

        def put(tx, added):
            rows = [{"decision": each.decision.account_id, "seq": each.stored.seq} for each in added]
            tx.connection.execute(text("INSERT INTO outbox VALUES (:decision, :seq)"), rows)

        results = await asyncio.gather(
            *(store.decisions.add(make.screening(name, also=put)) for name in ("a", "b", "a", "c")),
            return_exceptions=True,
        )
        rows = await store.read(lambda c: [tuple(row) for row in c.execute(text("SELECT * FROM outbox ORDER BY seq"))])
        return results, rows, [each.account_id for each in (await store.decisions.page()).items]

    results, rows, decisions = run(body)
    assert [isinstance(each, Conflict) for each in results] == [False, False, True, False]
    assert rows == [("a", 1), ("b", 2), ("c", 3)]
    assert decisions == ["c", "b", "a"]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE decisions SET score = 0", id="change-a-decision"),
        pytest.param("DELETE FROM decisions", id="delete-a-decision"),
        pytest.param("UPDATE audit SET actor = 'me'", id="change-the-log"),
        pytest.param("DELETE FROM audit", id="delete-from-the-log"),
    ],
)
def test_the_database_itself_refuses_changes(run, make, statement):
    async def body(store):
        stored = await store.decisions.add(make.screening())
        with pytest.raises(Conflict, match="append-only"):
            await store.write(lambda tx: tx.connection.execute(text(statement)))
        return (await store.decisions.get(stored.decision_id)).body == stored.body

    assert run(body)


def test_nothing_personal_stands_in_the_tables_in_the_clear(run, make):
    async def body(store):
        await store.decisions.add(
            make.screening("acct-secret", name="jane", domain="private.example", ip="198.51.100.9")
        )

        def everything(connection):
            names = (
                "accounts",
                "account_keys",
                "signups",
                "facts",
                "decisions",
                "dictionaries",
                "audit",
                "idempotency",
            )
            return b"\n".join(
                bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                for name in names
                for row in connection.execute(text(f"SELECT * FROM {name}"))
                for value in row
            )

        return await store.read(everything)

    found = run(body)
    assert [word for word in (b"acct-secret", b"jane", b"private.example", b"198.51.100.9") if word in found] == []

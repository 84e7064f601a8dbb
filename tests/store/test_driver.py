"""Many rows in one statement, on both databases: what goes in comes out, whatever it is and however many there are."""

import pytest
from sqlalchemy import select, text

from kycrisk.store.driver import Driver
from kycrisk.store.failure import Conflict, border
from kycrisk.store.schema import DECISIONS, DICTIONARIES, FACT_DAYS, SIGNALS, SIGNUPS


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param("NULL", id="the-word-null"),
        pytest.param(' a, {b} "c" \\d\\ \' ', id="what-arrays-are-written-with"),
        pytest.param("Zoë 王 🙂\n\t", id="beyond-ascii"),
        pytest.param("\\x00", id="what-looks-like-bytes"),
        pytest.param("%s ? $1", id="what-looks-like-a-place"),
    ],
)
def test_texts(run, value):
    def change(tx):
        tx.add(SIGNALS, ("id", "name"), [(1, value), (2, f"{value}!")])
        return tx.connection.execute(select(SIGNALS.c.name).order_by(SIGNALS.c.id)).scalars().all()

    assert run(lambda store: store.write(change)) == [value, f"{value}!"]


@pytest.mark.parametrize("value", [b"", b"\0", b"\\x", bytes(range(256)), b"t" * 40_000])
def test_bytes(run, value):
    def change(tx):
        tx.add(DICTIONARIES, ("id", "digest", "text"), [(1, b"1", value), (2, b"2", b"\xff")])
        rows = tx.connection.execute(select(DICTIONARIES.c.text).order_by(DICTIONARIES.c.id)).scalars()
        return [bytes(each) for each in rows]

    assert run(lambda store: store.write(change)) == [value, b"\xff"]


def test_what_is_empty_and_what_is_true(run):
    """The columns that may be empty, and booleans."""

    def change(tx):
        tx.connection.execute(text("INSERT INTO accounts (id, pseudonym, created_at) VALUES (1, 'p', 0)"))
        signups = [(1, 1, 1, 0, 0, None), (2, 1, 1, -5, 2**62, b"x")]
        tx.add(SIGNUPS, ("id", "account", "key", "submitted_at", "registered_at", "sealed"), signups)
        columns = tuple(column.name for column in DECISIONS.columns)
        for seq, settled in ((1, True), (2, False)):
            row = (seq, f"d{seq}", 1, 1, seq, 0, 0, 0, 0, 0, 0, 0, settled, "r", "{}", None, b"")
            tx.add(DECISIONS, columns, [row])
        kept = tx.connection.execute(select(SIGNUPS.c.submitted_at, SIGNUPS.c.registered_at, SIGNUPS.c.sealed)).all()
        settled = tx.connection.execute(select(DECISIONS.c.settled).order_by(DECISIONS.c.seq)).scalars().all()
        return [tuple(each) for each in kept], settled

    assert run(lambda store: store.write(change)) == ([(0, 0, None), (-5, 2**62, b"x")], [True, False])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 37, 1024, 1025, 2100])
def test_every_row_of_many_is_there_once(run, count):
    def change(tx):
        tx.add(SIGNALS, ("id", "name"), [(number, f"s{number}") for number in range(1, count + 1)])
        asked = [(number,) for number in range(1, count + 1)]
        answers = tx.driver.ask(_doubled, ("bigint",), asked, (-1,)) if asked else []
        return tx.connection.execute(select(SIGNALS.c.id).order_by(SIGNALS.c.id)).scalars().all(), answers

    stored, answers = run(lambda store: store.write(change))
    assert stored == list(range(1, count + 1))
    assert sorted(number for (number,) in answers if number > 0) == list(range(2, 2 * count + 2, 2))


def _doubled(place):
    return f"WITH asked(n) AS (SELECT * FROM {place}) SELECT n * 2 FROM asked"


def test_what_is_to_be_done_where_rows_conflict(run):
    otherwise = " ON CONFLICT (digest, day) DO UPDATE SET count = fact_days.count + excluded.count"

    def change(tx):
        for count in (3, 4):
            tx.driver.insert(FACT_DAYS, ("digest", "day", "count"), [(b"a", 1, count), (b"b", 2, 1)], otherwise)
        return tx.connection.execute(
            select(FACT_DAYS.c.digest, FACT_DAYS.c["count"]).order_by(FACT_DAYS.c.digest)
        ).all()

    assert [(bytes(digest), count) for digest, count in run(lambda store: store.write(change))] == [
        (b"a", 7),
        (b"b", 2),
    ]


def test_a_row_that_is_there_already_is_a_conflict(run):
    async def body(store):
        with pytest.raises(Conflict):
            await store.write(lambda tx: tx.add(SIGNALS, ("id", "name"), [(1, "one"), (2, "one")]))
        return await store.read(lambda connection: connection.execute(select(SIGNALS.c.id)).all())

    assert run(body) == []


def test_a_mistake_in_a_statement_stays_one(run):
    def change(tx):
        with border():
            Driver(tx.connection).execute("SELECT 1 FROM nothing_of_ours")

    with pytest.raises(Exception, match="nothing_of_ours") as raised:
        run(lambda store: store.write(change))
    assert "kycrisk" not in type(raised.value).__module__

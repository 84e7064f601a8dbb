"""Labels: which one counts, what an erasure leaves of them, and that each is in the log."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kycrisk.store.failure import Conflict, NotFound, StoreError
from kycrisk.store.labels import NewLabel, put
from kycrisk.store.retention import Durations
from tests.store.making import NOW, Maker, read_rules


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


def label(account, word, days_ago, source="analyst", why=""):
    at = NOW - timedelta(days=days_ago)
    return NewLabel(account_id=account, label=word, source=source, at=at, by="ann", why=why)


#: What was written down of an account, in this order, and what counts now and what counted three days ago.
COUNTS = [
    ("one label", [("fraud", 5)], "fraud", "fraud"),
    ("one that was not known then", [("fraud", 1)], "fraud", None),
    ("a correction", [("fraud", 5), ("legitimate", 1)], "legitimate", "fraud"),
    ("an earlier one that is written down later", [("legitimate", 1), ("fraud", 5)], "legitimate", "fraud"),
    ("two at once: the one written down last", [("fraud", 4), ("legitimate", 4)], "legitimate", "legitimate"),
    ("withdrawn", [("fraud", 5), ("withdrawn", 1)], None, "fraud"),
]


@pytest.mark.parametrize(("labels", "now", "then"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
def test_which_label_counts(run, make, labels, now, then):
    async def body(store):
        await store.decisions.add(make.screening("a-1"))
        pseudonym = (await store.accounts.get("a-1")).pseudonym
        for word, days in labels:
            await store.labels.put(label("a-1", word, days))
        found = [await store.labels.in_force(moment) for moment in (NOW, NOW - timedelta(days=3))]
        return [known.get(pseudonym) for known, _ in found], found[1][1]

    (today, before), later = run(body)
    assert (today, before) == (now, then)
    assert later == sum(days < 3 for _, days in labels)


REFUSED = [
    ("an account that was never screened", label("nobody", "fraud", 1), NotFound, "there is no account `nobody`"),
    ("no label", label("a-1", "suspicious", 1), StoreError, "`suspicious` is no label"),
    ("still to come", label("a-1", "fraud", -1), StoreError, "the label would become known on"),
    ("no source", label("a-1", "fraud", 1, source=""), StoreError, "a label has a source"),
]


@pytest.mark.parametrize(("new", "error", "told"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_labels_that_are_refused(run, make, new, error, told):
    async def body(store):
        await store.decisions.add(make.screening("a-1"))
        with pytest.raises(error) as refused:
            await store.labels.put(new)
        return refused.value.message, await store.labels.of("a-1")

    message, labels = run(body)
    assert message.startswith(told)
    assert labels == ()


def test_another_part_puts_labels_in_its_own_transaction(run, make):
    async def body(store):
        await store.decisions.add(make.screening("a-1"))
        await store.write(lambda tx: put(tx, "a-1", "legitimate", "verification", NOW - timedelta(hours=1)))
        [found] = await store.labels.of("a-1")
        return found, (await store.audit.page(limit=1000)).items[-1], await store.audit.verify()

    found, row, verified = run(body)
    assert (found.label, found.source, found.by) == ("legitimate", "verification", "verification")
    assert (row.action, row.details["label"]) == ("label.put", "legitimate")
    assert verified.holds


def test_labels_are_exported_and_their_reasons_erased(run, make):
    async def body(store):
        await store.decisions.add(make.screening("a-1"))
        await store.labels.put(label("a-1", "fraud", 2, "chargeback", "Jane Doe took it back"))
        exported = json.loads((await store.personal_data.export("a-1", "ann")).document)
        erased = json.loads((await store.personal_data.erase("a-1", "ann", "asked for")).document)
        account = await store.accounts.get("a-1")
        with pytest.raises(Conflict):
            await store.labels.put(label("a-1", "fraud", 1))
        rows = await store.read(lambda connection: connection.execute(text("SELECT * FROM account_labels")).all())
        return exported, erased, await store.labels.of("a-1"), (await store.labels.in_force(NOW))[0], account, rows

    exported, erased, [left], counts, account, rows = run(body)
    assert [(each["label"], each["why"]) for each in exported["labels"]] == [("fraud", "Jane Doe took it back")]
    assert [(each["label"], each["source"]) for each in erased["labels"]] == [("fraud", "chargeback")]
    assert (left.label, left.why) == ("fraud", None)
    assert counts == {account.pseudonym: "fraud"}
    assert b"Jane" not in b"".join(value for row in rows for value in row if isinstance(value, bytes))


def test_retention_takes_labels_with_their_account(run, make, clock):
    async def body(store):
        await store.decisions.add(make.screening("a-1"))
        await store.labels.put(label("a-1", "fraud", 2))
        clock.forward(days=40)
        every = Durations(signups=timedelta(days=1), facts=timedelta(days=1), decisions=timedelta(days=1))
        gone = await store.retention.apply(every, now=clock)
        return gone["accounts"], await store.labels.in_force(datetime(2030, 1, 1, tzinfo=UTC))

    assert run(body) == (1, ({}, 0))

"""Exports, erasures, and what replay says after them."""

import asyncio
import json

import pytest
from sqlalchemy import text

from kycrisk.decision_json import decision_from_json
from kycrisk.ruleset.decide import replay
from kycrisk.signals import Why
from kycrisk.store.decisions import DecisionFilter
from kycrisk.store.erased_decision import read_erased, replay_erased
from kycrisk.store.exemptions import NewExemption
from kycrisk.store.failure import Conflict, Erased, NotFound, StoreError
from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.list_entries import NewEntry
from kycrisk.store.personal_data import Proven
from kycrisk.store.store import Store
from tests.store.conftest import KEY
from tests.store.making import FROM_IP, NOW, Maker, read_rules


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


async def jane(store, make):
    """Jane signs up twice, Joe once, all from one address; there is an exemption and a list entry about Jane."""
    given = {"ip.tor_exit": True, "domain": "acme.example"}
    key = IdempotencyKey.of("k", "jane-1", b"body")
    first = await store.decisions.add(make.screening("acct-jane", idempotency=key, **given))
    second = await store.decisions.add(make.screening("acct-jane", missing=["ip.blocklisted"], **given))
    other = await store.decisions.add(make.screening("acct-joe", name="joe"))
    until = NOW.replace(year=2027)
    for kind, subject in (("account", "acct-jane"), ("email", "jane@acme.example"), ("account", "acct-joe")):
        new = NewExemption(rule="tor", kind=kind, subject=subject, until=until, by="ann", why=f"about {subject}")
        await store.exemptions.add(new)
    entry = NewEntry(list="known", value="jane@acme.example", by="ann", why="met in person")
    return first, second, other, key, await store.list_entries.add(entry)


def test_an_export_holds_everything_and_proves_itself(run, make):
    async def body(store):
        first, second, _, _, entry = await jane(store, make)
        proven = await store.personal_data.export("acct-jane", "ann")
        changed = Proven(proven.document.replace("acct-jane", "acct-june"), proven.proof)
        proves = store.personal_data.proves(proven), store.personal_data.proves(changed)
        with pytest.raises(NotFound):
            await store.personal_data.export("nobody", "ann")
        return (first, second, entry), proven, proves, (await store.audit.page(limit=1000)).items

    (first, second, entry), proven, proves, log = run(body)
    told = json.loads(proven.document)
    assert proves == (True, False)
    assert json.loads(proven.text()) == {"document": told, "proof": proven.proof}
    assert (told["format"], told["account_id"], told["exported_at"]) == (
        "kycrisk.export/1",
        "acct-jane",
        "2026-11-25T12:00:00Z",
    )
    assert [each["signup"] for each in told["signups"]] == [
        {"account_id": "acct-jane", "email": "jane@acme.example"},
        {"account_id": "acct-jane", "email": "jane@acme.example"},
    ]
    assert told["decisions"] == [json.loads(first.body), json.loads(second.body)]
    assert [each["subject"] for each in told["exemptions"]] == ["account acct-jane", "email jane@acme.example"]
    assert [(each["id"], each["list"], each["value"]) for each in told["list_entries"]] == [
        (entry.id, "known", "jane@acme.example")
    ]
    assert [(each["action"], each["subject"]) for each in told["audit"]] == [
        ("decision.added", first.decision_id),
        ("decision.added", second.decision_id),
    ]
    assert (log[-1].seq, log[-1].action, log[-1].actor) == (told["audit_row"], "account.exported", "ann")


def test_an_erasure_leaves_nothing_that_names_the_person(run, make):
    async def body(store):
        first, _, other, key, entry = await jane(store, make)
        proven = await store.personal_data.erase("acct-jane", "ann", "asked by e-mail")
        await store.list_entries.end(entry.id, "ann")
        with pytest.raises(Erased):
            await store.decisions.add(make.screening("x", idempotency=key))
        with pytest.raises(Erased):
            (await store.decisions.get(first.decision_id)).decision()
        for again in (store.personal_data.export("acct-jane", "ann"), store.personal_data.erase("acct-jane", "a", "")):
            with pytest.raises(Conflict, match="was erased on 2026-11-25"):
                await again
        with pytest.raises(NotFound, match="was erased"):
            await store.signups.again(first.signup, {}, ())

        def everything(connection):
            names = [
                *("accounts", "account_keys", "signups", "facts", "decisions", "erased_decisions", "dictionaries"),
                *("audit", "idempotency", "exemptions", "rechecks", "recheck_signals"),
            ]
            return "\n".join(repr(row) for name in names for row in connection.execute(text(f"SELECT * FROM {name}")))

        account = await store.accounts.get("acct-jane")
        assert (await store.decisions.get(other.decision_id)).body == other.body
        return proven, store.personal_data.proves(proven), await store.read(everything), account, entry

    proven, proves, everything, account, entry = run(body)
    told = json.loads(proven.document)
    assert proves
    assert (account.account_id, account.erased_at) == (None, NOW)
    assert [word for word in ("acct-jane", "jane@", "acme.example", "192.0.2.7") if word in everything] == []
    assert "acct-joe" in everything  # Joe's exemption is the operator's own words, and stays
    assert (told["by"], told["why"], len(told["signups"]), len(told["decisions"])) == ("ann", "asked by e-mail", 2, 2)
    assert (len(told["exemptions"]), told["still_in_lists"]) == (2, [{"id": entry.id, "list": "known"}])


def test_statistics_and_counts_stay_after_an_erasure(run, make):
    async def body(store):
        await jane(store, make)

        async def statistics():
            pages = [
                await store.decisions.page(DecisionFilter(outcome=each)) for each in {d.outcome for d in await every()}
            ]
            rows = await store.read(
                lambda c: c.execute(text("SELECT id, outcome, score, findings FROM decisions")).all()
            )
            return sorted(len(page.items) for page in pages), sorted(rows)

        async def every():
            return (await store.decisions.page()).items

        before = await statistics()
        await store.personal_data.erase("acct-jane", "ann", "")
        registered = await store.signups.register(make.signup("acct-new"))
        return before, await statistics(), registered.counts[FROM_IP], await store.audit.verify()

    before, after, count, verified = run(body)
    assert before == after
    assert (count, verified.holds) == (3, True)


def test_replay_after_an_erasure_gives_the_same_verdict(run, make, tmp_path):
    async def body(store):
        first, second, *_ = await jane(store, make)
        before = [decision_from_json(each.body) for each in (first, second)]
        await store.personal_data.erase("acct-jane", "ann", "")
        after = [await store.decisions.get(each.decision_id) for each in (first, second)]
        return before, after

    before, after = run(body)
    for decision, stored in zip(before, after, strict=True):
        assert stored.body is None
        assert (stored.outcome, stored.score, stored.settled) == (decision.outcome, decision.score, decision.settled)
        erased = read_erased(stored.erased)
        verdict = replay_erased(make.ruleset, erased)
        assert (verdict.outcome, verdict.score, verdict.lowest, verdict.highest, verdict.settled) == (
            decision.outcome,
            decision.score,
            decision.lowest,
            decision.highest,
            decision.settled,
        )
        assert set(verdict.hits) == {each.rule for each in decision.reasons}
        assert set(verdict.unknown) == {each.rule for each in decision.undetermined}
        assert replay(make.compiled, decision).outcome is verdict.outcome
    assert set(read_erased(after[0].erased).pseudonyms) == {
        *("ip.address", "email.address", "email.local", "email.domain", "email.canonical"),
    }
    assert read_erased(after[1].erased).unknown == {"ip.blocklisted": Why.TIMEOUT}
    assert read_erased(after[0].erased).known["ip.tor_exit"] is True


def test_replay_after_an_erasure_judges_anew_what_it_can(run, make, tmp_path):
    """The kept facts still speak: other rules over them give another verdict."""

    async def body(store):
        first, *_ = await jane(store, make)
        await store.personal_data.erase("acct-jane", "ann", "")
        return (await store.decisions.get(first.decision_id)).erased

    erased = read_erased(run(body))
    (tmp_path / "other").mkdir()
    stricter = read_rules(tmp_path / "other", (tmp_path / "rules/policy.yaml").read_text().replace("45", "120"))
    assert (erased.score, replay_erased(stricter, erased).score) == (75, 150)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("nothing", id="no-json"),
        pytest.param("{}", id="no-format"),
        pytest.param('{"format":"x"}', id="x"),
    ],
)
def test_what_is_no_erased_decision(bad):
    with pytest.raises(StoreError):
        read_erased(bad)


def test_who_signs_up_again_after_an_erasure_is_a_new_person(run, make):
    async def body(store):
        first, *_ = await jane(store, make)
        await store.personal_data.erase("acct-jane", "ann", "")
        again = await store.decisions.add(make.screening("acct-jane"))
        account = await store.accounts.get("acct-jane")
        told = json.loads((await store.personal_data.export("acct-jane", "ann")).document)
        second = await store.personal_data.erase("acct-jane", "ann", "once more")
        bodies = [(await store.decisions.get(each.decision_id)).body for each in (first, again)]
        return account.account_id, told, json.loads(second.document), bodies, again

    account_id, told, second, bodies, again = run(body)
    assert account_id == "acct-jane"
    assert [each["format"] for each in told["decisions"]] == [
        *["kycrisk.erased_decision/1"] * 2,
        "kycrisk.decision/1",
    ]
    assert list(second["decisions"]) == [again.decision_id]
    assert bodies == [None, None]


def test_people_are_found_by_what_they_gave(run, make):
    async def body(store):
        await jane(store, make)
        found = store.personal_data.accounts_of
        return [await found(*each) for each in (("email.canonical", "jane@acme.example"), ("ip.address", "x"))]

    assert run(body) == [("acct-jane",), ()]


def test_the_deleted_key_is_nowhere_in_the_files(tmp_path, clock, make):
    """SQLite overwrites deleted rows, and the log of changes is emptied."""

    async def body():
        async with await Store.open(f"sqlite:///{tmp_path}/store.db", site_key=KEY, clock=clock) as store:
            await jane(store, make)
            salts = await store.read(
                lambda c: c.execute(text("SELECT salt FROM account_keys ORDER BY id")).scalars().all()
            )
            await store.personal_data.erase("acct-jane", "ann", "")
            files = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
            return [salt in files for salt in salts]

    assert asyncio.run(body()) == [False, True]

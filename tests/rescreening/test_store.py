"""The accounts of a store screened again: who changes and why, each once, on both databases."""

import asyncio
import json
from dataclasses import replace

import pytest
from dbos import DBOS
from sqlalchemy import text

from kycrisk.api.service import Service
from kycrisk.delivery.rescreening import ScheduledRescreening
from kycrisk.screening.desk import now_utc
from kycrisk.store.rescreenings import NewRun
from kycrisk.store.screenings import Screening
from kycrisk.store.signups import NewSignup
from tests.rescreening.making import POLICY, filled, rescreener, settings_of, write_lists, write_site


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


def test_who_cannot_be_read_is_judged_by_evidence_or_counted(folder, url):
    clock = filled(folder, url, 12)
    write_lists(folder, throwaway=("d3.example", "d6.example", "mail.example"), exits=())
    (folder / "rules" / "policy.yaml").write_text(POLICY.replace("signup.seats:", "signup.plan:").replace(
        "signup.seats > 100", 'signup.plan == "vps"').replace("{signup.seats} seats", "{signup.plan}"
        ).replace("type: int", "type: str"))  # fmt: skip

    async def body(made):
        store = made.store
        await store.personal_data.erase("a-1", "ada", "asked for")
        await store.signups.register(NewSignup(account_id="undecided", submitted_at=clock(), raw=json.dumps(
            {"account_id": "undecided", "email": "x@d3.example", "ip": "192.0.2.1"}).encode()))  # fmt: skip
        await store.signups.register(NewSignup(account_id="empty", submitted_at=clock(), raw=b"{}"))
        await store.write(
            lambda tx: tx.connection.execute(text("UPDATE signups SET sealed = NULL WHERE id IN (4, 14)"))
        )
        _, summary = await made.run(by="ada")
        return summary, await rows(store, DECISIONS.replace("> 40", "> 12")), await store.decisions.page(limit=20)

    summary, decisions, page = ask(folder, url, clock, body)
    assert summary.rows == 14
    assert summary.left_out == {"accounts whose personal data was erased": 1,
                                "accounts with neither a signup nor evidence": 1}  # fmt: skip
    assert summary.notes == {"screened from their evidence alone": 1,
                             "signups with attributes that are not declared any more": 10}  # fmt: skip
    # account 1 is `a-0` of d0.example; 2 was erased; 4 is `a-3` at d3.example, known by its evidence alone
    assert [(account, outcome, score) for account, outcome, score, *_ in decisions] == [
        (1, 0, 0), (3, 2, 70), (4, 2, 70), (5, 2, 70), (6, 2, 70), (7, 2, 70), (8, 2, 70), (9, 2, 70), (11, 2, 70),
        (12, 2, 70), (13, 2, 70),
    ]  # fmt: skip
    by_evidence = next(each for each in page.items if each.account_id == "a-3").decision()
    assert [reason.text for reason in by_evidence.reasons] == ["d3.example is thrown away"]
    assert summary.ways["none>verify"] == 1


def test_somebody_elses_decision_is_left_alone(folder, url):
    clock = filled(folder, url, 6)
    write_lists(folder, throwaway=("mail.example",), exits=())

    async def body(made):
        again = made.store.signups.again

        async def overtaken(id, facts, velocities):
            registered = await again(id, facts, velocities)
            if id == 2:  # while the chunk is being decided, a recheck decides about `a-1`
                decision = (await made.store.decisions.page(limit=6)).items[-2].decision()
                later = replace(decision, id="dec_later")
                await made.store.decisions.add(Screening(signup=registered, decide=lambda counts: later))
            return registered

        made.store.signups.again = overtaken
        _, summary = await made.run(by="ada")
        return summary, await rows(made.store, "SELECT account, id FROM decisions WHERE seq > 6 ORDER BY seq")

    summary, decisions = ask(folder, url, clock, body)
    assert decisions[0] == (2, "dec_later")
    assert 2 not in [account for account, _ in decisions[1:]]
    assert summary.notes == {"decided by somebody else meanwhile, and left alone": 1}


def test_the_schedule_goes_through_all_accounts(folder, url):
    clock = filled(folder, url, 12)
    write_lists(folder, throwaway=("d3.example",))
    settings = settings_of(folder, url)

    async def body():
        scheduled = ScheduledRescreening(settings, clock)
        first = await scheduled.run()
        async with rescreener(folder, url, clock) as made:
            await made.store.rescreenings.begin(NewRun(screened_by="x", ruleset="y", by="ada", owner="elsewhere"))
        second = await scheduled.run()
        await scheduled.stop()
        return first, second, await scheduled.run()

    first, second, third = asyncio.run(body())
    assert first == "run 1: 12 accounts, 1 of them news, {'allow>allow': 8, 'allow>verify': 1, 'review>review': 3}"
    assert second.startswith("left to another process: `elsewhere` is rescreening since")
    assert third == "stopped"


def test_a_worker_schedules_it_and_another_queue_keeps_it(folder, tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with (folder / "kycrisk.yaml").open("a") as settings:
        settings.write('rescreening: {schedule: "23 2 * * *"}\n')

    async def body():
        settings = settings_of(folder, url)
        scheduled = ScheduledRescreening(settings, now_utc)
        service = await Service.open(settings, upgrade_tables=True, works=True, rescreening=scheduled)
        try:
            return await asyncio.to_thread(DBOS.list_schedules)
        finally:
            await service.aclose()

    [found] = asyncio.run(body())
    assert (found["schedule_name"], found["schedule"], found["queue_name"]) == (
        "kycrisk-rescreen", "23 2 * * *", "kycrisk-long-jobs"
    )  # fmt: skip


def test_a_signup_that_these_rules_cannot_read_is_judged_by_all_of_its_evidence(folder, url):
    clock = filled(folder, url, 12)
    write_lists(folder, throwaway=("d3.example",))
    policy = POLICY.replace("type: int", "type: str").replace("signup.seats > 100", 'signup.seats == "many"')
    (folder / "rules" / "policy.yaml").write_text(policy)

    async def body(made):
        _, summary = await made.run(by="ada")
        return summary

    summary = ask(folder, url, clock, body)
    assert summary.notes == {"screened from their evidence alone": 12}
    assert summary.ways == {"allow>allow": 8, "allow>verify": 1, "review>review": 3}

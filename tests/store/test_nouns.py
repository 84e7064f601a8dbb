"""The smaller nouns: list entries, exemptions, rulesets, the recheck list, kept results, API keys, retention."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from kycrisk.decision import Exemption
from kycrisk.lookups.asked import Money
from kycrisk.lookups.budget import Budget, Limits, Reservation
from kycrisk.lookups.cache import Kept
from kycrisk.ruleset.canonical import canonical_text, version_of
from kycrisk.store.api_keys import ApiKey, NewKey, Refusal
from kycrisk.store.exemptions import NewExemption
from kycrisk.store.failure import Conflict, NotFound, StoreError
from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.list_entries import NewEntry
from kycrisk.store.retention import Durations
from kycrisk.store.rulesets import NewRuleset, RulesetStatus, SecondPersonNeeded
from kycrisk.store.store import Store
from tests.store.conftest import KEY
from tests.store.making import NOW, RULES, Maker, read_rules

DAY = timedelta(days=1)


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


def actions(store):
    return store.read(lambda c: c.execute(text("SELECT action FROM audit ORDER BY seq")).scalars().all())


def test_list_entries_say_who_why_and_until_when(run, clock):
    async def body(store):
        bad = await store.list_entries.add(NewEntry(list="blocked", value="bad.example", by="jane", why="spam"))
        brief = NewEntry(list="blocked", value="b.example", by="jane", why="a week", until=NOW + 7 * DAY)
        await store.list_entries.add(brief)
        with pytest.raises(Conflict, match=r"list `blocked` holds `bad\.example` already"):
            await store.list_entries.add(NewEntry(list="blocked", value="bad.example", by="joe", why="again"))
        await store.list_entries.add(NewEntry(list="partners", value="bad.example", by="joe", why="another list"))
        first = [each.value for each in await store.list_entries.in_force("blocked", clock())]
        clock.forward(days=7)
        second = [each.value for each in await store.list_entries.in_force("blocked", clock())]
        ended = await store.list_entries.end(bad.id, "joe")
        with pytest.raises(Conflict, match="has ended already"):
            await store.list_entries.end(bad.id, "joe")
        with pytest.raises(NotFound):
            await store.list_entries.end(99, "joe")
        third = await store.list_entries.in_force("blocked", clock())
        await store.list_entries.add(NewEntry(list="blocked", value="bad.example", by="joe", why="back again"))
        page = [(each.value, each.by, each.why) for each in (await store.list_entries.page("blocked")).items]
        return first, second, (ended.ended_by, ended.ended_at - NOW), third, page, await actions(store)

    first, second, ended, third, page, told = run(body)
    assert (first, second, ended, third) == (["bad.example", "b.example"], ["bad.example"], ("joe", 7 * DAY), ())
    assert page == [
        ("bad.example", "joe", "back again"),
        ("b.example", "jane", "a week"),
        ("bad.example", "jane", "spam"),
    ]
    assert told == [*["list_entry.added"] * 3, "list_entry.ended", "list_entry.added"]


def test_exemptions_end_by_themselves_or_by_somebody(run, clock):
    def new(rule, until, kind="account"):
        return NewExemption(rule=rule, kind=kind, subject="a-1", until=until, by="jane", why="seen on video")

    async def body(store):
        await store.exemptions.add(new("tor", NOW + DAY))
        vpn = await store.exemptions.add(new("vpn", NOW + 9 * DAY))
        for wrong in (new("tor", NOW), new("tor", NOW + DAY, kind="planet")):
            with pytest.raises(StoreError):
                await store.exemptions.add(wrong)
        first = [each.exemption() for each in await store.exemptions.in_force(clock())]
        clock.forward(days=1)
        second = [each.rule for each in await store.exemptions.in_force(clock())]
        await store.exemptions.end(vpn.id, "joe")
        with pytest.raises(Conflict):
            await store.exemptions.end(vpn.id, "joe")
        return first, second, await store.exemptions.in_force(clock()), (await store.exemptions.page()).items

    first, second, third, page = run(body)
    assert first == [
        Exemption("tor", "account a-1", NOW + DAY, "jane", "seen on video"),
        Exemption("vpn", "account a-1", NOW + 9 * DAY, "jane", "seen on video"),
    ]
    assert (second, third, [each.ended_by for each in page]) == (["vpn"], (), ["joe", None])


def test_rules_are_published_with_a_second_person_and_rolled_back(run, tmp_path, clock):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    rulesets = [
        read_rules(tmp_path / "one"),
        read_rules(tmp_path / "two", RULES.replace("score: 45", "score: 50")),
    ]
    one, two = map(version_of, rulesets)

    async def body(store):
        for ruleset in rulesets:
            draft = NewRuleset(text=canonical_text(ruleset), by="jane", sources={"policy.yaml": RULES}, note="n")
            await store.rulesets.draft(draft)
        with pytest.raises(SecondPersonNeeded):
            await store.rulesets.publish(one, "joe")
        with pytest.raises(SecondPersonNeeded):
            await store.rulesets.approve(one, "jane")
        approved = await store.rulesets.approve(one, "joe")
        with pytest.raises(Conflict):
            await store.rulesets.approve(one, "joe")
        nothing = await store.rulesets.current()
        await store.rulesets.publish(one, "jane")
        with pytest.raises(Conflict):
            await store.rulesets.publish(one, "jane")
        with pytest.raises(NotFound):
            await store.rulesets.roll_back("joe")
        await store.rulesets.approve(two, "ann")
        drafts = [each.version for each in await store.rulesets.drafts()]
        clock.forward(hours=1)
        await store.rulesets.publish(two, "jane")
        statuses = [(await store.rulesets.get(version)).status for version in (one, two)]
        back = await store.rulesets.roll_back("joe")
        history = [each.version for each in (await store.rulesets.publications()).items]
        return approved, nothing, drafts, statuses, back, history, await store.rulesets.current()

    approved, nothing, drafts, statuses, back, history, current = run(body)
    assert (approved.status, [each.by for each in approved.approvals]) == (RulesetStatus.APPROVED, ["joe"])
    assert approved.sources == {"policy.yaml": RULES}
    assert (nothing, drafts) == (None, [two])
    assert statuses == [RulesetStatus.REPLACED, RulesetStatus.PUBLISHED]
    assert history == [one, two, one]
    assert current == back


def test_unsettled_accounts_wait_until_they_are_settled(run, make, clock):
    async def body(store):
        await store.decisions.add(make.screening("a", missing=["ip.blocklisted"]))
        await store.decisions.add(make.screening("b", missing=["ip.tor_exit", "ip.blocklisted"]))
        await store.decisions.add(make.screening("c"))
        missing = await store.rechecks.missing()
        tor = await store.rechecks.due(NOW, signals=["ip.tor_exit"])
        clock.forward(hours=1)
        again = await store.signups.again(tor[0].signup, {}, ())
        await store.decisions.add(make.screening("b", signup=again, missing=["ip.blocklisted"]))
        [tried] = [each for each in await store.rechecks.due(clock()) if each.tries]
        await store.rechecks.postpone(tried.account, clock() + DAY)
        soon, later = await store.rechecks.due(clock()), await store.rechecks.due(clock() + DAY)
        await store.decisions.add(make.screening("a"))
        await store.rechecks.give_up(tried.account, "jane")
        return missing, tor, tried, len(soon), len(later), await store.rechecks.due(clock() + 9 * DAY)

    missing, [tor], tried, soon, later, left = run(body)
    assert missing == {"ip.blocklisted": 2, "ip.tor_exit": 1}
    assert (tor.missing, tor.tries) == ({"ip.tor_exit": "timeout", "ip.blocklisted": "timeout"}, 0)
    assert (tried.account, tried.signup, tried.tries, tried.since) == (tor.account, tor.signup, 1, NOW)
    assert tried.missing == {"ip.blocklisted": "timeout"}
    assert (soon, later, left) == (1, 2, ())


def test_lookups_keep_their_answers_and_budgets_there(opened, clock):
    async def body():
        async with await opened() as store:
            assert await store.kept_results.get("rdap", "example.com") is None
            await store.kept_results.put("rdap", "example.com", Kept("old"))
            await store.kept_results.put("rdap", "example.com", Kept("café", NOW + DAY))
            await asyncio.gather(*(store.kept_results.put("dns", "same", Kept(str(n))) for n in range(20)))
            budget = Budget(Limits(questions={"ipqs": 2}), store.kept_results, clock)
            await budget.reserve("ipqs", Money(Decimal("0.1"), "EUR"))
        async with await opened() as store:
            budget = Budget(Limits(questions={"ipqs": 2}), store.kept_results, clock)
            raw = await store.read(lambda c: c.execute(text("SELECT * FROM kept_results")).all())
            kept = await store.kept_results.get("rdap", "example.com"), await store.kept_results.get("dns", "same")
            return kept, await budget.left("ipqs"), "example" in repr(raw)

    assert asyncio.run(body()) == ((Kept("café", NOW + DAY), Kept("19")), 1, False)


def test_budgets_are_shared_by_all_processes(url, clock):
    """Stores of their own on one database, as in several processes, all of them asking at once."""
    limits = Limits(questions={"ipqs": 30}, money={"EUR": Decimal("0.10")})
    cent, granted, barrier = Money(Decimal("0.01"), "EUR"), [], threading.Barrier(3)

    async def body():
        async with await Store.open(url, site_key=KEY, clock=clock) as store:
            budget = Budget(limits, store.kept_results, clock)
            await asyncio.to_thread(barrier.wait)
            found = await asyncio.gather(*(budget.reserve("ipqs") for _ in range(15)))
            found += await asyncio.gather(*(budget.reserve("paid", cent) for _ in range(6)))
            await asyncio.to_thread(barrier.wait)
            granted.append((sum(isinstance(each, Reservation) for each in found), await budget.left("ipqs")))
            return await budget.spent()

    async def prepare():
        await (await Store.open(url, site_key=KEY, clock=clock, upgrade_tables=True)).close()

    asyncio.run(prepare())
    with ThreadPoolExecutor(3) as pool:
        spent = list(pool.map(lambda _: asyncio.run(body()), range(3)))
    assert sum(count for count, _ in granted) == 30 + 10
    assert [left for _, left in granted] == [0, 0, 0]
    assert spent == [{"EUR": Decimal("0.10")}] * 3


def test_api_keys_open_what_their_scopes_say_for_as_long_as_they_last(run, clock):
    async def body(store):
        new = NewKey(name="panel", scopes=["screenings"], by="jane", expires_at=NOW + 30 * DAY)
        issued = await store.api_keys.issue(new)
        id_, token = issued.key.id, issued.token
        wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
        answers = {
            "good": await store.api_keys.check(token, "screenings"),
            "other scope": await store.api_keys.check(token, "admin"),
            "wrong secret": await store.api_keys.check(wrong, "screenings"),
            "no such key": await store.api_keys.check("kyc_" + "0" * 16 + token[20:], "screenings"),
            "no token": await store.api_keys.check("é\ud800", "screenings"),
        }
        successor = await store.api_keys.rotate(id_, "joe", overlap=timedelta(hours=1))
        answers["old, overlapping"] = await store.api_keys.check(token, "screenings")
        answers["new"] = await store.api_keys.check(successor.token, "screenings")
        clock.forward(hours=1)
        answers["old, after it"] = await store.api_keys.check(token, "screenings")
        await store.api_keys.revoke(successor.key.id, "joe")
        answers["revoked"] = await store.api_keys.check(successor.token, "screenings")
        for refused in (store.api_keys.revoke(successor.key.id, "joe"), store.api_keys.rotate(id_, "j", overlap=DAY)):
            with pytest.raises(Conflict):
                await refused
        with pytest.raises(NotFound):
            await store.api_keys.revoke("nothing", "joe")
        raw = await store.read(lambda c: repr(c.execute(text("SELECT * FROM api_keys")).all()))
        return answers, issued, raw, len(await store.api_keys.all())

    answers, issued, raw, count = run(body)
    good, new = answers.pop("good"), answers.pop("new")
    assert isinstance(answers.pop("old, overlapping"), ApiKey)
    assert answers == {
        "other scope": Refusal.SCOPE,
        "wrong secret": Refusal.UNKNOWN,
        "no such key": Refusal.UNKNOWN,
        "no token": Refusal.UNKNOWN,
        "old, after it": Refusal.EXPIRED,
        "revoked": Refusal.REVOKED,
    }
    assert (good.id, good.name, good.scopes, good.expires_at) == (
        issued.key.id,
        "panel",
        frozenset({"screenings"}),
        NOW + 30 * DAY,
    )
    assert (new.follows, new.scopes, new.expires_at) == (issued.key.id, frozenset({"screenings"}), None)
    secret = issued.token.split("_", 2)[2]
    assert (len(secret), secret in raw, secret in repr(issued), count) == (43, False, False, 2)


def test_another_process_s_revocation_is_noticed_within_seconds(url, opened, clock):
    async def body():
        async with await opened() as one, await opened() as two:
            issued = await one.api_keys.issue(NewKey(name="n", scopes=["s"], by="jane"))
            before = await two.api_keys.check(issued.token, "s")
            await one.api_keys.revoke(issued.key.id, "jane")
            clock.forward(seconds=5)
            return isinstance(before, ApiKey), await two.api_keys.check(issued.token, "s")

    assert asyncio.run(body()) == (True, Refusal.REVOKED)


KEPT = Durations(idempotency=None, kept_results=None)


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        pytest.param(KEPT, {}, id="nothing-is-deleted-unless-asked-for"),
        pytest.param(Durations(kept_results=None), {"idempotency": 1}, id="idempotency"),
        pytest.param(Durations(idempotency=None), {"kept_results": 1}, id="kept-results"),
        pytest.param(Durations(idempotency=None, kept_results=None, signups=5 * DAY), {"signups": 3}, id="signups"),
        pytest.param(Durations(idempotency=None, kept_results=None, facts=5 * DAY), {"facts": 6}, id="facts"),
        pytest.param(
            Durations(idempotency=None, kept_results=None, facts=5 * DAY, decisions=5 * DAY),
            {"facts": 6, "decisions": 3, "accounts": 2},
            id="decisions-and-what-hangs-on-them",
        ),
        pytest.param(
            Durations(idempotency=None, kept_results=None, list_entries=DAY, exemptions=DAY, api_keys=DAY),
            {"list_entries": 1, "exemptions": 1, "api_keys": 1},
            id="what-has-ended",
        ),
    ],
)
def test_what_is_past_its_time_goes(run, make, clock, durations, expected):
    async def body(store):
        first = make.screening("old", idempotency=IdempotencyKey.of("k", "1", b""))
        await store.decisions.add(first)
        await store.decisions.add(make.screening("unsettled", missing=["ip.blocklisted"]))
        await store.decisions.add(make.screening("stays"))
        await store.kept_results.put("rdap", "x", Kept("t", NOW + DAY))
        await store.kept_results.put("rdap", "y", Kept("for good"))
        for until in (NOW + DAY, None):
            entry = NewEntry(list="blocked", value=f"{until}", by="jane", why="", until=until)
            await store.list_entries.add(entry)
            await store.api_keys.issue(NewKey(name="n", scopes=[], by="jane", expires_at=until))
            exempt = NewExemption(rule="tor", kind="account", subject="x", until=until or NOW + 99 * DAY, by="jane")
            await store.exemptions.add(exempt)
        clock.forward(days=10)
        await store.decisions.add(make.screening("stays", at=clock()))
        gone = await store.retention.apply(durations, now=clock, at_once=2)
        left = [each.account_id for each in (await store.decisions.page()).items]
        again = await store.retention.apply(durations, now=clock)
        with pytest.raises(Conflict, match="append-only"):
            await store.write(lambda tx: tx.connection.execute(text("DELETE FROM decisions")))
        return gone, left, sum(again.values()), (await store.audit.verify()).holds

    gone, left, again, holds = run(body)
    assert gone == expected
    assert left == (["stays"] if durations.decisions else ["stays", "stays", "unsettled", "old"])
    assert (again, holds) == (0, True)


def test_a_raw_signup_is_kept_until_its_time_is_over(run, make, clock):
    async def body(store):
        stored = await store.decisions.add(make.screening())
        before = await store.signups.get(stored.signup)
        clock.forward(days=2)
        await store.retention.apply(Durations(signups=DAY), now=clock)
        after = await store.signups.get(stored.signup)
        with pytest.raises(NotFound):
            await store.signups.get(99)
        return before, after

    before, after = run(body)
    assert json.loads(before.raw) == {"account_id": "a-1", "email": "jane@example.com"}
    assert (before.account_id, before.submitted_at, after.raw, after.account_id) == ("a-1", NOW, None, "a-1")

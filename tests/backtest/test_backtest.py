"""Backtests over a store: flips, rules, labels, and that nothing of the future reaches the past."""

from datetime import timedelta

import pytest

from kycrisk.backtest.label_file import LabelRow
from kycrisk.backtest.quality import Range
from kycrisk.backtest.run import GivenLabels
from kycrisk.decision import Exemption
from kycrisk.outcome import Outcome
from kycrisk.ruleset.condition import Velocity
from kycrisk.ruleset.decide import decide
from kycrisk.signals import Evidence
from kycrisk.store.labels import NewLabel
from kycrisk.store.list_entries import NewEntry
from kycrisk.store.retention import Durations
from kycrisk.store.screenings import Screening
from tests.backtest.making import approx, archive_of, backtest_of, in_step, maker, past, without_time
from tests.store.making import NOW, RULES

ALLOW, REVIEW, VERIFY, DENY = Outcome

#: Tor counts more, a rule is gone, one is new, one of the network is needed that nobody ever asked.
STRICTER = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}
rules:
  - {id: tor, title: A Tor exit, when: ip.tor_exit, score: 75, reason: Tor}
  - {id: listed, title: Listed, when: ip.blocklisted, score: 80, reason: listed}
  - {id: second, title: The second address, when: 'ip.address in "192.0.2.2"', score: 45, reason: second}
  - {id: burst, title: Many, when: 'signups(ip.address, "1h") >= 2', at_least: verify, reason: many}
  - {id: shadowed, title: In shadow, status: shadow, when: 'email.local == "user3"', at_least: deny, reason: three}
"""
NEEDS_MORE = STRICTER.replace("- {id: second", "- {id: vpn, title: A VPN, when: ip.vpn and ip.address in "
                              '"192.0.2.3", at_least: verify, reason: VPN}\n  - {id: second')  # fmt: skip


def flips(found):
    return {(each.before, each.lowest, each.highest): each.decisions for each in found.flips}


def effect(found, rule):
    return next(each for each in found.rules if each.rule == rule)


def test_the_same_rules_change_nothing(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        return await backtest_of(store, tmp_path)

    found = run(body)
    assert (found.decisions, found.same, found.flipped) == (24, 24, Range(0, 0))
    assert {each.rule: (each.hits_before, each.hits) for each in found.rules}["tor"] == (4, Range(4, 4))
    assert found.never_gathered == {}


def test_other_rules(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        return await backtest_of(store, tmp_path, STRICTER)

    found = run(body)
    # Tor: 1, 7, 13, 19. The second address: 2, 9, 16, 23.
    assert flips(found) == {(ALLOW, ALLOW, ALLOW): 16, (ALLOW, REVIEW, REVIEW): 4, (REVIEW, VERIFY, VERIFY): 4}
    assert (found.same, found.flipped, found.flagged_before(VERIFY), found.flagged(VERIFY)) == (
        16, Range(8, 8), 0, Range(4, 4)
    )  # fmt: skip
    tor, second, listed, shadowed = (effect(found, rule) for rule in ("tor", "second", "listed", "shadowed"))
    assert (tor.hits_before, tor.hits, tor.decides) == (4, Range(4, 4), Range(4, 4))
    assert (second.hits_before, second.hits, second.decides) == (None, Range(4, 4), Range(4, 4))
    assert (listed.hits, listed.gaps, listed.decides) == (Range(0, 0), 5, Range(0, 0))
    assert (shadowed.shadow, shadowed.hits, shadowed.decides) == (True, Range(1, 1), Range(1, 1))


def test_what_was_never_gathered_is_a_range(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        return await backtest_of(store, tmp_path, NEEDS_MORE)

    found = run(body)
    assert flips(found)[ALLOW, ALLOW, VERIFY] == 3  # 3, 10 and 17 have the third address
    assert (effect(found, "vpn").hits, effect(found, "vpn").decides) == (Range(0, 3), Range(0, 3))
    assert found.flagged(VERIFY) == Range(4, 7)
    assert found.never_gathered == {"ip.vpn": 24}


def test_rules_that_are_gone_are_told(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        return await backtest_of(store, tmp_path, STRICTER.replace("id: tor,", "id: onion,"))

    assert [(each.rule, each.hits_before) for each in run(body).lost_rules] == [("quiet", 0), ("tor", 4)][1:]


def test_an_exempt_account_stays_exempt(run, clock, tmp_path):
    """The exemption of then holds for the rule of that name."""

    make = maker()

    async def body(store):
        exemption = Exemption("tor", "account a-1", NOW + timedelta(days=9), "ann")

        def decided(counts):
            return decide(
                make.compiled, Evidence({"ip.tor_exit": True, "ip.blocklisted": False}), id="dec_exempt",
                account_id="a-1", decided_at=NOW, exemptions=(exemption,),
            )  # fmt: skip

        await store.decisions.add(Screening(signup=make.signup("a-1"), decide=decided))
        return await backtest_of(store, tmp_path, STRICTER)

    found = run(body)
    assert effect(found, "tor").hits == Range(0, 0)


def test_the_period(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        since, until = NOW + timedelta(hours=5), NOW + timedelta(hours=15)
        return await backtest_of(store, tmp_path, STRICTER, since=since, until=until)

    found = run(body)
    assert (found.decisions, found.first, found.last) == (10, NOW + timedelta(hours=5), NOW + timedelta(hours=14))
    assert effect(found, "tor").hits == Range(2, 2)


async def labelled(store, labels, at=NOW + timedelta(days=2)):
    for account, label in labels.items():
        new = NewLabel(account_id=account, label=label, source="analyst", at=at, by="ann")
        await store.labels.put(new)


def test_precision_and_recall(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock)
        clock.forward(days=9)
        await labelled(store, {"a-1": "fraud", "a-7": "legitimate", "a-3": "fraud", "a-4": "legitimate"})
        return await backtest_of(store, tmp_path, STRICTER), await backtest_of(store, tmp_path, NEEDS_MORE)

    told, ranged = run(body)
    after = told.labelled.after
    assert (after.fraud, after.legitimate, after.caught, after.bothered) == (2, 2, Range(1, 1), Range(1, 1))
    assert (after.precision.least, after.recall.least) == (0.5, 0.5)
    assert (after.precision.low, after.precision.high) == approx((0.094531, 0.905469), abs=1e-6)
    assert told.labelled.before.caught == Range(0, 0)
    assert told.labelled.before.precision is None
    without_tor = effect(told, "tor").instead
    assert (without_tor.caught, without_tor.bothered) == (Range(0, 0), Range(0, 0))
    assert (effect(told, "tor").hits_fraud, effect(told, "tor").hits_legitimate) == (Range(1, 1), Range(1, 1))
    live = effect(told, "shadowed").instead
    assert (live.caught, live.bothered) == (Range(2, 2), Range(1, 1))
    # a-3 signed up from the third address: if that was a VPN it is caught
    assert ranged.labelled.after.caught == Range(1, 2)
    assert (ranged.labelled.after.recall.least, ranged.labelled.after.recall.most) == (0.5, 1.0)
    assert (ranged.labelled.after.precision.least, ranged.labelled.after.precision.most) == approx((0.5, 2 / 3))


def test_labels_of_a_file(run, clock, tmp_path):
    rows = (
        LabelRow(2, "a-1", "legitimate", "", NOW, ""),
        LabelRow(3, "a-1", "fraud", "", NOW + timedelta(hours=1), ""),
        LabelRow(4, "a-2", "legitimate", "", None, ""),
        LabelRow(5, "nobody", "fraud", "", None, ""),
        LabelRow(6, "a-3", "fraud", "", NOW + timedelta(days=20), ""),
    )

    async def body(store):
        await past(store, maker(), clock)
        await labelled(store, {"a-5": "fraud"}, at=NOW)  # the file takes the place of the store's labels
        given = GivenLabels(name="labels.csv", rows=rows)
        return await backtest_of(store, tmp_path, given=given, labels_until=NOW + timedelta(days=10))

    found = run(body).labelled
    assert (found.source, found.judged, found.later, found.unknown_accounts) == ("labels.csv", 2, 1, 1)
    assert (found.after.fraud, found.after.legitimate) == (1, 1)


#: A count that no rule asked for before: how often it is known, and whom it hits.
COUNTING = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}
rules:
  - {id: often, title: Often, when: 'signups(ip.address, "15h") >= 2', score: 45, reason: often}
  - {id: many, title: Many, when: 'distinct(email.canonical, ip.address, "15h") >= 2', score: 45, reason: many}
  - {id: company, title: Company, when: 'signups(email.local, "15h") >= 1', score: 45, reason: company}
"""


def test_a_new_count_is_taken_from_signups_before_each_decision(run, clock, tmp_path):
    async def body(store):
        make = maker()
        await past(store, make, clock)
        found = await backtest_of(store, tmp_path, COUNTING)
        # what the store itself would have counted, signup by signup

        velocity = Velocity("ip.address", timedelta(hours=15))
        counts = []
        for number in range(24):
            known = {"ip.address": make.signup("x", ip=f"192.0.2.{number % 7}").facts["ip.address"]}
            registered = await store.signups.again(number + 1, known, [velocity])
            counts.append(registered.counts[velocity])
        return found, counts

    found, counts = run(body)
    assert counts == [min(number // 7, 2) for number in range(24)]
    assert effect(found, "often").hits == Range(10, 10) == Range(*[sum(count >= 2 for count in counts)] * 2)
    assert effect(found, "many").hits == Range(10, 10)
    assert found.counted == {
        'signups(ip.address, "15h")': 24,
        'distinct(email.canonical, ip.address, "15h")': 24,
    }
    assert found.never_gathered == {'signups(email.local, "15h")': 24}  # its facts are not kept of every signup
    assert effect(found, "company").hits == Range(0, 24)


def test_counts_that_reach_beyond_what_is_kept_are_unknown(run, clock, tmp_path):
    async def body(store):

        await past(store, maker(), clock)
        await store.retention.apply(Durations(facts=timedelta(hours=20)), now=clock)
        return await backtest_of(store, tmp_path, COUNTING)

    found = run(body)
    # kept from 04:00 on, so windows are whole from 19:00 on: the last five
    assert found.counted['signups(ip.address, "15h")'] == 5


NEW_RULES = [("the same", RULES), ("stricter", STRICTER), ("more evidence", NEEDS_MORE), ("counts", COUNTING)]


@pytest.mark.parametrize("text", [row[1] for row in NEW_RULES], ids=[row[0] for row in NEW_RULES])
def test_nothing_of_the_future_reaches_the_past(run, clock, tmp_path, text):
    """Signups, labels, list entries and exemptions that come later change nothing of a period that is over."""

    async def body(store):
        make = maker()
        await past(store, make, clock)
        await labelled(store, {"a-1": "fraud", "a-4": "legitimate"}, at=NOW + timedelta(hours=23))
        until = clock()
        period = {"since": NOW + timedelta(hours=2), "until": until, "labels_until": until}
        before = await backtest_of(store, tmp_path, text, **period)
        clock.forward(days=3)
        for number in range(30):  # the same addresses and mailboxes, in great numbers
            await store.decisions.add(
                make.screening(f"a-{number % 9}", at=clock(), name=f"user{number % 5}", ip=f"192.0.2.{number % 7}")
            )
        await labelled(store, {"a-2": "fraud", "a-1": "legitimate"}, at=clock())
        await store.list_entries.add(NewEntry(list="partners", value="example.com", by="ann", why="later"))
        return before, await backtest_of(store, tmp_path, text, **period)

    before, after = run(body)
    assert before.labelled.judged == 2
    later = without_time(after)
    assert later["labelled"].later == 2
    assert without_time(before)["flips"] == later["flips"]
    assert without_time(before)["rules"] == later["rules"]
    assert (before.labelled.before, before.labelled.after) == (after.labelled.before, after.labelled.after)
    assert {name: value for name, value in without_time(before).items() if name != "labelled"} == {
        name: value for name, value in later.items() if name != "labelled"
    }


def test_a_signup_that_is_registered_late_with_an_early_moment_counts_for_nobody_before_it(run, clock, tmp_path):
    async def body(store):
        make = maker()
        await past(store, make, clock)
        before = await backtest_of(store, tmp_path, COUNTING)
        for _ in range(5):  # backdated into the midst of the period
            await store.signups.register(make.signup("late", at=NOW + timedelta(hours=10), ip="192.0.2.3"))
        return before, await backtest_of(store, tmp_path, COUNTING)

    before, after = run(body)
    assert without_time(before) == without_time(after)


def test_a_broken_segment_is_named_and_the_result_is_whole(run, clock, tmp_path):
    async def body(store):
        make, archive = maker(), archive_of(tmp_path)
        await past(store, make, clock, 12)
        whole = await backtest_of(store, tmp_path, STRICTER)
        path = next(archive.folder.glob("*.segment"))
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        again = await backtest_of(store, tmp_path, STRICTER)
        _, kept = await in_step(store, archive)
        return whole, again, path.name, kept

    whole, again, name, kept = run(body)
    assert without_time(whole) == without_time(again)
    assert again.notes == (f"segment {name}: does not open: built anew from the store",)
    assert not kept


def test_an_erased_account_is_judged_by_what_is_left(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 12)
        await store.personal_data.erase("a-2", "ann", "asked for")
        return await backtest_of(store, tmp_path, STRICTER)

    found = run(body)
    assert found.erased == 1 + 1  # a-2 signed up twice: 2 and 10
    assert flips(found)[ALLOW, ALLOW, REVIEW] == 2  # whether it was the second address is forgotten
    assert effect(found, "tor").hits == Range(2, 2)

"""Counts over the store: as the history of a run counts them, and exact when signups arrive at the same instant."""

import asyncio
import itertools
import threading
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, func, select

from kycrisk.decision_json import decision_from_json
from kycrisk.ruleset.condition import Velocity
from kycrisk.screening.history import RunHistory
from kycrisk.store.counting import _Plan, count_registered
from kycrisk.store.driver import Driver
from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.moments import micros
from kycrisk.store.schema import ACCOUNTS, FACT_DAYS, FACTS, SIGNALS, SIGNUPS
from kycrisk.store.sealing import SiteKey
from kycrisk.store.signups import NewSignup
from kycrisk.store.store import Store
from kycrisk.store.velocity import (
    FACT_COLUMNS,
    Asked,
    Signals,
    StoreHistory,
    count_all,
    countable,
    digests_of,
    fact_rows,
)
from tests.store.conftest import KEY
from tests.store.making import FROM_IP, MAILBOXES, NOW, Maker, read_rules

HOUR = timedelta(hours=1)
MIDNIGHT = NOW.replace(hour=0)


def signup(account="me", at=NOW, velocities=(FROM_IP, MAILBOXES), **facts):
    return NewSignup(account_id=account, submitted_at=at, raw=b"{}", facts=facts, velocities=velocities)


def known(ip="192.0.2.1", mailbox="jane@example.com"):
    return {"ip.address": ip_address(ip), "email.canonical": mailbox}


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        pytest.param([], (0, 0), id="nobody-before"),
        pytest.param([(0, known())], (1, 1), id="the-same-moment"),
        pytest.param([(-3600, known())], (1, 1), id="the-window-s-first-moment"),
        pytest.param([(-3600.000001, known())], (0, 0), id="just-before-the-window"),
        pytest.param([(5, known())], (1, 1), id="registered-first-though-submitted-a-little-later"),
        pytest.param([(5.000001, known())], (0, 0), id="submitted-later"),
        pytest.param([(-1, known("192.0.2.2"))], (0, 0), id="another-address"),
        pytest.param([(-1, known()), (-2, known())], (2, 1), id="one-mailbox-twice"),
        pytest.param([(-1, known()), (-2, known(mailbox="joe@example.com"))], (2, 2), id="two-mailboxes"),
        pytest.param([(-1, known(mailbox=""))], (1, 0), id="a-mailbox-that-was-not-given"),
    ],
)
def test_a_signup_counts_what_was_registered_before_it(run, earlier, expected):
    async def body(store):
        for n, (seconds, facts) in enumerate(earlier):
            await store.signups.register(signup(f"a-{n}", at=NOW + timedelta(seconds=seconds), **facts))
        counts = (await store.signups.register(signup(**known()))).counts
        return counts[FROM_IP], counts[MAILBOXES]

    assert run(body) == expected


JOE = {"mailbox": "joe@example.com"}


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        pytest.param([("me", -1, known())], (0, 0), id="itself-alone"),
        pytest.param([("me", 0, known()), ("me", 0, known(**JOE))], (0, 0), id="itself-twice-at-the-same-moment"),
        pytest.param([("me", -1, known()), ("a", -2, known())], (1, 1), id="itself-and-another-with-its-mailbox"),
        pytest.param([("me", -1, known(**JOE)), ("a", -2, known())], (1, 1), id="its-other-mailbox"),
        pytest.param([("me", -3600, known()), ("a", -1, known())], (1, 1), id="itself-long-ago"),
        pytest.param([("me", -90_000, known()), ("a", -1, known())], (1, 1), id="itself-before-the-window"),
        pytest.param([("me", -1, known("192.0.2.2")), ("a", -1, known())], (1, 1), id="itself-from-elsewhere"),
        pytest.param([("a", -1, known()), ("a", -1, known())], (2, 1), id="another-twice"),
    ],
)
@pytest.mark.parametrize("way", ["one-by-one", "in-one-batch", "screened-again"])
def test_an_account_does_not_count_itself(run, way, earlier, expected):
    async def alone(store):
        for account, seconds, facts in earlier:
            await store.signups.register(signup(account, NOW + timedelta(seconds=seconds), **facts))
        return await store.signups.register(signup(**known()))

    async def together(store):
        signups = [signup(account, NOW + timedelta(seconds=seconds), **facts) for account, seconds, facts in earlier]
        return (await asyncio.gather(*(store.signups.register(each) for each in (*signups, signup(**known())))))[-1]

    async def again(store):
        registered = await alone(store)
        await store.signups.register(signup("later", **known()))
        return await store.signups.again(registered.id, known(), (FROM_IP, MAILBOXES))

    counts = run({"one-by-one": alone, "in-one-batch": together, "screened-again": again}[way]).counts
    assert (counts[FROM_IP], counts[MAILBOXES]) == expected


def test_over_days_an_account_does_not_count_itself(run):
    """What is read from whole days, too."""
    by_week = Velocity("ip.address", timedelta(days=7))

    async def body(store):
        for account, days in [("me", 6), ("a", 5), ("me", 3), ("b", 2), ("me", 1), ("b", 0), ("me", 0)]:
            await store.signups.register(signup(account, NOW - timedelta(days=days), velocities=(), **known()))
        return (await store.signups.register(signup(velocities=[by_week], **known()))).counts[by_week]

    assert run(body) == 3


def test_a_value_that_is_met_often_is_counted_over_its_days(run):
    """From 256 of them on, whole days are read; what an account did itself is left out of them, too."""
    by_week = Velocity("ip.address", timedelta(days=7))

    async def body(store):
        async def counted(account, days):
            at = NOW - timedelta(days=days)
            return (await store.signups.register(signup(account, at, velocities=[by_week], **known()))).counts[by_week]

        await asyncio.gather(*(counted(f"a-{n}", 4 - n % 4) for n in range(300)))
        days = select(func.count()).select_from(FACT_DAYS)
        kept = await store.read(lambda connection: connection.execute(days).scalar())
        found = [await counted(account, days) for account, days in [("me", 0), ("a-1", 0), ("me", 0), ("me", 2)]]
        return kept, found, (await store.velocity.count(known(), [by_week], NOW))[by_week]

    assert run(body) == (4, [300, 300, 301, 225], 304)


def test_a_retry_after_a_crash_does_not_count_its_first_attempt(run, tmp_path):
    """Killed between the registration and the decision; another signup came before the retry did."""
    key, maker = IdempotencyKey.of("key_1", "k-1", b"{}"), Maker(read_rules(tmp_path))

    async def body(store):
        await store.signups.register(signup(**known()))
        between = await store.signups.register(signup("between", **known()))
        retry = maker.screening("me", signup=signup(**known()), idempotency=key)
        stored = await store.decisions.add(retry)
        counted = decision_from_json(stored.body).evidence.known['signups(ip.address, "1h")']
        return stored.repeated, between.counts[FROM_IP], counted

    assert run(body) == (False, 1, 1)


def test_what_was_not_given_is_shared_with_nobody(run):
    by_phone = Velocity("phone.e164", HOUR)

    async def body(store):
        facts, asked = {"phone.e164": ""}, (by_phone, FROM_IP)
        await store.signups.register(signup("a", velocities=asked, **facts))
        return dict((await store.signups.register(signup("b", velocities=asked, **facts))).counts)

    assert run(body) == {by_phone: 0}


def test_values_of_every_type_are_told_apart(run):
    by = Velocity("signup.x", HOUR)

    async def body(store):
        values = [True, 1, 1.5, "1", ip_address("192.0.2.1"), NOW, HOUR, frozenset({"a", "b"})]
        for value in values:
            await store.signups.register(signup(velocities=(), **{"signup.x": value}))
        at = NOW + timedelta(seconds=1)
        return [(await store.velocity.count({"signup.x": value}, [by], at))[by] for value in values]

    assert run(body) == [1, 2, 1, 2, 1, 1, 1, 1]  # a signal has one type, so 1 and "1" never meet


def test_a_signup_is_counted_again_as_it_was(run):
    async def body(store):
        first = await store.signups.register(signup("a", **known()))
        second = await store.signups.register(signup("b", **known()))
        await store.signups.register(signup("c", **known()))
        again = await store.signups.again(second.id, known(), (FROM_IP, MAILBOXES))
        return first.counts[FROM_IP], dict(second.counts), dict(again.counts)

    assert run(body) == (0, {FROM_IP: 1, MAILBOXES: 1}, {FROM_IP: 1, MAILBOXES: 1})


def test_in_one_batch_each_counts_those_before_it(run):
    async def body(store):
        found = await asyncio.gather(*(store.signups.register(signup(f"a-{n}", **known())) for n in range(50)))
        return sorted(each.counts[FROM_IP] for each in found), sorted(each.id for each in found)

    assert run(body) == (list(range(50)), list(range(1, 51)))


def test_several_processes_arriving_at_once_count_each_other_exactly_once(url, clock):
    """Stores of their own on one database, as in several processes; every order of commits is possible between them."""
    stores, each, numbers = 4, 25, itertools.count()
    found, failed, barrier = [], [], threading.Barrier(stores)

    async def work(store):
        barrier.wait()
        accounts = [f"a-{next(numbers)}" for _ in range(each)]
        registered = await asyncio.gather(*(store.signups.register(signup(one, **known())) for one in accounts))
        found.extend(one.counts[FROM_IP] for one in registered)

    def serve():
        async def go():
            async with await Store.open(url, site_key=KEY, clock=clock) as store:
                await work(store)

        try:
            asyncio.run(go())
        except BaseException as error:
            failed.append(error)
            barrier.abort()
            raise

    async def prepare():
        await (await Store.open(url, site_key=KEY, clock=clock, upgrade_tables=True)).close()

    asyncio.run(prepare())
    threads = [threading.Thread(target=serve) for _ in range(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(found) == list(range(stores * each))


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 7200),
        st.sampled_from(["192.0.2.1", "192.0.2.2", ""]),
        st.sampled_from(["a@x.org", "b@x.org", "c@x.org", ""]),
        st.integers(1, 5),
    ),
    max_size=25,
)


@settings(max_examples=30)
@given(batches=st.lists(EVENTS, max_size=3))
def test_random_histories_agree_with_the_history_of_a_run(memory, batches):
    """Whatever order signups come in, however they are batched, and whosever they are."""
    asked = (FROM_IP, MAILBOXES)
    history, transaction, signals = RunHistory(asked), memory, memory.signals
    transaction.empty()
    number = 0
    for batch in batches:
        questions, rows, expected = [], [], []
        for seconds, ip, mailbox, account in batch:
            number += 1
            facts, at = {"ip.address": ip, "email.canonical": mailbox}, NOW + timedelta(seconds=seconds)
            known_by_run = facts | {"signup.account_id": str(account)}
            expected.append({velocity: history.count(velocity, known_by_run, at) for velocity in asked})
            history.add(known_by_run, at)
            transaction.insert_signup(number, account)
            digests = digests_of(KEY, facts)
            questions.append(Asked(digests, asked, at, number, account))
            rows += fact_rows(transaction, signals, number, digests, micros(at))
        transaction.insert_facts(rows)
        assert count_all(transaction.connection, signals, questions, timedelta(0)) == expected


WEEKS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 5 * 86_400), st.sampled_from([0, 86_399, 86_400, 172_800])),
        st.sampled_from("ab"),
        st.sampled_from([None, 1, 2]),
    ),
    max_size=30,
)


@settings(max_examples=80)
@given(
    batches=st.lists(WEEKS, max_size=4),
    window=st.sampled_from([1, 3600, 86_399, 86_400, 86_401, 259_200, 10**6]),
    often=st.sampled_from([1, 3, 8, 10**6]),
)
def test_counting_together_agrees_with_counting_each(memory, batches, window, often):
    """Windows that begin and end within days and between them, batches that hold several days, values that were met
    often before, that come to be so within a batch, and that never do."""
    by_address = Velocity("ip.address", timedelta(seconds=window))
    asked = (by_address, replace(by_address, counted="email.canonical"), replace(by_address, key="email.canonical"))
    memory.empty()
    number = 0
    for batch in batches:
        questions, rows = [], []
        for seconds, ip, account in batch:
            number += 1
            memory.insert_signup(number, account or 100 + number)
            facts, at = {"ip.address": ip, "email.canonical": ip * (number % 3)}, MIDNIGHT + timedelta(seconds=seconds)
            digests = digests_of(KEY, facts if number % 5 else {"ip.address": ip})
            questions.append(Asked(digests, asked, at, number, account))
            rows += fact_rows(memory, memory.signals, number, digests, micros(at))
        memory.insert_facts(rows)
        exactly = count_all(memory.connection, memory.signals, questions)
        together = count_registered(memory.connection, memory.driver, memory.signals, questions, rows, often)
        assert together == exactly


def test_days_are_kept_of_what_is_met_often(memory):
    memory.empty()
    by_week, digests = Velocity("ip.address", timedelta(days=7)), digests_of(KEY, {"ip.address": "192.0.2.1"})
    kept = []
    for number in range(1, 7):
        memory.insert_signup(number, number)
        at = MIDNIGHT + timedelta(days=number // 2)
        rows = fact_rows(memory, memory.signals, number, digests, micros(at))
        memory.insert_facts(rows)
        asked = [Asked(digests, (by_week,), at, number)]
        count_registered(memory.connection, memory.driver, memory.signals, asked, rows, 3)
        counts = memory.connection.execute(select(FACT_DAYS.c["count"]).order_by(FACT_DAYS.c.day)).scalars()
        kept.append(list(counts))
    assert kept == [[], [], [], [1, 2, 1], [1, 2, 2], [1, 2, 2, 1]]


@pytest.fixture(scope="module")
def memory():
    """The table of facts alone, in memory."""
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))

    class Memory:
        site, undone, signals = KEY, [], Signals()

        def __init__(self, connection):
            self.connection, self.driver = connection, Driver(connection)

        def empty(self):
            self.connection.execute(FACTS.delete())
            self.connection.execute(FACT_DAYS.delete())
            self.connection.execute(SIGNUPS.delete())

        def insert_signup(self, id_, account):
            row = {"id": id_, "account": account, "key": 1, "submitted_at": 0, "registered_at": 0}
            self.connection.execute(SIGNUPS.insert(), [row])

        def insert_facts(self, rows):
            self.driver.insert(FACTS, FACT_COLUMNS, rows)

    with engine.connect() as connection:
        for table in (ACCOUNTS, SIGNUPS, SIGNALS, FACTS, FACT_DAYS):
            table.create(connection)
        yield Memory(connection)
    engine.dispose()


def test_the_facts_that_are_kept():
    everything = {"ip.address": 1, "email.domain": 2, "signup.device_id": 3, "signup.plan": 4, "ip.tor_exit": 5}
    by_device = Velocity("signup.device_id", HOUR, "email.canonical")
    assert countable(everything, (by_device,)) == {"ip.address": 1, "email.domain": 2, "signup.device_id": 3}


def test_a_screener_s_history_sees_the_counts_of_its_own_screening():
    history = StoreHistory()
    with history.seeing({FROM_IP: 3}):
        assert history.count(FROM_IP, {}, NOW) == 3
    with pytest.raises(KeyError):
        history.count(FROM_IP, {}, NOW)


def test_pseudonyms_need_the_site_key(run):
    async def body(store):
        await store.signups.register(signup("jane", **known()))
        return await store.personal_data.accounts_of("email.canonical", "jane@example.com")

    assert run(body) == ("jane",)
    mine, others = (SiteKey(bytes([n]) * 32).pseudonym("email.canonical", "jane@example.com") for n in (1, 2))
    assert mine != others


def test_an_account_s_own_signups_are_not_looked_for_among_all_of_a_value(tmp_path):
    """SQLite prefers the index by digest, and would read all signups of an address for each of the account's own."""

    async def body():
        url = f"sqlite:///{tmp_path}/store.db"
        async with await Store.open(url, site_key=KEY, upgrade_tables=True) as store:
            question = _Plan.of((FROM_IP,), (0,), True)._question("(VALUES (1, 2, 3, 4, x'05'))")
            explained = f"EXPLAIN QUERY PLAN {question}"
            return [row[3] for row in await store.read(lambda c: c.exec_driver_sql(explained).all())]

    steps = asyncio.run(body())
    own = next(number for number, step in enumerate(steps) if step.startswith("SEARCH signups"))
    assert steps[own + 1] == "SEARCH facts USING PRIMARY KEY (signup=?)"

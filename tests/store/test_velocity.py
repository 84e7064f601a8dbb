"""Counts over the store: as the history of a run counts them, and exact when signups arrive at the same instant."""

import asyncio
import threading
from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event

from kycrisk.ruleset.condition import Velocity
from kycrisk.screening.history import RunHistory
from kycrisk.store.moments import micros
from kycrisk.store.schema import FACT_DAYS, FACTS, SIGNALS
from kycrisk.store.sealing import SiteKey
from kycrisk.store.signups import NewSignup
from kycrisk.store.store import Store
from kycrisk.store.velocity import (
    Asked,
    Signals,
    StoreHistory,
    add_days,
    count_all,
    count_new,
    countable,
    digests_of,
    fact_rows,
)
from tests.store.conftest import KEY
from tests.store.making import FROM_IP, MAILBOXES, NOW

HOUR = timedelta(hours=1)
MIDNIGHT = NOW.replace(hour=0)


def signup(account="a", at=NOW, velocities=(FROM_IP, MAILBOXES), **facts):
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
        for seconds, facts in earlier:
            await store.signups.register(signup(at=NOW + timedelta(seconds=seconds), **facts))
        counts = (await store.signups.register(signup(**known()))).counts
        return counts[FROM_IP], counts[MAILBOXES]

    assert run(body) == expected


def test_what_was_not_given_is_shared_with_nobody(run):
    by_phone = Velocity("phone.e164", HOUR)

    async def body(store):
        given = signup(velocities=(by_phone, FROM_IP), **{"phone.e164": ""})
        await store.signups.register(given)
        return dict((await store.signups.register(given)).counts)

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
        first = await store.signups.register(signup(**known()))
        second = await store.signups.register(signup(**known()))
        await store.signups.register(signup(**known()))
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
    stores, each = 4, 25
    found, failed, barrier = [], [], threading.Barrier(stores)

    async def work(store):
        barrier.wait()
        registered = await asyncio.gather(*(store.signups.register(signup(**known())) for _ in range(each)))
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
    ),
    max_size=25,
)


@settings(max_examples=30)
@given(batches=st.lists(EVENTS, max_size=3))
def test_random_histories_agree_with_the_history_of_a_run(memory, batches):
    """Whatever order signups come in, and however they are batched."""
    asked = (FROM_IP, MAILBOXES)
    history, transaction, signals = RunHistory(asked), memory, memory.signals
    transaction.empty()
    number = 0
    for batch in batches:
        questions, rows, expected = [], [], []
        for seconds, ip, mailbox in batch:
            number += 1
            facts, at = {"ip.address": ip, "email.canonical": mailbox}, NOW + timedelta(seconds=seconds)
            expected.append({velocity: history.count(velocity, facts, at) for velocity in asked})
            history.add(facts, at)
            digests = digests_of(KEY, facts)
            questions.append(Asked(digests, asked, at, number))
            rows += fact_rows(transaction, signals, number, digests, micros(at))
        transaction.insert_facts(rows)
        assert count_all(transaction.connection, signals, questions, timedelta(0)) == expected


WEEKS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 5 * 86_400), st.sampled_from([0, 86_399, 86_400, 172_800])), st.sampled_from("ab")
    ),
    max_size=30,
)


@settings(max_examples=50)
@given(batches=st.lists(WEEKS, max_size=3), window=st.sampled_from([1, 3600, 86_399, 86_400, 86_401, 259_200, 10**6]))
def test_counting_by_days_agrees_with_counting_each(memory, batches, window):
    """Windows that begin and end within days and between them, batches that hold several days."""
    asked = (Velocity("ip.address", timedelta(seconds=window)),)
    memory.empty()
    number = 0
    for batch in batches:
        questions, rows = [], []
        for seconds, ip in batch:
            number += 1
            digests, at = digests_of(KEY, {"ip.address": ip}), MIDNIGHT + timedelta(seconds=seconds)
            questions.append(Asked(digests, asked, at, number))
            rows += fact_rows(memory, memory.signals, number, digests, micros(at))
        memory.insert_facts(rows)
        ats = {}
        for row in rows:
            ats.setdefault(row["digest"], []).append((row["at"], row["signup"]))
        exactly = count_all(memory.connection, memory.signals, questions)
        assert count_new(memory.connection, memory.signals, questions, ats) == exactly
        add_days(memory.connection, rows)


@pytest.fixture(scope="module")
def memory():
    """The table of facts alone, in memory."""
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))

    class Memory:
        site, undone, signals = KEY, [], Signals()

        def __init__(self, connection):
            self.connection = connection

        def empty(self):
            self.connection.execute(FACTS.delete())
            self.connection.execute(FACT_DAYS.delete())

        def insert_facts(self, rows):
            if rows:
                self.connection.execute(FACTS.insert(), rows)

    with engine.connect() as connection:
        for table in (SIGNALS, FACTS, FACT_DAYS):
            table.create(connection)
        yield Memory(connection)
    engine.dispose()


def test_the_facts_that_are_kept():
    everything = {"ip.address": 1, "email.domain": 2, "signup.device_id": 3, "signup.plan": 4, "ip.tor_exit": 5}
    by_device = Velocity("signup.device_id", HOUR, "email.canonical")
    assert countable(everything, [by_device]) == {"ip.address": 1, "email.domain": 2, "signup.device_id": 3}


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

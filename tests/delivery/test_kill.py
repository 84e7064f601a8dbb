"""Killed at any moment, senders lose no delivery, send nothing else under an id, and nothing again that is settled.

`.ci/run` kills a handful of times; with KYCRISK_TEST_PROFILE=thorough, and in `make soak`, it is 200 on each database.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kycrisk.store.deliveries import State
from kycrisk.store.store import Store
from tests.delivery.conftest import hook, site_of
from tests.nursery import Nursery
from tests.store.conftest import KEY
from tests.store.making import RULES, Maker, read_rules

pytestmark = pytest.mark.heavy

KILLS = int(
    os.environ.get("KYCRISK_TEST_KILLS", 200 if os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak") else 4)
)


def killed(processes, chance):
    """Kill processes one after the other, once they have acknowledged something, and give all that they did."""
    acknowledged = []
    for process in processes:
        acknowledged += [process.stdout.readline().split()[0].decode() for _ in range(chance.randint(1, 40))]
        time.sleep(chance.random() * 0.05)  # any moment: between two acknowledgements, too
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.split()[0].decode() for line in process.stdout.readlines()]
        assert process.wait() == -signal.SIGKILL
    return acknowledged


def test_killed_senders_lose_nothing(url, tmp_path, receiver, counted):
    rules, chance = tmp_path / "rules", random.Random(20261126)
    rules.mkdir()
    (rules / "policy.yaml").write_text(RULES)
    make = Maker(read_rules(rules))
    at_once = 2 if url.startswith("postgresql") else 1
    later = datetime.now(UTC) + timedelta(days=1)  # every lease is over then

    async def prepare():
        await (await Store.open(url, site_key=KEY, upgrade_tables=True)).close()

    async def delivered():
        async with await Store.open(url, site_key=KEY) as store:
            query = text(f"SELECT message FROM deliveries WHERE state = {State.DELIVERED:d}")
            return set(await store.read(lambda c: c.execute(query).scalars().all()))

    async def finish():
        async with (
            await Store.open(url, site_key=KEY, clock=lambda: later) as store,
            site_of(store, make, lambda: later, [hook(receiver.url)]) as site,
        ):
            while await site.courier.round():
                pass
            decisions = await store.read(lambda c: c.execute(text("SELECT id FROM decisions")).scalars().all())
            rows = await store.read(lambda c: c.execute(text("SELECT message, state FROM deliveries")).all())
            return decisions, rows, (await store.audit.verify()).holds

    asyncio.run(prepare())
    acknowledged, settled = [], {}
    with Nursery("tests.delivery.sending_process") as nursery:
        for number in range(KILLS // at_once):
            receiver.answers = [500] * chance.randint(0, 3)
            names = [f"p{number:03d}{letter}" for letter in "ab"[:at_once]]
            with ExitStack() as stack:
                senders = [stack.enter_context(nursery.start(url, name, str(rules), receiver.url)) for name in names]
                acknowledged += killed(senders, chance)
            time.sleep(0.05)  # requests of the dead that the receiver is still reading
            seen = Counter(request.id for request in receiver.received)
            settled |= {message: seen[message] for message in asyncio.run(delivered()) if message not in settled}
    receiver.answers = []  # what no sender was left to hear
    decisions, rows, chain_holds = asyncio.run(finish())
    counts = Counter(request.id for request in receiver.received)
    bodies = {(request.id, request.body) for request in receiver.received}
    lost = {f"msg_created_{id_}" for id_ in decisions} - set(counts)
    counted(
        kills=KILLS, acknowledged=len(acknowledged), decisions_lost=len(set(acknowledged) - set(decisions)),
        deliveries=len(counts), requests=sum(counts.values()), deliveries_lost=len(lost),
        sent_again_though_settled=sum(counts[message] != settled[message] for message in settled),
    )  # fmt: skip
    assert set(acknowledged) <= set(decisions)
    assert lost == set()  # acknowledged or not
    assert set(counts) == {row.message for row in rows}  # nor are changes, and nothing else was sent
    assert {row.state for row in rows} == {State.DELIVERED}
    assert len(bodies) == len(counts)  # one payload under one id
    assert {message: counts[message] for message in settled} == settled  # nothing again that is known to be delivered
    assert chain_holds

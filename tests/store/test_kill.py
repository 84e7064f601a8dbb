"""Killed at any moment, a writer loses no decision that it acknowledged, stores none twice, and breaks no chain.

`.ci/run` kills a handful of times; with KYCRISK_TEST_PROFILE=thorough, and in `make soak`, it is 200 on each database.
"""

import asyncio
import os
import random
import signal

import pytest
from sqlalchemy import text

from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.store import Store
from tests.nursery import Nursery
from tests.store.conftest import KEY
from tests.store.making import RULES, Maker, read_rules

pytestmark = pytest.mark.heavy

KILLS = 200 if os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak") else 4


def killed(nursery, url, prefix, rules, acknowledgements):
    """Start a writer, kill it after so many acknowledgements, and give all that it acknowledged."""
    with nursery.start(url, prefix, str(rules)) as process:
        lines = [process.stdout.readline() for _ in range(acknowledgements)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL
    return dict(line.decode().split() for line in lines)


def test_a_killed_writer_loses_nothing(url, tmp_path, counted):
    rules, chance = tmp_path / "rules", random.Random(20261125)
    rules.mkdir()
    (rules / "policy.yaml").write_text(RULES)

    async def prepare():
        await (await Store.open(url, site_key=KEY, upgrade_tables=True)).close()

    async def look(acknowledged):
        make = Maker(read_rules(rules), "late")
        async with await Store.open(url, site_key=KEY) as store:
            verified = await store.audit.verify()
            rows = await store.read(lambda c: c.execute(text("SELECT id, seq FROM decisions ORDER BY seq")).all())
            keys = await store.read(lambda c: c.execute(text("SELECT decision FROM idempotency")).scalars().all())
            repeated = {}
            for key in chance.sample(sorted(acknowledged), 5):
                again = make.screening("again", idempotency=IdempotencyKey.of("test", key, b"body"))
                stored = await store.decisions.add(again)
                repeated[key] = stored.decision_id if stored.repeated else "stored again"
            lost = [key for key, id_ in acknowledged.items() if id_ not in {row.id for row in rows}]
            return verified, rows, keys, repeated, lost

    asyncio.run(prepare())
    acknowledged = {}
    with Nursery("tests.store.writing") as nursery:
        for number in range(KILLS):
            acknowledged |= killed(nursery, url, f"p{number:03d}x", rules, chance.randint(1, 80))
    verified, rows, keys, repeated, lost = asyncio.run(look(acknowledged))
    counted(
        kills=KILLS, acknowledged=len(acknowledged), stored=len(rows), lost=len(lost),
        stored_twice=len(keys) - len(set(keys)), asked_again=len(repeated),
    )  # fmt: skip
    assert lost == []
    assert len(rows) >= len(acknowledged) >= KILLS
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))  # no gap, and each once
    assert sorted(keys) == [row.seq for row in rows]  # one key, one decision
    assert repeated == {key: acknowledged[key] for key in repeated}
    assert (verified.holds, verified.rows) == (True, len(rows))

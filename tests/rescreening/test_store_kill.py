"""Killed at any moment, a rescreening of a store goes on behind what was written: no decision and no delivery twice.

Two processes never rescreen one store at the same time.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from kycrisk.store.failure import Conflict, StoreUnavailable
from kycrisk.store.rescreenings import Busy, LeaseLost, NewRun, Part, advance
from tests.rescreening.making import filled, rescreener, write_lists, write_site
from tests.store.making import Clock

ROOT = Path(__file__).resolve().parents[2]
THOROUGH = os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak")
COUNT = 40
NEW = {"screened_by": "x", "ruleset": "sha256:1", "by": "ada"}

DECISIONS = (
    f"SELECT account, outcome, score, settled, findings FROM decisions WHERE seq > {COUNT} ORDER BY account, seq"
)
DELIVERIES = f"""
    SELECT d.account, e.endpoint, e.event, e.before_outcome FROM deliveries e JOIN decisions d ON d.seq = e.decision
    WHERE d.seq > {COUNT} ORDER BY 1, 2, 3
"""


def command(folder, url):
    return [sys.executable, "-m", "tests.rescreening.rescreening_process", str(folder), url, "2"]


async def told(folder, url):
    """What a rescreening left in the store: decisions, deliveries, runs, and whether the audit log holds."""
    async with rescreener(folder, url, Clock()) as made:
        read = made.store.read
        rows = [
            await read(lambda connection, sql=sql: [tuple(row) for row in connection.execute(text(sql))])
            for sql in (DECISIONS, DELIVERIES, "SELECT upto, after, ended FROM rescreenings")
        ]
        return (*rows, (await made.store.audit.verify()).holds)


@pytest.mark.heavy
def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(url, tmp_path):
    chance, folder = random.Random(url.partition(":")[0]), write_site(tmp_path / "site")
    filled(folder, url, COUNT)
    write_lists(folder, throwaway=("mail.example",), exits=("203.0.113.0/27",))
    kills = 0
    while True:
        with subprocess.Popen(command(folder, url), stdout=subprocess.PIPE, cwd=ROOT) as process:
            for _ in range(1 if not kills else chance.randint(1, 3 if THOROUGH else 9)):
                process.stdout.readline()
            if not kills:
                assert "is rescreening since" in beside(process, folder, url)
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.readlines()
        if process.returncode == 0 or any(line.startswith(b"run ") for line in lines):
            break
        kills += 1
        assert kills < 100
    decisions, deliveries, runs, holds = asyncio.run(told(folder, url))
    # mail.example is everybody's but each third; d0, d3 ... stay, and exits above 31 are none any more
    accounts = [account for account, *_ in decisions]
    expected = [n + 1 for n in range(COUNT) if n % 3 or (n % 5 == 0 and n > 31)]
    assert accounts == expected
    assert Counter((account, endpoint, event) for account, endpoint, event, _ in deliveries) == Counter(
        {(account, endpoint, event): 1 for account in expected
         for endpoint, event in (("ep_a", "account.outcome_changed"), ("ep_a", "decision.created"),
                                 ("ep_b", "account.outcome_changed"))}
    )  # fmt: skip
    assert (set(runs), holds) == ({(COUNT, COUNT, "finished")}, True)  # two, where it was killed with its last breath
    assert kills >= 1


def beside(process, folder, url):
    """What a second process is told, while the first one stands still somewhere in the middle."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            asyncio.run(second(folder, url))
        except Busy as busy:
            return busy.message
        except StoreUnavailable:  # it stands within a transaction: let it come out
            process.send_signal(signal.SIGCONT)
            process.stdout.readline()
        else:
            return "nothing"


async def second(folder, url):
    async with rescreener(folder, url, Clock()) as made:
        await made.run(by="another")


def lease(url, tmp_path, clock, body):
    folder = write_site(tmp_path / "site")

    async def go():
        async with rescreener(folder, url, clock) as made:
            return await body(made.store)

    if url.startswith("postgresql"):
        filled(folder, url, 1)
    return asyncio.run(go())


def test_a_run_belongs_to_who_holds_its_lease(url, tmp_path):
    clock = Clock()

    async def body(store):
        runs, found = store.rescreenings, []
        first = await runs.begin(NewRun(**NEW, owner="a"))
        with pytest.raises(Busy, match="`a` is rescreening since 2026-11-2"):
            await runs.begin(NewRun(**NEW, owner="b"))
        clock.forward(seconds=59)
        await runs.renew(first.id, "a")
        clock.forward(seconds=59)
        with pytest.raises(Busy):
            await runs.begin(NewRun(**NEW, owner="b"))
        found.append(await runs.begin(NewRun(**NEW, owner="c"), lambda owner: owner != "a"))  # whose process is gone
        clock.forward(seconds=61)
        found.append(await runs.begin(NewRun(**NEW, owner="b")))
        for change in (runs.renew(first.id, "a"), runs.end(first.id, "a")):
            with pytest.raises(LeaseLost):
                await change
        part = {"run": first.id, "summary": "{}"}
        with pytest.raises(LeaseLost):
            await store.write(lambda tx: advance(tx, Part(**part, owner="a", after=0, last=3)))
        await store.write(lambda tx: advance(tx, Part(**part, owner="b", after=0, last=3)))
        with pytest.raises(LeaseLost):  # nothing is done twice
            await store.write(lambda tx: advance(tx, Part(**part, owner="b", after=0, last=3)))
        await runs.release(first.id, "b")
        found.append(await runs.begin(NewRun(**NEW, owner="d")))
        other = await runs.begin(NewRun(**{**NEW, "screened_by": "y"}, owner="d"))
        await runs.end(other.id, "d")
        with pytest.raises(Conflict):
            await runs.end(other.id, "d")
        return first, found, other, [(each.after, each.ended) for each in await runs.newest()]

    first, found, other, newest = lease(url, tmp_path, clock, body)
    assert [each.id for each in found] == [first.id] * 3
    assert other.id != first.id
    assert newest == [(0, "finished"), (3, "rules or lists changed")]

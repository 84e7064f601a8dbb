"""What recurs, on a real DBOS in the database of the store: ticks, and the work of processes that died."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dbos import DBOS
from sqlalchemy import text

from kycrisk.delivery.jobs import DEAD_AFTER, Job, Jobs, dbos_url, forget_runs, make_tables
from kycrisk.delivery.tally import Tally
from kycrisk.store.database import open_database
from kycrisk.store.failure import WrongSchema
from kycrisk.store.store import Store
from tests.store.conftest import KEY

ROOT = Path(__file__).resolve().parents[2]
EVERY_SECOND = "* * * * * *"
SOON = 120.0


def now():
    return datetime.now(UTC)


def jobs_of(store, *jobs, clock=now, tally=None):
    named = {job.name: job for job in jobs}
    return Jobs(store, named, clock=clock, tally=tally or Tally(), upgrade_tables=True)


async def statuses(store):
    """How many runs DBOS knows of, by their state."""
    table = "workflow_status" if store.database.is_sqlite else "dbos.workflow_status"
    query = text(f"SELECT status, count(*) FROM {table} GROUP BY status")
    return dict(await store.read(lambda c: [tuple(row) for row in c.execute(query)]))


def test_a_job_runs_at_its_ticks_and_a_failed_one_is_told(url, logged):
    async def body():
        ran, twice = [], asyncio.Event()

        async def run():
            ran.append(now())
            if len(ran) == 1:
                raise ValueError("the first time it fails")
            twice.set()
            return "all of it"

        tally = Tally()
        async with await Store.open(url, site_key=KEY, upgrade_tables=True) as store:
            jobs = jobs_of(store, Job("recheck", EVERY_SECOND, run), tally=tally)
            await jobs.start()
            try:
                await asyncio.wait_for(twice.wait(), SOON)
                schedules = [each["schedule_name"] for each in await asyncio.to_thread(DBOS.list_schedules)]
            finally:
                await jobs.stop()
            return tally.jobs, schedules, await statuses(store)

    counted, schedules, found = asyncio.run(body())
    assert counted["recheck", "failed"] == 1
    assert counted["recheck", "done"] >= 1
    assert schedules == ["kycrisk-recheck"]
    assert found["ERROR"] == 1
    assert "a job failed" in logged()


def test_a_schedule_that_is_no_longer_wished_is_taken_away(url):
    async def body():
        async def run():
            pass

        async with await Store.open(url, site_key=KEY, upgrade_tables=True) as store:
            found = []
            for names in (("recheck", "retention"), ("retention",)):
                jobs = jobs_of(store, *(Job(name, "0 3 * * *", run) for name in names))
                await jobs.start()
                found.append(sorted(each["schedule_name"] for each in await asyncio.to_thread(DBOS.list_schedules)))
                await jobs.stop()
            return found

    assert asyncio.run(body()) == [["kycrisk-recheck", "kycrisk-retention"], ["kycrisk-retention"]]


def test_what_a_dead_process_left_is_taken_over(url):
    async def prepare():
        await (await Store.open(url, site_key=KEY, upgrade_tables=True)).close()

    async def body():
        done = asyncio.Event()

        async def run():
            done.set()

        def later():
            return now() + DEAD_AFTER + timedelta(minutes=1)

        async with await Store.open(url, site_key=KEY, clock=later) as store:
            before = await statuses(store)
            jobs = jobs_of(store, Job("recheck", "0 0 1 1 *", run), clock=later)  # none of its own today
            await jobs.start()
            try:
                dead = await jobs.sweep()
                await asyncio.wait_for(done.wait(), SOON)
            finally:
                await jobs.stop()
            return before, dead

    asyncio.run(prepare())
    command = [sys.executable, "-m", "tests.delivery.jobs_process", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout.readline() == b"begun\n"
        process.kill()
    before, dead = asyncio.run(body())
    assert before["PENDING"] == 1
    assert dead == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # SQLite's are always made
def test_tables_are_made_where_that_is_wished_only(url):
    async def run():
        pass

    async def start():
        async with await Store.open(url, site_key=KEY) as store:
            jobs = Jobs(store, {"recheck": Job("recheck", "0 3 * * *", run)}, clock=now, tally=Tally())
            await jobs.start()
            await jobs.stop()

    async def prepare():
        await (await Store.open(url, site_key=KEY, upgrade_tables=True)).close()

    asyncio.run(prepare())
    with pytest.raises(WrongSchema, match="has no tables of this version for `jobs`"):
        asyncio.run(start())
    make_tables(url)
    asyncio.run(start())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param("sqlite:////srv/store.db", "sqlite:////srv/store.db", id="sqlite"),
        pytest.param("postgresql://kim:pw@db/site", "postgresql://kim:pw@db/site", id="postgresql"),
    ],
)
def test_the_database_is_that_of_the_store(tmp_path, given, wanted):
    url = given.replace("/srv", str(tmp_path))
    database = open_database(url)
    assert dbos_url(database.url) == wanted.replace("/srv", str(tmp_path))
    database.close()


def test_retention_forgets_what_ran_long_ago_from_within_its_own_run(url):
    """The run that asks goes on, and is forgotten by a later one."""

    async def body():
        forgotten, enough = [], asyncio.Event()

        async def run():
            forgotten.append(await forget_runs(now() + timedelta(days=1)))
            if len(forgotten) == 3:
                enough.set()

        async with await Store.open(url, site_key=KEY, upgrade_tables=True) as store:
            jobs = jobs_of(store, Job("retention", EVERY_SECOND, run))
            await jobs.start()
            try:
                await asyncio.wait_for(enough.wait(), SOON)
            finally:
                await jobs.stop()
            return forgotten, await statuses(store)

    forgotten, left = asyncio.run(body())
    assert forgotten[0] == 0
    assert sum(forgotten) >= 1
    assert sum(left.values()) <= len(forgotten) + 2 - sum(forgotten)

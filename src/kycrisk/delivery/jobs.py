"""Recurring jobs on DBOS, in the database of the store: each tick runs once, in one of all the processes.

DBOS resumes what a process left only when that process comes back. Here processes come and go under new names, so each
says that it lives (the table `workers`), and whoever notices that one no longer does puts its work back into the queue.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dbos import DBOS, DBOSConfig, ScheduleInput
from dbos import error as dbos_error
from sqlalchemy import Connection, delete, select
from sqlalchemy.engine import URL

from kycrisk.delivery.tally import Tally
from kycrisk.store.database import open_database
from kycrisk.store.failure import StoreUnavailable, WrongSchema
from kycrisk.store.moments import micros
from kycrisk.store.schema import WORKERS
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction

_log = logging.getLogger(__name__)

#: Runs one job to its end; what it returns is logged.
Run = Callable[[], Awaitable[object]]

QUEUE, LONG_QUEUE = "kycrisk-jobs", "kycrisk-long-jobs"
BEAT_EVERY = timedelta(seconds=10)
DEAD_AFTER = timedelta(seconds=60)
_PREFIX = "kycrisk-"
_APPLICATION_VERSION = "kycrisk-jobs-1"  # what one release has begun, the next one takes over
_STOP_WITHIN = 10
#: How long DBOS remembers what ran, once retention is scheduled; each tick is a run.
RUNS_KEPT = timedelta(days=30)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Job:
    """What recurs: a name, a cron expression in UTC, and what is done. A `long` one keeps no other waiting."""

    name: str
    cron: str
    run: Run
    long: bool = False


_running: dict[str, Callable[[str], None]] = {}  # DBOS is one for a process, and so is what runs its jobs


@DBOS.step(name="kycrisk.job.run", retries_allowed=False)
def _run_job(name: str) -> None:
    run = _running.get(name)
    if run is None:
        _log.warning("a job that this process does not have is left alone", extra={"job": name})
    else:
        run(name)


@DBOS.workflow(name="kycrisk.job")
def job_workflow(at: datetime, name: Any) -> None:
    """One tick of a job."""
    _run_job(str(name))


class Jobs:
    """The recurring jobs of this process. There can be one at a time in a process."""

    def __init__(
        self,
        store: Store,
        jobs: Mapping[str, Job],
        *,
        clock: Callable[[], datetime],
        tally: Tally,
        upgrade_tables: bool = False,
    ) -> None:
        self._store, self._jobs, self._clock, self._tally = store, dict(jobs), clock, tally
        self._upgrade = upgrade_tables or store.database.is_sqlite
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Schedule the jobs, and run what is due from now on. Raises `WrongSchema` and `StoreUnavailable`."""
        loop = asyncio.get_running_loop()

        def run(name: str) -> None:
            asyncio.run_coroutine_threadsafe(self._run(name), loop).result()

        _running.update(dict.fromkeys(self._jobs, run))
        await self._beat()
        try:
            await asyncio.to_thread(self._launch)
        except dbos_error.DBOSInitializationError:
            await asyncio.to_thread(DBOS.destroy)
            message = f"{self._store.database} has no tables of this version for `jobs`"
            raise WrongSchema(message, "`kycrisk store upgrade` makes them", None, "") from None
        self._beating = loop.create_task(self._beat_often(), name="kycrisk-jobs-beat")

    async def stop(self) -> None:
        """Run nothing more. What is under way has some seconds to end; after that another process takes it over."""
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
        await asyncio.to_thread(lambda: DBOS.destroy(workflow_completion_timeout_sec=_STOP_WITHIN))
        for name in self._jobs:
            _running.pop(name, None)

    async def sweep(self) -> int:
        """Put back into the queue what dead processes left; how many processes were dead."""
        before = micros(self._clock() - DEAD_AFTER)
        dead = await self._store.read(_dead, before)
        if dead:  # recovered first, then forgotten: whoever dies in between leaves it to the next one, to no harm
            handles = await asyncio.to_thread(DBOS._recover_pending_workflows, dead)
            await self._store.write(lambda tx: _forget(tx, dead))
            _log.warning("%d jobs of processes that are gone are taken over", len(handles))
        return len(dead)

    def _launch(self) -> None:
        config: DBOSConfig = {
            "name": "kycrisk",
            "system_database_url": dbos_url(self._store.database.url),
            "application_version": _APPLICATION_VERSION,
            "executor_id": self.worker,
            "log_level": "WARNING",
            "run_migrations": self._upgrade,
            "sys_db_pool_size": 4,
            "max_executor_threads": 4,
            "use_listen_notify": False,
        }
        DBOS(config=config)
        DBOS.launch()
        for queue in (QUEUE, LONG_QUEUE):
            DBOS.register_queue(queue, worker_concurrency=1, global_concurrency=1, on_conflict="always_update")
        wanted: list[ScheduleInput] = [
            {
                "schedule_name": f"{_PREFIX}{job.name}",
                "workflow_fn": job_workflow,
                "schedule": job.cron,
                "context": job.name,
                "queue_name": LONG_QUEUE if job.long else QUEUE,
            }
            for job in self._jobs.values()
        ]
        names = {each["schedule_name"] for each in wanted}
        for old in DBOS.list_schedules(schedule_name_prefix=_PREFIX):
            if old["schedule_name"] not in names:
                DBOS.delete_schedule(old["schedule_name"])
        DBOS.apply_schedules(wanted)

    async def _run(self, name: str) -> None:
        try:
            told = await self._jobs[name].run()
        except Exception as error:
            self._tally.jobs[name, "failed"] += 1
            _log.error("a job failed", exc_info=error, extra={"job": name})
            raise
        self._tally.jobs[name, "done"] += 1
        _log.info("a job is done: %s", told, extra={"job": name})

    async def _beat_often(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY.total_seconds())
            try:
                await self._beat()
                await self.sweep()
            except StoreUnavailable as gone:
                _log.warning("the store cannot be told that this process lives: %s", gone.reason)

    async def _beat(self) -> None:
        await self._store.write(lambda tx: _seen(tx, self.worker))


async def forget_runs(before: datetime) -> int:
    """Forget the runs of jobs that ended before a moment; how many there were. Jobs must have been started."""
    loop, forgotten = asyncio.get_running_loop(), 0
    # In a thread without the context of the job that may be calling: DBOS would make it a part of that run.
    while count := await loop.run_in_executor(None, _forget_some_runs, before):
        forgotten += count
    return forgotten


def _forget_some_runs(before: datetime) -> int:
    ended = DBOS.list_workflows(
        status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
        completed_before=before.isoformat(),
        limit=_AT_ONCE,
        load_input=False,
        load_output=False,
    )
    if ended:
        DBOS.delete_workflows([each.workflow_id for each in ended])
    return len(ended)


def make_tables(url: str) -> None:
    """Make the tables that jobs need, or bring them to this version: DBOS's own. Raises `Problems`."""
    database = open_database(url)
    try:
        DBOS.migrate(dbos_url(database.url))
    finally:
        database.close()


def dbos_url(url: URL) -> str:
    """The store's database as DBOS is told of it: its tables stand beside ours (SQLite), or in a schema `dbos`."""
    plain = url.set(drivername="sqlite" if url.get_backend_name() == "sqlite" else "postgresql")
    return plain.render_as_string(hide_password=False)


def _seen(tx: Transaction, worker: str) -> None:
    tx.connection.execute(delete(WORKERS).where(WORKERS.c.id == worker))
    tx.connection.execute(WORKERS.insert().values(id=worker, seen_at=tx.at))


def _dead(connection: Connection, before: int) -> list[str]:
    """The processes that were not heard of since a moment."""
    return list(connection.execute(select(WORKERS.c.id).where(WORKERS.c.seen_at < before)).scalars())


def _forget(tx: Transaction, workers: list[str]) -> None:
    tx.connection.execute(delete(WORKERS).where(WORKERS.c.id.in_(workers)))

"""A process that begins a job at its first tick and never ends it: it is there to be killed.

python -m tests.delivery.jobs_process URL
"""

import asyncio
import os
import sys
from datetime import UTC, datetime

from kycrisk.delivery.jobs import Job, Jobs
from kycrisk.delivery.tally import Tally
from kycrisk.store.store import Store
from tests.store.conftest import KEY


async def begin(url):
    async with await Store.open(url, site_key=KEY, upgrade_tables=True) as store:

        async def never_ends():
            os.write(1, b"begun\n")
            await asyncio.Event().wait()

        job = Job("recheck", "* * * * * *", never_ends)
        jobs = Jobs(store, {job.name: job}, clock=lambda: datetime.now(UTC), tally=Tally(), upgrade_tables=True)
        await jobs.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(begin(*sys.argv[1:]))

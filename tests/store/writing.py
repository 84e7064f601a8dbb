"""A process that stores decisions as fast as it can, and says on its standard output what was acknowledged.

It is one of the nursery's.
"""

import asyncio
import os
from itertools import count
from pathlib import Path

from kycrisk.store.idempotency import IdempotencyKey
from kycrisk.store.store import Store
from tests.store.conftest import KEY
from tests.store.making import Maker, read_rules

AT_ONCE = 16


async def write(url, prefix, rules):
    make, numbers = Maker(read_rules(Path(rules)), prefix), count()
    async with await Store.open(url, site_key=KEY) as store:

        async def client():
            for number in numbers:
                key = f"{prefix}{number}"
                screening = make.screening(f"a-{number % 50}", idempotency=IdempotencyKey.of("test", key, b"body"))
                stored = await store.decisions.add(screening)
                os.write(1, f"{key} {stored.decision_id}\n".encode())  # one write: whole, even when we are killed

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))


def main(url, prefix, rules):
    asyncio.run(write(url, prefix, rules))

"""A process that stores decisions and sends them as fast as it can, until it is killed.

It is one of the nursery's.
"""

import asyncio
import os
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from kycrisk.store.store import Store
from tests.delivery.conftest import hook, site_of
from tests.store.conftest import KEY
from tests.store.making import Maker, read_rules

AT_ONCE = 4


def now():
    return datetime.now(UTC)


async def go_on(url, prefix, rules, receiver):
    make, numbers = Maker(read_rules(Path(rules)), prefix), count()
    async with await Store.open(url, site_key=KEY) as store, site_of(store, make, now, [hook(receiver)]) as site:

        async def client():
            for number in numbers:
                id_ = await site.decide(f"a-{number % 20}", **{"ip.tor_exit": number % 3 == 0})
                os.write(1, f"{id_}\n".encode())  # acknowledged

        await asyncio.gather(site.courier.run(), *(client() for _ in range(AT_ONCE)))


def main(url, prefix, rules, receiver):
    asyncio.run(go_on(url, prefix, rules, receiver))

"""A process in which cases are opened, held back, approved and let go as fast as it can, until it is killed.

It is one of the nursery's. What is acknowledged stands on its standard output, a line each.
"""

import asyncio
import os
from datetime import UTC, datetime
from itertools import count

from kycrisk.store.store import Store
from kycrisk.verification.attempt import Told
from kycrisk.verification.cases import Cases
from kycrisk.verification.connections import Connections
from kycrisk.verification.errand import Errands
from kycrisk.verification.site import Site
from kycrisk.verification.state import Trigger
from kycrisk.verification_settings import PanelForm, VerificationSettings
from tests.store.conftest import KEY
from tests.verification.cases.conftest import SHIPPED

SECRET = "whsec_" + "QUJD" * 10
AT_ONCE = 4


def now():
    return datetime.now(UTC)


def connections(panel, clock=now):
    given = {"kind": "webhook", "url": panel, "secret": SECRET, "allow_private": True}
    return Connections(VerificationSettings(panel=PanelForm.model_validate(given)), clock)


async def traffic(url, panel, prefix):
    numbers, outside = count(), connections(panel)
    async with await Store.open(url, site_key=KEY) as store:
        site = Site(store=store, key=KEY, policies=SHIPPED, chosen="hostkey", clock=now)
        cases, errands = Cases(site), Errands(site=site, outside=outside.outside())

        async def customer():
            for number in numbers:
                name = f"{prefix}{number}"
                opened = await cases.open(name, Trigger.ABUSE_EVENT, actor="desk", reference=name)
                os.write(1, f"opened {name} {opened.case.id}\n".encode())
                await cases.start(opened.case.id, text_version="1")
                await cases.begin_attempt(opened.case.id, "idenfy", name)
                told = Told(provider="idenfy", key=name, reference=name, outcome="approved", final=True)
                await asyncio.gather(cases.hear(told), cases.hear(told))
                os.write(1, f"verified {name} {opened.case.id}\n".encode())

        async def worker():
            while True:
                if not await errands.run(10):
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(customer() for _ in range(AT_ONCE)), worker(), worker())


def main(url, panel, prefix):
    asyncio.run(traffic(url, panel, prefix))

"""Duplicates, sweeps and workers at the same time: every case ends verified, and what is held back is let go once."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from kycrisk.store.store import Store
from kycrisk.verification.attempt import Told
from kycrisk.verification.cases import Cases
from kycrisk.verification.errand import Errands
from kycrisk.verification.site import Site
from kycrisk.verification.state import State, Trigger
from kycrisk.verification.sweep import sweep
from tests.store.conftest import KEY
from tests.verification.cases.conftest import SHIPPED, Office
from tests.verification.cases.panel import outside

THREADS = 8
THOROUGH = os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak")


async def prepared(office, count):
    """Cases whose deadline is over: every second one is overdue already and held back, the others are not swept yet.

    All are suspended by an abuse report, so that each has something to be let go."""
    errands = Errands(site=office.site, outside=outside())
    for number in range(count):
        case = await office.open(f"a-{number}", Trigger.ABUSE_EVENT, reference=f"report-{number}")
        await office.cases.start(case.id, text_version="1")
        await office.cases.begin_attempt(case.id, "idenfy", f"scan-{number}")
    await errands.run_all()
    assert errands.outside.panel.count("hold", "services") == count
    return errands.outside


def in_threads(url, clock, out, count):
    """Each thread has a store of its own, as processes have: approvals three times, sweeps twice, and workers."""

    def approvals(part):
        async def go():
            async with await Store.open(url, site_key=KEY, clock=clock) as store:
                site = Site(store=store, key=KEY, policies=SHIPPED, chosen="hostkey", clock=clock)
                cases = Cases(site)
                for number in range(part, count, 4):
                    told = Told(
                        provider="idenfy", key=f"approved-{number}", reference=f"scan-{number}", outcome="approved",
                        final=True,
                    )  # fmt: skip
                    await asyncio.gather(*(cases.hear(told) for _ in range(3)))

        asyncio.run(go())

    def sweeps(_):
        async def go():
            async with await Store.open(url, site_key=KEY, clock=clock) as store:
                site = Site(store=store, key=KEY, policies=SHIPPED, chosen="hostkey", clock=clock)
                await sweep(site)

        asyncio.run(go())

    def works(_):
        async def go():
            async with await Store.open(url, site_key=KEY, clock=clock) as store:
                site = Site(store=store, key=KEY, policies=SHIPPED, chosen="hostkey", clock=clock)
                await Errands(site=site, outside=out).run_all()

        asyncio.run(go())

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [
            *(pool.submit(approvals, part) for part in range(4)),
            *(pool.submit(sweeps, n) for n in range(2)),
            *(pool.submit(works, n) for n in range(2)),
        ]:
            done.result()


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.heavy)])
def test_approvals_sweeps_and_workers_at_the_same_time(opened, url, clock, count, counted):
    async def before():
        async with await opened() as store:
            office = Office(store, clock, "hostkey")
            out = await prepared(office, count)
            clock.forward(days=4)
            return out

    async def after(out):
        async with await opened() as store:
            office = Office(store, clock, "hostkey")
            await office.sweep()
            await Errands(site=office.site, outside=out).run_all()
            found = [each for n in range(count) for each in await office.cases.of_account(f"a-{n}")]
            actions = [await office.audited(each.id) for each in found]
            held = [(await office.cases.standing(f"a-{n}")).holds for n in range(count)]
            return found, actions, held, await store.audit.verify()

    out = asyncio.run(before())
    in_threads(url, clock, out, count)
    found, audited, held, verified = asyncio.run(after(out))
    approved = [each.count("case.approved") for each in audited]
    counted(
        cases=count, approved_once=approved.count(1), let_go=out.panel.count("release", "services"),
        still_held=len(out.panel.held()) + sum(map(len, held)),
    )  # fmt: skip
    assert [each.state for each in found] == [State.VERIFIED] * count
    assert approved == [1] * count
    assert out.panel.count("release", "services") == count
    assert out.panel.count("hold", "orders") == out.panel.count("release", "orders")
    for number in range(count):  # nothing is held back after it was let go
        mine = [what for what, account, kind in out.panel.log if (account, kind) == (f"a-{number}", "orders")]
        assert mine in ([], ["hold", "release"])
    assert out.panel.held() == set()
    assert not any(held)
    assert verified.holds

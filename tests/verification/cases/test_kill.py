"""Killed at any moment while cases come and go: no transition that was acknowledged is lost, nothing is done twice at
the panel, and nothing is held back that should not be.

`.ci/run` kills a handful of times; with KYCRISK_TEST_PROFILE=thorough or soak it is 100 on each database.
"""

import asyncio
import json
import os
import random
import signal
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from kycrisk.store.store import Store
from kycrisk.verification.action import open_actions
from kycrisk.verification.cases import Cases
from kycrisk.verification.errand import Errands
from kycrisk.verification.site import Site
from kycrisk.verification.state import State
from tests.nursery import Nursery
from tests.store.conftest import KEY
from tests.verification.cases.conftest import SHIPPED
from tests.verification.cases.traffic import connections

pytestmark = pytest.mark.heavy

KILLS = 100 if os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak") else 4


def later():
    """When the leases of those that were killed are over."""
    return datetime.now(UTC) + timedelta(minutes=5)


def killed(nursery, url, panel, prefix, acknowledgements):
    """Start the traffic, kill it after so many acknowledgements, and give all that it acknowledged."""
    with nursery.start(url, panel, prefix) as process:
        lines = [process.stdout.readline() for _ in range(acknowledgements)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL
    return [line.decode().split() for line in lines]


def test_a_killed_process_loses_nothing_and_does_nothing_twice(url, httpserver, counted):
    effects, keys, chance = defaultdict(list), set(), random.Random(20261125)

    def panel(request):
        """What receivers are told to do: what comes under a key that came before has no effect."""
        if request.headers["webhook-id"] not in keys:
            keys.add(request.headers["webhook-id"])
            told = json.loads(request.get_data())
            effects[told["data"]["account_id"], told["data"]["kind"]].append(told["type"])
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/panel").respond_with_handler(panel)
    address = httpserver.url_for("/panel")

    async def prepare():
        await (await Store.open(url, site_key=KEY, upgrade_tables=True)).close()

    async def look(acknowledged):
        outside = connections(address, later)
        async with await Store.open(url, site_key=KEY, clock=later) as store:
            site = Site(store=store, key=KEY, policies=SHIPPED, chosen="hostkey", clock=later)
            cases = Cases(site)
            await Errands(site=site, outside=outside.outside()).run_all()
            await outside.aclose()
            names = sorted({name for _, name, _ in acknowledged} | {name for name, _ in effects})
            states = {name: (await cases.of_account(name))[0].state for name in names}
            held = {name: bool((await cases.standing(name)).holds) for name in states}
            return states, held, await store.read(open_actions), await store.audit.verify()

    asyncio.run(prepare())
    acknowledged = []
    with Nursery("tests.verification.cases.traffic") as nursery:
        for number in range(KILLS):
            acknowledged += killed(nursery, url, address, f"p{number:03d}x", chance.randint(1, 30))
    states, held, left, verified = asyncio.run(look(acknowledged))
    lost = [name for what, name, _ in acknowledged if what == "verified" and states[name] is not State.VERIFIED]
    wrong = [name for name, state in states.items() if held[name] is not (state is not State.VERIFIED)]
    expected = {key: ["hold.placed"] if held[key[0]] else ["hold.placed", "hold.lifted"] for key in effects}
    twice = {key: log for key, log in effects.items() if log != expected[key]}
    counted(
        kills=KILLS, acknowledged=len(acknowledged), cases=len(states), lost=len(lost),
        actions_at_the_panel=sum(map(len, effects.values())), actions_otherwise_than_once=len(twice),
        wrongly_held=len(wrong), errands_left=left,
    )  # fmt: skip
    assert lost == []
    assert len(states) >= KILLS
    assert (left, verified.holds) == (0, True)
    assert wrong == []
    assert twice == {}
    assert all((name, "services") in effects for name in states if held[name])  # nothing that is held was forgotten

"""Killed at any moment while cases come and go: no transition that was acknowledged is lost, nothing is done twice at
the panel, and nothing is held back that should not be.

`.ci/run` kills a handful of times; with KYCRISK_TEST_PROFILE=thorough or soak it is 100 on each database.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from werkzeug import Response

from kycrisk.store.store import Store
from kycrisk.verification.action import open_actions
from kycrisk.verification.cases import Cases
from kycrisk.verification.errand import Errands
from kycrisk.verification.site import Site
from kycrisk.verification.state import State
from tests.store.conftest import KEY
from tests.verification.cases.conftest import SHIPPED
from tests.verification.cases.traffic import connections

pytestmark = pytest.mark.heavy

KILLS = 100 if os.environ.get("KYCRISK_TEST_PROFILE") in ("thorough", "soak") else 4
ROOT = Path(__file__).resolve().parents[3]


def later():
    """When the leases of those that were killed are over."""
    return datetime.now(UTC) + timedelta(minutes=5)


def killed(url, panel, prefix, acknowledgements):
    """Start the traffic, kill it after so many acknowledgements, and give all that it acknowledged."""
    command = [sys.executable, "-m", "tests.verification.cases.traffic", url, panel, prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        lines = [process.stdout.readline() for _ in range(acknowledgements)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL
    return [line.decode().split() for line in lines]


def test_a_killed_process_loses_nothing_and_does_nothing_twice(url, httpserver):
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
    for number in range(KILLS):
        acknowledged += killed(url, address, f"p{number:03d}x", chance.randint(1, 60))
    states, held, left, verified = asyncio.run(look(acknowledged))
    lost = [name for what, name, _ in acknowledged if what == "verified" and states[name] is not State.VERIFIED]
    assert lost == []
    assert len(states) >= KILLS
    assert (left, verified.holds) == (0, True)
    assert [name for name, state in states.items() if held[name] is not (state is not State.VERIFIED)] == []
    for (name, kind), log in effects.items():
        once = ["hold.placed"] if held[name] else ["hold.placed", "hold.lifted"]
        assert log == once, f"{name} {kind}"
    assert all((name, "services") in effects for name in states if held[name])  # nothing that is held was forgotten

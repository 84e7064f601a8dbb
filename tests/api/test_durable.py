"""`engine: durable` under the service: durable-rules decides, reload after reload, and leaves no process behind."""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from kycrisk.service.standing import Use
from tests.api.conftest import RULES, SIGNUP
from tests.durable_engine.library import needs_durable_rules

RELOADS = 20
#: On a busy machine an answer may be late, and its worker is replaced; the default engine decides until then.
IN_TIME, LATE = ("durable", None), {("generated", "durable late"), ("generated", "durable away")}


@pytest.fixture
def durable(folder):
    settings = folder / "kycrisk.yaml"
    settings.write_text(settings.read_text() + "engine: durable\n")
    return folder


def workers(pid):
    """The processes of durable-rules that a process started, in whatever thread."""
    found = {int(each) for task in Path(f"/proc/{pid}/task").glob("*/children") for each in task.read_text().split()}
    return {each for each in found if b"durable_engine/worker.py" in command_line(each)}


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@needs_durable_rules
def test_it_decides_through_every_reload_and_leaves_no_process_behind(api, durable):
    policy = durable / "rules" / "policy.yaml"

    async def body(api):
        going, seen = True, set()

        async def screen(number):
            while going:
                answered = await api.screen({"account_id": f"a-{number}", "company": "Acme"})
                assert answered.status_code == 201, answered.text
                decision = answered.json()
                seen.add((decision["engine"], decision.get("after")))
                await asyncio.sleep(0)

        callers = [asyncio.create_task(screen(number)) for number in range(2)]
        posts = []
        for number in range(RELOADS):
            posts.append(api.service.standing.desk.engine.post.pid)
            policy.write_text(RULES.replace("score: 45", f"score: {41 + number}"))
            assert await api.service.standings.reload() is None
        going = False
        await asyncio.gather(*callers)
        assert api.service.standing.desk.engine.post.wait_manned(60)
        left = workers(os.getpid())
        assert left == {api.service.standing.desk.engine.post.pid}
        assert left.isdisjoint(posts)
        return seen

    seen = api(body)
    assert IN_TIME in seen
    assert seen <= {IN_TIME, *LATE}
    assert workers(os.getpid()) == set()


@needs_durable_rules
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_ends_with_the_service(server, durable, number):
    with server.running() as (process, (host, port)):
        headers = {"Authorization": f"Bearer {server.key('screen')}"}
        answered = httpx.post(f"http://{host}:{port}/v1/screenings", json=SIGNUP, headers=headers)
        assert answered.json()["engine"] in ("durable", "generated")
        left = workers(process.pid)
        assert len(left) == 1
        process.send_signal(number)
        process.wait(120)
        until = time.monotonic() + 30
        while any(map(command_line, left)) and time.monotonic() < until:
            time.sleep(0.01)
        assert [pid for pid in left if command_line(pid)] == []


def test_a_standing_that_was_replaced_ends_with_the_last_screening_through_it():
    closed = []
    use = Use(lambda: closed.append("closed"))
    with use:
        with use:
            use.retire()
        assert closed == []
    assert closed == ["closed"]


def test_a_standing_that_nobody_uses_ends_at_once():
    closed = []
    use = Use(lambda: closed.append("closed"))
    with use:
        pass
    assert closed == []
    use.retire()
    assert closed == ["closed"]

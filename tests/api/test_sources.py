"""Screenings that ask the network: within the deadline, counted from the moment they came, screened again later."""

import asyncio
import threading
import time

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from kycrisk.service.recheck import Rechecked, recheck

ASKING = """
  - id: spammer
    title: A forum spammer
    when: stopforumspam.ip_appears
    score: 80
    reason: "{ip.address} spams forums"
"""
PUBLIC = "198.41.0.99"  # documentation networks are not asked about


class Forum:
    """Stop Forum Spam on loopback: silent until it is told to answer."""

    def __init__(self, server):
        self.asked, self.answers, self._closing = 0, threading.Event(), threading.Event()
        server.expect_request("/api").respond_with_handler(self._answer)
        self.endpoint = server.url_for("/api")

    def close(self):
        self._closing.set()
        self.answers.set()

    def _answer(self, request):
        self.asked += 1
        if not self.answers.wait(20) or self._closing.is_set():
            return Response("no", 503)
        told = f'{{"success": 1, "ip": {{"value": "{PUBLIC}", "appears": 1, "frequency": 9, "confidence": 90.0, "lastseen": "2026-11-20 10:00:00"}}}}'  # noqa: E501
        return Response(told, content_type="application/json")


@pytest.fixture
def forum(folder):
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        made = Forum(server)
        (folder / "kycrisk.yaml").write_text(
            f"""\
rules: rules
network: {{timeout: 400ms, allow: [127.0.0.0/8]}}
sources:
  stopforumspam: {{endpoint: "{made.endpoint}", ask: [ip]}}
"""
        )
        policy = folder / "rules" / "policy.yaml"
        policy.write_text(policy.read_text() + ASKING)
        yield made
        made.close()


@pytest.mark.by_the_clock
def test_a_silent_source_costs_no_deadline_and_is_asked_again(api, forum):
    async def body(api):
        assert api.service.settings.sources.problems == ()
        started = time.monotonic()
        answered = await api.screen({"ip": PUBLIC}, headers={"Kycrisk-Deadline-Ms": "1500"})
        assert time.monotonic() - started < 1.5
        decision = answered.json()
        assert (decision["outcome"], decision["settled"]) == ("allow", False)
        assert decision["evidence"]["stopforumspam.ip_appears"]["unknown"] == "timeout"
        waiting = (await api.ask("GET", "/v1/rechecks")).json()
        assert [each["decision"] for each in waiting["items"]] == [decision["id"]]
        assert waiting["waiting_for"] == {"stopforumspam.ip_appears": 1}

        async def again():
            service = api.service
            return await recheck(service.screener, lambda: service.standing, service.clock)

        assert await again() == Rechecked(waiting=1)
        assert await again() == Rechecked()  # left alone for a while
        forum.answers.set()
        [due] = await api.service.store.rechecks.due(api.service.clock().replace(year=2999))
        await api.service.store.rechecks.postpone(due.account, api.service.clock())
        while (came := await again()) == Rechecked(waiting=1):  # its circuit may still be open
            await asyncio.sleep(0.2)
            await api.service.store.rechecks.postpone(due.account, api.service.clock())
        assert came == Rechecked(settled=1)
        latest = (await api.ask("GET", "/v1/screenings", params={"limit": 1})).json()["items"][0]
        assert (latest["outcome"], latest["settled"]) == ("verify", True)
        assert (await api.ask("GET", "/v1/rechecks")).json() == {"items": [], "waiting_for": {}}
        measures = (await api.client.get("/metrics")).text
        assert 'kycrisk_lookups_total{result="unanswered",source="stopforumspam"}' in measures

    api(body)


def test_a_request_that_comes_again_asks_and_counts_once(api, forum):
    forum.answers.set()

    async def body(api):
        key = {"Idempotency-Key": "k"}
        together = await asyncio.gather(*(api.screen({"ip": PUBLIC}, headers=key) for _ in range(5)))
        assert len({answer.content for answer in together}) == 1
        later = await api.screen({"ip": PUBLIC}, headers=key)
        assert later.content == together[0].content
        assert later.json()["outcome"] == "verify"
        assert forum.asked == 1
        other = await api.screen({"ip": PUBLIC, "account_id": "a-2"})
        assert other.json()["evidence"]['signups(ip.address, "24h")']["value"] == 1

    api(body)


def test_signups_that_wait_for_a_source_are_counted_meanwhile(api, forum):
    async def body(api):
        waiting = [asyncio.create_task(api.screen({"account_id": f"a-{number}", "ip": PUBLIC})) for number in range(4)]
        while (await api.client.get("/metrics")).text.count(
            "kycrisk_screenings_under_way 4.0"
        ) == 0 or forum.asked == 0:
            await asyncio.sleep(0)
        forum.answers.set()
        counts = [(await each).json()["evidence"]['signups(ip.address, "24h")']["value"] for each in waiting]
        assert sorted(counts) == [0, 1, 2, 3]

    api(body)

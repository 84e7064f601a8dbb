"""A service that works by itself: what goes out goes out, and the clocks run as a job."""

import asyncio
import json
from datetime import timedelta

import pytest
from werkzeug import Response

from kycrisk.api.service import Service
from kycrisk.delivery.case_work import CaseWork
from kycrisk.screening.desk import now_utc
from kycrisk.settings import read_settings
from kycrisk.verification.state import State, Trigger
from tests.api.conftest import folder
from tests.verification.cases.test_adapters import SECRET

__all__ = ["folder"]

SETTINGS = """\
rules: rules
jobs: {{cases: "* * * * *"}}
verification:
  policy: mine
  ticket: {{kind: webhook, url: "{url}", secret: {secret}, allow_private: true}}
  panel: {{kind: webhook, url: "{url}", secret: {secret}, allow_private: true}}
"""
POLICY = """\
verification:
  id: mine
  title: Mine
  opens_on: [self_request]
  steps: [consent]
  deadline: {within: 72h}
"""
SOON = 120.0


@pytest.fixture
def settings(folder, tmp_path, httpserver):
    url = httpserver.url_for("/hook")
    (folder / "kycrisk.yaml").write_text(SETTINGS.format(url=url, secret=SECRET))
    (folder / "rules" / "verification").mkdir()
    (folder / "rules" / "verification" / "mine.yaml").write_text(POLICY)
    return read_settings(folder, environ={})


def test_a_service_works_by_itself(settings, httpserver):
    came = []

    def hook(request):
        came.append(json.loads(request.get_data()))
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/hook").respond_with_handler(hook)
    ahead = timedelta(0)

    def clock():
        return now_utc() + ahead

    async def until(kind):
        async with asyncio.timeout(SOON):
            while kind not in [each["type"] for each in came]:
                await asyncio.sleep(0.02)

    async def body():
        nonlocal ahead
        service = await Service.open(settings, clock=clock, upgrade_tables=True, works=True)
        try:
            opened = await service.cases.open("a-1", Trigger.SELF_REQUEST, actor="tests")
            await until("ticket.opened")
            ahead = timedelta(hours=73)
            done = await CaseWork(service.bureau).tick()
            await until("hold.placed")
            await until("ticket.replied")
            return done, (await service.cases.get(opened.case.id)).case.state
        finally:
            await service.aclose()

    done, state = asyncio.run(body())
    assert (done["case.deadline"], state) == (1, State.OVERDUE)
    assert came[0]["type"] == "ticket.opened"
    assert {each["type"] for each in came[1:]} == {"hold.placed", "ticket.replied"}  # two lanes, in no order

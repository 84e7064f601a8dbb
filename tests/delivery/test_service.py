"""The whole: screenings over HTTP, webhooks that arrive, deliveries shown and replayed, rechecks by themselves."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.cli import app as cli
from kycrisk.delivery.rechecking import Rechecker
from kycrisk.service.recheck import Rechecked
from kycrisk.settings import read_settings
from kycrisk.store.api_keys import NewKey
from kycrisk.store.deliveries import State
from tests.api.conftest import Api, folder
from tests.api.test_sources import PUBLIC, forum
from tests.delivery.conftest import SECRET

__all__ = ["folder", "forum"]

EVERYTHING = ("screen", "read", "lists", "rules", "admin")
SOON = 120.0


def with_hook(folder, receiver, more=""):
    settings = folder / "kycrisk.yaml"
    settings.write_text(
        settings.read_text().replace("offline: true\n", "")
        + f'webhooks: [{{url: "{receiver.url}", secret: "{SECRET.reveal()}", allow_private: true}}]\n{more}'
    )


@pytest.fixture
def serve(folder, url):
    """Runs a coroutine function with a client of a service that works."""

    def run(body, **given):
        async def go():
            settings = read_settings(folder, environ={"KYCRISK_DATABASE": url})
            opened = await Service.open(settings, upgrade_tables=True, **{"works": True, **given})
            try:
                transport = httpx.ASGITransport(make_app(opened))
                async with httpx.AsyncClient(transport=transport, base_url="http://kycrisk.test") as client:
                    issued = await opened.store.api_keys.issue(NewKey(name="kim", scopes=EVERYTHING, by="tests"))
                    return await body(Api(opened, client, issued.token))
            finally:
                await opened.aclose()

        return asyncio.run(go())

    return run


async def until(condition):
    async with asyncio.timeout(SOON):
        while not await condition():
            await asyncio.sleep(0.01)


def test_a_screening_is_told_to_the_webhook(serve, folder, receiver):
    with_hook(folder, receiver)

    async def body(api):
        screened = await api.screen()

        async def delivered():
            [item] = (await api.ask("GET", "/v1/deliveries")).json()["items"]
            return item["state"] == "delivered"

        await until(delivered)
        [item] = (await api.ask("GET", "/v1/deliveries", params={"state": "delivered"})).json()["items"]
        one = (await api.ask("GET", f"/v1/deliveries/{item['id']}")).json()
        return screened, item, one, (await api.client.get("/metrics")).text

    screened, item, one, measures = serve(body)
    [request] = receiver.received
    decision = screened.json()["id"]
    assert json.loads(request.body)["data"]["decision"] == screened.json()
    assert (item["webhook_id"], item["event"], item["attempts"], item["error"]) == (
        f"msg_created_{decision}", "decision.created", 1, "",
    )  # fmt: skip
    assert item["host"] == receiver.url.split("/")[2]
    assert one == item
    assert f'kycrisk_delivery_attempts_total{{endpoint="{item["endpoint"]}",result="delivered"}} 1.0' in measures


def test_dead_letters_are_listed_and_replayed(serve, folder, receiver):
    with_hook(folder, receiver)

    async def body(api):
        await api.screen()
        deliveries = api.service.store.deliveries
        [item] = (await api.ask("GET", "/v1/deliveries")).json()["items"]
        refused = await api.ask("POST", f"/v1/deliveries/{item['id']}/replay")
        await deliveries.abandon((), api.service.clock().replace(year=2999), "nobody is there")
        [dead] = (await api.ask("GET", "/v1/deliveries", params={"state": "dead"})).json()["items"]
        [endpoint] = (await api.ask("GET", "/v1/deliveries/endpoints")).json()["items"]
        one = await api.ask("POST", f"/v1/deliveries/{dead['id']}/replay")
        await deliveries.abandon((), api.service.clock().replace(year=2999), "nobody is there")
        everything = (await api.ask("POST", "/v1/deliveries/replay")).json()
        enabled = await api.ask("POST", f"/v1/deliveries/endpoints/{endpoint['id']}/enable")
        await deliveries.disable(endpoint["id"], "gone")
        again = await api.ask("POST", f"/v1/deliveries/endpoints/{endpoint['id']}/enable")
        nothing = await api.ask("GET", "/v1/deliveries/999")
        key = (await api.key("read")).token
        forbidden = await api.ask("POST", "/v1/deliveries/replay", token=key)
        statuses = [each.status_code for each in (refused, one, enabled, again, nothing, forbidden)]
        return dead, endpoint, one.json(), everything, statuses

    dead, endpoint, one, everything, statuses = serve(body, works=False)
    assert statuses == [409, 200, 404, 200, 404, 403]
    assert (dead["error"], endpoint["dead"], endpoint["waiting"]) == ("nobody is there", 1, 0)
    assert (one["state"], one["webhook_id"]) == ("waiting", dead["webhook_id"])
    assert everything == {"replayed": 1}
    assert receiver.received == []  # nobody works


def test_a_webhook_with_a_mistake_costs_no_screening(serve, folder, receiver, logged):
    with_hook(folder, receiver)
    settings = folder / "kycrisk.yaml"
    settings.write_text(settings.read_text().replace("whsec_", "whsec_!"))

    async def body(api):
        return (await api.screen()).status_code, (await api.ask("GET", "/v1/deliveries")).json()["items"]

    assert serve(body) == (201, [])
    assert "a webhook is out of use: " in logged()
    assert SECRET.reveal()[6:] not in logged()


def test_those_who_wait_for_a_source_are_screened_again_when_it_answers(serve, folder, forum):
    async def body(api):
        for number in range(3):
            await api.screen({"account_id": f"a-{number}", "ip": PUBLIC}, headers={"Kycrisk-Deadline-Ms": "1500"})
        service, clock = api.service, api.service.clock
        rechecker = Rechecker(service.store, service.screener, lambda: service.standing, clock)
        silent = await rechecker.run()
        forum.answers.set()

        async def settled():
            for each in await service.store.rechecks.due(clock().replace(year=2999)):
                await service.store.rechecks.postpone(each.account, clock())  # its circuit may still be open
            seen.append(await rechecker.run())
            return not await service.store.rechecks.missing()

        seen = []
        await until(settled)
        return silent, seen[-1], sum(each.settled for each in seen)

    silent, last, settled = serve(body, works=False)
    assert silent == Rechecked(waiting=1)  # the others were left alone
    assert (last.waiting, settled) == (0, 3)


def test_a_worker_without_http_sends_what_others_stored(serve, folder, url, receiver):
    with_hook(folder, receiver)

    async def body(api):
        await api.screen()

    serve(body, works=False)
    environment = {**os.environ, "KYCRISK_DATABASE": url}
    command = [sys.executable, "-m", "kycrisk", "--config", str(folder), "worker"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as worker:
        asyncio.run(until(lambda: arrived(receiver)))
        worker.send_signal(signal.SIGTERM)
        log = worker.stderr.read().decode()
    assert worker.returncode == 0
    assert "kycrisk: working" in log
    assert "ann@example.com" not in log
    listed = CliRunner().invoke(
        cli, ["--config", str(folder), "deliveries", "list", "--format", "jsonl"], env={"KYCRISK_DATABASE": url}
    )
    assert [json.loads(line)["state"] for line in listed.stdout.splitlines()] == [State.DELIVERED.word]


async def arrived(receiver):
    return bool(receiver.received)

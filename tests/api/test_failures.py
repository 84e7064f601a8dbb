"""A database that cannot be used: a problem that says so, reading goes on, and all is well again without a restart."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.settings import read_settings
from kycrisk.store.api_keys import NewKey
from tests.api.conftest import EVERYTHING, Api


async def limit(store, pages):
    """Give the database a disk that is full: SQLite itself says so when a file may not grow any more."""
    with store.database.writing.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_told_and_recovered_from(folder, tmp_path):
    async def body():
        settings = read_settings(folder, environ={"KYCRISK_DATABASE": str(tmp_path / "full.db")})
        limits = settings.service.limits.model_copy(update={"requests_per_second": 100_000})
        settings = replace(settings, service=replace(settings.service, limits=limits))
        service = await Service.open(settings)
        try:
            transport = httpx.ASGITransport(make_app(service))
            async with httpx.AsyncClient(transport=transport, base_url="http://kycrisk.test") as client:
                issued = await service.store.api_keys.issue(NewKey(name="kim", scopes=EVERYTHING, by="tests"))
                api = Api(service, client, issued.token)
                first = await api.screen()
                await limit(service.store, 1)  # no more than there are
                while (full := await api.screen({"user_agent": "x" * 4000})).status_code == 201:
                    pass
                assert full.status_code == 503
                told = full.json()
                assert (told["type"].rpartition("/")[2], told["reason"]) == ("store-unavailable", "disk_full")
                assert full.headers["retry-after"] == "1"
                ready = await client.get("/readyz")
                assert (ready.status_code, ready.json().get("reason")) in ((503, "disk_full"), (200, None))
                assert (await api.ask("GET", first.headers["location"])).content == first.content
                count = len((await api.ask("GET", "/v1/screenings?limit=1000")).json()["items"])
                await limit(service.store, 1_073_741_823)
                again = await api.screen()
                assert again.status_code == 201
                assert len((await api.ask("GET", "/v1/screenings?limit=1000")).json()["items"]) == count + 1
                assert (await service.store.audit.verify()).holds
        finally:
            await service.aclose()

    asyncio.run(body())


def test_a_closed_store_is_told(api):
    async def body(api):
        await api.screen()
        await asyncio.to_thread(api.service.store.writer.close)
        answered = await api.screen()
        assert (answered.status_code, answered.json()["reason"]) == (503, "closed")
        ready = await api.client.get("/readyz")
        assert (ready.status_code, ready.json()["type"]) == (503, "https://kycrisk.invalid/problems/not-ready")
        assert (await api.client.get("/livez")).json() == {"status": "alive"}

    api(body)


def test_it_is_not_ready_while_it_stops(api):
    async def body(api):
        assert (await api.client.get("/readyz")).json()["status"] == "ready"
        api.service.stopping = True
        assert (await api.client.get("/readyz")).status_code == 503

    api(body)


def test_measures_and_who_may_see_them(api, folder):
    async def body(api):
        await api.screen({"company": "Acme"})
        await api.screen({"company": 7})
        text = (await api.client.get("/metrics")).text
        for line in (
            'kycrisk_decisions_total{outcome="review",settled="true"} 1.0',
            'kycrisk_problems_total{kind="invalid-signup"} 1.0',
            'kycrisk_http_requests_total{method="POST",route="/v1/screenings",status="201"} 1.0',
            'kycrisk_screening_stage_seconds_count{stage="whole"} 1.0',
            "kycrisk_store_queue_depth 0.0",
        ):
            assert line in text
        assert "Acme" not in text

    api(body)
    (folder / "kycrisk.yaml").write_text("rules: rules\noffline: true\nservice: {metrics: key}\n")

    async def guarded(api):
        assert (await api.client.get("/metrics")).status_code == 401
        assert (await api.ask("GET", "/metrics")).status_code == 200

    api(guarded)


def test_a_mistake_of_ours_is_a_problem_and_shows_nothing(api, caplog):
    async def body(api):
        def fail(*arguments):
            raise KeyError("zebra@giraffe.example")

        for target, name in ((api.service.screener, "screen"), (api.service.store.accounts, "page")):
            setattr(target, name, fail)
        for answered in (await api.screen(), await api.ask("GET", "/v1/accounts")):
            assert answered.status_code == 500
            assert answered.json()["type"] == "https://kycrisk.invalid/problems/internal-error"
            assert "zebra" not in answered.text

    api(body)


@pytest.mark.parametrize("field", ["email", "first_name"])
def test_odd_texts_are_screened(api, field):
    async def body(api):
        for text in ("\u202eevil", "a" * 200, "'; DROP TABLE decisions; --", "𝒂@𝒃.example", "x@[127.0.0.1]"):
            answered = await api.screen({field: text})
            assert answered.status_code == 201, text
            json.loads(answered.content)

    api(body)

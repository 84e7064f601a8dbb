"""The service in a process of its own: killed under load, stopped in the middle of a request, out of disk."""

import asyncio
import json
import os
import random
import signal
import threading

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.api.conftest import SIGNUP, SOAKING

KILLS = int(os.environ.get("KYCRISK_TEST_KILLS", 200 if SOAKING else 2))  # on each database
CALLERS = 4


def call(address, token, prefix, acknowledged, random_):
    """Screen until the service is gone; what was acknowledged, by idempotency key."""
    host, port = address
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=120) as client:
        for number in range(1_000_000):
            key = f"{prefix}-{number}"
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
            body = {**SIGNUP, "account_id": key, "ip": f"203.0.113.{random_.randrange(250)}"}
            try:
                answered = client.post("/v1/screenings", json=body, headers=headers)
            except httpx.TransportError:
                return
            assert answered.status_code == 201, answered.text
            acknowledged[key] = (body, answered.content)


@pytest.mark.heavy
def test_killed_at_random_moments_nothing_acknowledged_is_lost(server):
    random_ = random.Random("kills")
    acknowledged, token = {}, None
    for round_ in range(KILLS):
        with server.running() as (process, address):
            token = token or server.key("screen", "read")
            callers = [
                threading.Thread(target=call, args=(address, token, f"k{round_}-{caller}", acknowledged, random_))
                for caller in range(CALLERS)
            ]
            before = len(acknowledged)
            for caller in callers:
                caller.start()
            wanted = before + random_.randrange(5, 60)
            while len(acknowledged) < wanted and any(caller.is_alive() for caller in callers):
                pass
            process.send_signal(signal.SIGKILL)
            for caller in callers:
                caller.join()
    with server.running() as (_, (host, port)):
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://{host}:{port}", headers=headers, timeout=120) as client:
            listed, cursor = {}, ""
            while True:
                page = client.get("/v1/screenings", params={"limit": 1000, "cursor": cursor}).json()
                for each in page["items"]:
                    listed.setdefault(each["account_id"], []).append(each["id"])
                cursor = page["next"]
                if not cursor:
                    break
            for key, (_, content) in acknowledged.items():
                assert listed[key] == [json.loads(content)["id"]], key  # there, and once
            assert all(len(ids) == 1 for ids in listed.values())
            for key, (body, content) in random_.sample(sorted(acknowledged.items()), min(20, len(acknowledged))):
                again = client.post("/v1/screenings", json=body, headers={"Idempotency-Key": key})
                assert (again.status_code, again.content) == (201, content)
    verified = server.kycrisk("audit", "verify")
    assert verified.returncode == 0, verified.stderr + verified.stdout
    assert len(acknowledged) >= 5 * KILLS


def test_a_request_under_way_is_answered_before_it_stops(server):
    async def body(process, host, port, token):
        reader, writer = await asyncio.open_connection(host, port)
        content = json.dumps(SIGNUP).encode()
        head = (
            f"POST /v1/screenings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        ).encode()
        writer.write(head + content[:10])
        await writer.drain()
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
            while "kycrisk_http_requests_total" not in (await client.get("/metrics")).text:
                pass  # the first bytes of our request were sent before, and are with the service by now
        process.send_signal(signal.SIGTERM)
        while "stopping" not in server.log.read_text():
            await asyncio.sleep(0.01)
        writer.write(content[10:])
        answered = await reader.read()
        assert answered.startswith(b"HTTP/1.1 201 ")
        assert answered.endswith(b"}")
        writer.close()

    with server.running() as (process, (host, port)):
        asyncio.run(body(process, host, port, server.key("screen")))
        assert process.wait(120) == 0


def test_a_signal_takes_new_rules_into_force(server, folder):
    with server.running() as (process, (host, port)):
        token = server.key("screen")
        policy = folder / "rules" / "policy.yaml"
        policy.write_text(policy.read_text().replace("score: 45", "score: 80"))
        process.send_signal(signal.SIGHUP)
        while "taken anew" not in server.log.read_text():
            assert process.poll() is None
        headers = {"Authorization": f"Bearer {token}"}
        answered = httpx.post(
            f"http://{host}:{port}/v1/screenings", json={**SIGNUP, "company": "Acme"}, headers=headers
        )
        assert answered.json()["outcome"] == "verify"


@pytest.mark.heavy
def test_no_line_of_the_log_holds_what_a_customer_gave(server):
    secrets = {"account_id": "acc-9f31", "email": "zebra@giraffe.example", "ip": "203.0.113.77", "company": "Okapi"}
    with server.running() as (process, (host, port)):
        token = server.key("screen", "read")
        with httpx.Client(base_url=f"http://{host}:{port}", headers={"Authorization": f"Bearer {token}"}) as client:
            assert client.post("/v1/screenings", json=secrets).status_code == 201
            assert client.post("/v1/screenings", json={**secrets, "email": 7}).status_code == 422
            assert client.get("/v1/accounts/acc-9f31").status_code == 200
            assert client.get("/v1/screenings", params={"account_id": "acc-9f31"}).status_code == 200
            assert client.get("/v1/nothing/acc-9f31").status_code == 404
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    log = server.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    asked = [(each["route"], each["status"]) for each in lines if each["event"] == "request"]
    assert asked == [
        ("/v1/screenings", 201),
        ("/v1/screenings", 422),
        ("/v1/accounts/{account_id}", 200),
        ("/v1/screenings", 200),
        ("other", 404),
    ]
    for given in (*secrets.values(), token, "zebra", "giraffe"):
        assert given not in log
    dumped = server.kycrisk("support", "dump")
    assert dumped.returncode == 0, dumped.stderr
    told = json.loads(dumped.stdout)
    assert told["store"]["rows"]["decisions"] == 1
    for given in (*secrets.values(), token, server.url):
        assert given not in dumped.stdout


@pytest.mark.heavy
@pytest.mark.parametrize("wrong", ["an unknown schema", "another site key"])
def test_it_does_not_start_over_a_database_that_is_not_its_own(server, folder, wrong):
    with server.running():
        server.key("screen")
    if wrong == "another site key":
        (folder / ".kycrisk" / "site.key").write_text("ab" * 32 + "\n")
        expected = "was written with another site key"
    else:
        expected = "which this program does not know"
        engine = create_engine(server.url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(text("UPDATE kycrisk_version SET version_num = '9999'"))
        engine.dispose()
    started = server.kycrisk("serve", "--port", "0")
    assert (started.returncode, expected in started.stderr) == (2, True), started.stderr

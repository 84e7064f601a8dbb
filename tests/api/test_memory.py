"""Half an hour's signups through the service, as fast as they are answered: its memory does not grow with them.

In `make soak` it is half an hour of 50 a second on each database; CI takes a tenth. SQLite's page cache is full before
(store/database.py says how large it is).
"""

import http.client
import json
import re
import threading
from pathlib import Path

import pytest

from tests.api.conftest import SIGNUP, SOAKING

A_SECOND, SECONDS = 50, 1800 if SOAKING else 180
CALLERS = 4
MOST_GROWTH = 0.05


def screen(address, token, prefix, count):
    """So many signups of new accounts, over one connection."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(*address, timeout=60)
    for number in range(count):
        ip = f"198.{18 + number % 2}.{number // 256 % 256}.{number % 256}"
        body = {**SIGNUP, "account_id": f"{prefix}-{number}", "email": f"{prefix}.{number}@example.com", "ip": ip}
        connection.request("POST", "/v1/screenings", json.dumps(body), headers)
        answered = connection.getresponse()
        told = answered.read()
        assert answered.status == 201, told
    connection.close()


def screened(address, token, prefix, count):
    """The same by several callers; whatever one of them raises is raised."""
    failed = []

    def call(name):
        try:
            screen(address, token, name, count // CALLERS)
        except BaseException as error:
            failed.append(error)
            raise

    callers = [threading.Thread(target=call, args=(f"{prefix}{number}",)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert failed == []


def resident(process):
    """What a process holds in memory, in kilobytes."""
    return int(re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)[1])


@pytest.mark.heavy
def test_memory_does_not_grow_with_signups(server, folder):
    settings = folder / "kycrisk.yaml"
    settings.write_text(settings.read_text() + "service: {limits: {requests_per_second: 100000}}\n")
    signups = A_SECOND * SECONDS
    with server.running() as (process, address):
        token = server.key("screen")
        screened(address, token, "warm", 40_000 if SOAKING else signups // 3)
        before = resident(process)
        screened(address, token, "then", signups)
        after = resident(process)
    print(f"{before} kB before {signups} signups, {after} kB after them: {100 * (after / before - 1):+.2f} %")
    assert after < before * (1 + MOST_GROWTH)

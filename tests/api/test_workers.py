"""`kycrisk serve --workers`: several processes behind one port, on both databases."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kycrisk.api.siblings import together
from tests.api.conftest import SIGNUP

PATIENCE = 120.0


def until(true, what):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid):
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def measures(url):
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return [sample for family in families for sample in family.samples]


def versions(url):
    return {
        sample.labels["process"]: sample.labels["version"]
        for sample in measures(url)
        if sample.name == "kycrisk_ruleset_info"
    }


class Caller:
    """Asks over a connection of its own each time, so that either process may answer."""

    def __init__(self, address, token):
        self.url = f"http://{address[0]}:{address[1]}"
        self.headers = {"Authorization": f"Bearer {token}"}

    def screen(self, account, key=None, **given):
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return httpx.post(
            f"{self.url}/v1/screenings", json={**SIGNUP, "account_id": account, **given}, headers=headers, timeout=60
        )


@pytest.fixture
def running(server):
    with server.running("--workers", "2") as (process, address):
        yield process, Caller(address, server.key("screen"))


@pytest.mark.heavy
def test_two_processes_share_signups_rules_and_measures(running, folder):
    process, caller = running
    assert len(children(process.pid)) == 2
    answered = 0
    with ThreadPoolExecutor(8) as pool:
        counts = []
        while {each.labels["process"] for each in measures(caller.url) if answered_by(each)} != {"0", "1"}:
            answers = list(pool.map(caller.screen, [f"a-{answered + n}" for n in range(20)]))
            answered += len(answers)
            counts += [each.json()["evidence"]['signups(ip.address, "24h")']["value"] for each in answers]
        assert sorted(counts) == list(range(answered))  # each pair of signups exactly once
        same = list(pool.map(lambda _: caller.screen("same", "one-key").content, range(20)))
    assert len(set(same)) == 1
    assert sum(each.value for each in measures(caller.url) if answered_by(each)) == answered + 20

    policy = folder / "rules" / "policy.yaml"
    before = versions(caller.url)
    policy.write_text(policy.read_text().replace("score: 45", "score: 80"))
    process.send_signal(signal.SIGHUP)
    until(lambda: both_differ(versions(caller.url), before), "a process has the old rules")
    assert {caller.screen(f"b-{n}", company="Acme", ip="203.0.113.9").json()["score"] for n in range(3)} == {80}


def both_differ(now, before):
    return len(now) == 2 and {*now.values()}.isdisjoint(before.values())


def answered_by(sample):
    return sample.name == "kycrisk_http_requests_total" and sample.labels["route"] == "/v1/screenings"


@pytest.mark.heavy
def test_one_that_dies_is_replaced(running, server):
    process, caller = running
    before = children(process.pid)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(children(process.pid) - {killed}) == 2, "nobody took its place")
    until(lambda: len(versions(caller.url)) == 2, "the new one does not serve")
    assert [caller.screen(f"a-{n}").status_code for n in range(10)] == [201] * 10
    assert "ended with -9, another one is started" in server.log.read_text()


@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_end_with_the_parent(running, server, number):
    process, caller = running
    started = children(process.pid)
    assert caller.screen("a-1").status_code == 201
    process.send_signal(number)
    assert process.wait(PATIENCE) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    until(lambda: not any(map(alive, started)), "a process is left")
    assert server.log.read_text().count("stopping: 0 screenings are under way") == 2


@pytest.mark.heavy
def test_what_keeps_it_from_starting_is_told_once(server, folder):
    policy = folder / "rules" / "policy.yaml"
    policy.write_text(policy.read_text().replace("score: 45", "scoer: 45"))
    found = server.kycrisk("serve", "--port", "0", "--workers", "2", "--upgrade")
    assert found.returncode == 2
    assert found.stderr.count("`scoer`") == 1, found.stderr
    assert "is started" not in found.stderr


ONE = b"""\
# HELP kycrisk_a_total A.
# TYPE kycrisk_a_total counter
kycrisk_a_total{route="x{y"} 1.0
# HELP kycrisk_b B.
# TYPE kycrisk_b gauge
kycrisk_b 2.0
# HELP kycrisk_list_age_seconds C.
# TYPE kycrisk_list_age_seconds gauge
kycrisk_list_age_seconds{list="tor"} 3.0
"""


def test_measures_of_several_are_told_apart_where_they_differ():
    text = together({1: ONE, 0: ONE.replace(b"1.0", b"9.0")}).decode()
    assert (
        text
        == """\
# HELP kycrisk_a_total A.
# TYPE kycrisk_a_total counter
kycrisk_a_total{process="1",route="x{y"} 1.0
kycrisk_a_total{process="0",route="x{y"} 9.0
# HELP kycrisk_b B.
# TYPE kycrisk_b gauge
kycrisk_b{process="1"} 2.0
kycrisk_b{process="0"} 2.0
# HELP kycrisk_list_age_seconds C.
# TYPE kycrisk_list_age_seconds gauge
kycrisk_list_age_seconds{list="tor"} 3.0
"""
    )
    assert re.findall(r"# TYPE (\S+)", text) == ["kycrisk_a_total", "kycrisk_b", "kycrisk_list_age_seconds"]
    assert len(list(text_string_to_metric_families(text))) == 3

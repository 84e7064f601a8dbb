"""The service over a small site whose every answer is known, on both databases, behind a real socket or without one."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.screening.desk import now_utc
from kycrisk.settings import read_settings
from kycrisk.store.api_keys import NewKey
from tests.store.conftest import postgresql, url  # noqa: F401

RULES = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}

attributes:
  signup.plan: {type: str, question: "Which plan is being ordered?"}

lists:
  office: {kind: network, question: "Is it our own office?"}
  partners: {kind: domain, question: "Is it a partner's domain?"}

rules:
  - id: company
    title: A company signs up
    when: signup.company != ""
    score: 45
    reason: "{signup.company} is a company"

  - id: burst
    title: Many from one address
    when: signups(ip.address, "24h") >= 3
    score: 70
    reason: '{signups(ip.address, "24h")} came from {ip.address}'

  - id: office
    title: From our office
    when: ip.address in list("office")
    at_most: allow
    reason: "{ip.address} is ours"
"""
SIGNUP = {"account_id": "a-1", "email": "ann@example.com", "ip": "192.0.2.1"}
EVERYTHING = ("screen", "read", "lists", "rules", "admin")
SOAKING = os.environ.get("KYCRISK_TEST_PROFILE") == "soak"


class Api:
    """A client of the service without a socket in between, with a key that opens everything."""

    def __init__(self, service, client, token):
        self.service, self.client, self.token = service, client, token

    async def key(self, *scopes, name="another", expires_at=None):
        new = NewKey(name=name, scopes=scopes, by="tests", expires_at=expires_at)
        return await self.service.store.api_keys.issue(new)

    async def ask(self, method, path, body=None, *, token=None, headers=(), **more):
        given = {"Authorization": f"Bearer {token or self.token}", **dict(headers)}
        content = more.pop("content", None)
        if body is not None:
            content = json.dumps(body)
            given.setdefault("Content-Type", "application/json")
        return await self.client.request(method, path, content=content, headers=given, **more)

    async def screen(self, body=None, **more):
        return await self.ask("POST", "/v1/screenings", {**SIGNUP, **(body or {})}, **more)


@pytest.fixture
def folder(tmp_path):
    """A working folder with a small ruleset and no lists from outside."""
    made = tmp_path / "site"
    (made / "rules" / "lists").mkdir(parents=True)
    (made / "kycrisk.yaml").write_text("rules: rules\noffline: true\n")
    (made / "rules" / "policy.yaml").write_text(RULES)
    (made / "rules" / "lists" / "office.txt").write_text("198.51.100.0/24\n")
    return made


@pytest.fixture
def api(folder, url):  # noqa: F811
    """Runs a coroutine function with the service's client."""

    def run(body, clock=now_utc, **limits):
        async def go():
            settings = read_settings(folder, environ={"KYCRISK_DATABASE": url})
            service = settings.service
            settings = replace(settings, service=replace(service, limits=service.limits.model_copy(update=limits)))
            opened = await Service.open(settings, clock=clock, watch_files=True, upgrade_tables=True)
            try:
                transport = httpx.ASGITransport(make_app(opened))
                async with httpx.AsyncClient(transport=transport, base_url="http://kycrisk.test") as client:
                    issued = await opened.store.api_keys.issue(NewKey(name="kim", scopes=EVERYTHING, by="tests"))
                    return await body(Api(opened, client, issued.token))
            finally:
                await opened.aclose()

        return asyncio.run(go())

    return run


class Server:
    """`kycrisk serve` in a process of its own."""

    def __init__(self, folder, url):  # noqa: F811
        self.folder, self.url, self.log = folder, url, folder / "serve.log"
        self.environment = {**os.environ, "KYCRISK_DATABASE": url}

    def kycrisk(self, *arguments):
        command = [sys.executable, "-m", "kycrisk", "--config", str(self.folder), *arguments]
        return subprocess.run(command, env=self.environment, text=True, capture_output=True, check=False)

    @contextmanager
    def running(self, *options, nursery=None):
        """The process, and the address that it listens on; killed at the end, when it still runs.

        With a nursery of `tests.api.command` it is forked there, which is quicker."""
        arguments = ["--config", str(self.folder), "serve", "--port", "0", "--upgrade", *options]
        with self.log.open("w") as log, self._started(arguments, log, nursery) as process:
            try:
                yield process, self._address(process)
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()

    def _started(self, arguments, log, nursery):
        if nursery is not None:
            return nursery.start(*arguments, environ={"KYCRISK_DATABASE": self.url}, output=log)
        command = [sys.executable, "-m", "kycrisk", *arguments]
        return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def _address(self, process):
        while process.poll() is None:
            found = re.search(r"kycrisk: listening on (\S+):(\d+)", self.log.read_text())
            if found:
                return found[1], int(found[2])
            time.sleep(0.005)
        raise AssertionError(self.log.read_text())

    def key(self, *scopes):
        made = self.kycrisk("keys", "create", "tests", *(part for scope in scopes for part in ("-s", scope)))
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


@pytest.fixture
def server(folder, url):  # noqa: F811
    return Server(folder, url)


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

"""Deliveries are tested on both databases, with real receivers on loopback and a clock that stands still."""

import asyncio
import base64
import io
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from kycrisk.delivery.courier import Courier
from kycrisk.delivery.endpoint import endpoints_of, outbox_of
from kycrisk.delivery.lane import lanes_of
from kycrisk.delivery.sending import Sender
from kycrisk.delivery.tally import Tally
from kycrisk.lookups.secrets import Secret
from kycrisk.store.store import Store
from kycrisk.webhook_settings import Webhook
from tests.delivery.receiver import receiving
from tests.store.conftest import KEY, clock, opened, postgresql, run, url
from tests.store.making import Maker, read_rules

__all__ = ["clock", "opened", "postgresql", "run", "url"]

SECRET = Secret("whsec_" + base64.b64encode(bytes(range(32))).decode())


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


@pytest.fixture
def logged():
    """What is logged: heard at the source, as a service that was opened before keeps its logs to itself."""
    heard, logger = io.StringIO(), logging.getLogger("kycrisk")
    handler, level = logging.StreamHandler(heard), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield heard.getvalue
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture
def receiver():
    with receiving() as started:
        yield started


@dataclass(frozen=True)
class Site:
    """A store with couriers to its webhooks, opened for one test."""

    store: Store
    courier: Courier
    outbox: object
    tally: Tally
    endpoints: tuple
    make: Maker

    async def decide(self, account="a-1", **given):
        """A decision that is stored with what is to be sent about it; its id."""
        at = self.store.writer._clock()
        return (await self.store.decisions.add(self.make.screening(account, at, also=self.outbox, **given))).decision_id

    async def all(self):
        return list(reversed((await self.store.deliveries.page(limit=1000)).items))


@asynccontextmanager
async def site_of(store, make, clock, webhooks, *, tls=None):
    """The site of webhooks over an open store."""
    tally, endpoints = Tally(), endpoints_of(webhooks, KEY)
    sender = Sender(endpoints, version="test", now=clock, tls=tls)
    lanes = lanes_of(endpoints, store, sender, clock=clock, random=lambda: 0.5, tally=tally)
    try:
        yield Site(store, Courier(store, lanes, clock=clock), outbox_of(endpoints), tally, endpoints, make)
    finally:
        await sender.aclose()


@pytest.fixture
def deliver(opened, make, clock):
    """Runs a test's coroutine function with the site of some webhooks."""

    def run_(body, *webhooks, tls=None):
        async def go():
            async with await opened() as store, site_of(store, make, clock, webhooks, tls=tls) as site:
                return await body(site)

        return asyncio.run(go())

    return run_


def hook(url, **more):
    """A webhook at an address of loopback, to which nothing is sent unless it is allowed."""
    return Webhook(**{"url": url, "secret": SECRET, "allow_private": True, **more})

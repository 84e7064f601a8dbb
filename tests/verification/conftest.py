"""What tests of the verification share: a store on both databases, and HTTP that may reach local practice servers."""

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from kycrisk.lookups.http import Http
from kycrisk.lookups.secrets import Redactor
from tests.store.conftest import clock, opened, postgresql, run, url

__all__ = ["clock", "opened", "postgresql", "run", "url"]


@asynccontextmanager
async def local_http(*secrets):
    http = Http(version="test", allowed=[ip_network("127.0.0.0/8")], redactor=Redactor(secrets))
    try:
        yield http
    finally:
        await http.aclose()


@pytest.fixture
def asked():
    """Runs `body(http)` with a client that may ask local servers."""

    def run_(body, *secrets):
        async def go():
            async with local_http(*secrets) as http:
                return await body(http)

        return asyncio.run(go())

    return run_

